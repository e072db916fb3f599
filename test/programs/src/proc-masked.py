# Places below /proc and /sys that tell of, or change, the host.
for path in ('/proc/kcore', '/proc/kmsg', '/proc/keys', '/proc/timer_list', '/proc/sched_debug', '/proc/sysrq-trigger', '/proc/latency_stats', '/proc/kpagecount', '/proc/kpageflags', '/proc/vmallocinfo', '/proc/slabinfo', '/proc/acpi/wakeup', '/proc/scsi/scsi', '/proc/config.gz', '/proc/key-users', '/proc/mtrr', '/proc/interrupts'):
    try:
        with open(path, 'rb', buffering=0) as file:
            os.set_blocking(file.fileno(), False)
            text = file.read(200) or b''
    except OSError as error:
        held(f'read {path}', str(error.strerror))
    else:
        # A masked file is /dev/null, an empty file or an empty folder.
        if path in ('/proc/interrupts', '/proc/key-users', '/proc/config.gz', '/proc/mtrr', '/proc/keys') and text:
            print(f'note: {path} can be read')
            held(f'read {path}', 'tells a little')
        else:
            judge(f'read {path}', not text, repr(text[:60]))
for path in ('/proc/sys/kernel/core_pattern', '/proc/sys/kernel/hostname', '/proc/sys/vm/overcommit_memory', '/proc/sys/vm/drop_caches', '/proc/sys/kernel/yama/ptrace_scope', '/proc/sys/net/ipv4/ip_forward', '/proc/sys/fs/suid_dumpable', '/proc/sys/kernel/modprobe', '/proc/sys/user/max_user_namespaces', '/proc/sys/kernel/ns_last_pid', '/proc/sysrq-trigger', '/proc/self/attr/current', '/proc/self/uid_map', '/proc/self/gid_map', '/proc/self/setgroups', '/proc/self/loginuid', '/proc/self/timerslack_ns/x', '/sys/kernel/uevent_helper', '/sys/fs/cgroup/release_agent', '/sys/fs/cgroup/cgroup.procs', '/sys/power/state', '/sys/kernel/mm/transparent_hugepage/enabled', '/proc/irq/default_smp_affinity', '/proc/bus/pci/00/00.0'):
    def write():
        fd = os.open(path, os.O_WRONLY)
        return os.write(fd, b'1')
    refused(f'write {path}', write)
try:
    symbols = [line for line in open('/proc/kallsyms').read(20000).splitlines() if not line.startswith('0' * 16)]
    judge('kernel addresses', not symbols, str(symbols[:2]))
except OSError as error:
    held('kernel addresses', str(error.strerror))
for path in ('/sys/fs/cgroup', '/sys/kernel/debug', '/sys/firmware', '/sys/fs/bpf', '/sys/devices/virtual/dmi', '/proc/scsi', '/proc/acpi'):
    try:
        judge(f'list {path}', not os.listdir(path), str(os.listdir(path)[:5]))
    except OSError as error:
        held(f'list {path}', str(error.strerror))
devices = set(os.listdir('/dev'))
judge('devices', devices <= {'null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx', 'pts', 'shm', 'fd', 'stdin', 'stdout', 'stderr', 'console', 'core', 'mqueue'}, str(sorted(devices)))
for name in devices:
    mode = os.lstat(f'/dev/{name}').st_mode
    if stat.S_ISBLK(mode):
        broken('block device', name)
