# What the kernel says of a program and of the place it stands in, one line `what: value` each.
import ctypes, os, pwd, resource, socket, stat, subprocess, sys, time

def show(what, value):
    print(f'{what}: {value}')

def tried(attempt):
    try:
        return attempt()
    except OSError as error:
        return os.strerror(error.errno)

def text(path):
    return tried(lambda: open(path).read().strip().replace('\n', ' | ').replace('\t', ' '))

libc = ctypes.CDLL(None, use_errno=True)
for line in open('/proc/self/status'):
    name, _, value = line.partition(':')
    if not name.startswith(('Vm', 'Rss', 'Hugetlb', 'FDSize', 'nonvoluntary', 'voluntary')):
        show(f'status {name}', ' '.join(value.split()))
for line in open('/proc/self/limits').read().splitlines()[1:]:
    show(f'limit {line[:25].strip()}', ' '.join(line[25:].split()))
for name in ('cmdline', 'comm', 'cgroup', 'setgroups', 'oom_score_adj', 'timerslack_ns', 'coredump_filter', 'personality', 'loginuid', 'sessionid', 'attr/current', 'wchan'):
    show(f'/proc/self/{name}', text(f'/proc/self/{name}'))
show('environment at the start', sorted(text('/proc/self/environ').split('\0')))
for name in ('uid_map', 'gid_map'):
    show(name, ' '.join(text(f'/proc/self/{name}').split()))
for pid in sorted(int(name) for name in os.listdir('/proc') if name.isdigit()):
    show(f'process {pid}', f"{text(f'/proc/{pid}/comm')} {text(f'/proc/{pid}/cmdline')}")
    for name in ('environ', 'maps', 'mem', 'auxv', 'stack', 'fd', 'root', 'exe', 'cwd', 'ns/pid', 'ns/user', 'syscall', 'io', 'oom_score_adj'):
        path = f'/proc/{pid}/{name}'
        if pid != os.getpid():
            show(f'process {pid} {name}', tried(lambda: 'can be opened' if os.open(path, os.O_RDONLY) else '') if name != 'exe' else tried(lambda: os.readlink(path)))
fields = open('/proc/self/stat').read().rpartition(')')[2].split()
show('tty, priority, nice, policy', [fields[index] for index in (4, 15, 16, 38)])
show('session and group', [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid(), os.getppid()])
show('io priority', libc.syscall(252, 1, 0))
show('processors', [os.cpu_count(), sorted(os.sched_getaffinity(0))])
for name, number in (('death signal', 2), ('child subreaper', 37)):
    value = ctypes.c_int(-1)
    libc.prctl(number, ctypes.byref(value), 0, 0, 0)
    show(name, value.value)
for name, number in (('dumpable', 3), ('keep capabilities', 7), ('securebits', 27), ('timer slack', 30), ('tsc', 25), ('huge pages off', 42), ('no new privileges', 39), ('io flusher', 58)):
    show(name, libc.prctl(number, 0, 0, 0, 0))
for number in range(64):
    if libc.prctl(23, number, 0, 0, 0) == 1 or libc.prctl(47, 1, number, 0, 0) == 1:
        show(f'capability {number}', 'can be had')
show('user', [pwd.getpwuid(os.getuid()), os.getgroups(), tried(os.getlogin)])
show('names', [os.uname().nodename, socket.gethostname(), text('/proc/sys/kernel/domainname')])
show('interfaces', socket.if_nameindex())
for family, address in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')):
    show(f'bind {address}', tried(lambda: socket.socket(family).bind((address, 0))))
def folder(path):
    for name in tried(lambda: sorted(os.listdir(path))):
        about = os.lstat(f'{path}/{name}')
        show(f'{path}/{name}', f'{stat.filemode(about.st_mode)} {about.st_uid} {about.st_gid}')
for path in ('/', '/dev', '/dev/pts', '/dev/shm', '/work', '/tmp', '/etc', '/opt', '/opt/paddock'):
    show(f'folder {path}', stat.filemode(os.stat(path).st_mode) + f' {os.stat(path).st_uid}')
    if path not in ('/opt/paddock', '/work'):
        folder(path)
for line in open('/proc/self/mountinfo'):
    where = line.split()[4]
    about = os.statvfs(where) if os.path.exists(where) else None
    if about and not where.startswith('/proc/'):
        names = ('RDONLY', 'NOSUID', 'NODEV', 'NOEXEC')
        show(f'mount {where}', [name for name in names if about.f_flag & getattr(os, f'ST_{name}')])
for where in ('/work', '/tmp', '/dev/shm'):
    about = os.statvfs(where)
    show(f'space {where}', [about.f_blocks * about.f_frsize, about.f_files])
for path in ('/proc/sys/kernel/core_pattern', '/proc/sys/kernel/ns_last_pid', '/proc/sys/net/ipv4/ip_forward', '/proc/sysrq-trigger', '/proc/irq/default_smp_affinity', '/proc/bus', '/proc/kcore', '/proc/sys/user/max_user_namespaces', '/proc/self/uid_map'):
    show(f'open {path} for writing', tried(lambda: os.open(path, os.O_WRONLY)))
show('descriptors', {name: os.readlink(f'/proc/self/fd/{name}').partition(':')[0] for name in sorted(os.listdir('/proc/self/fd')) if int(name) < 3})
show('more descriptors', sum(int(name) > 2 for name in os.listdir('/proc/self/fd')) - 1)
show('flags of descriptors', [[stat.filemode(os.fstat(fd).st_mode), os.fstat(fd).st_uid, open(f'/proc/self/fdinfo/{fd}').read().split()[3]] for fd in range(3)])
show('shared writable memory', [line for line in open('/proc/self/maps') if 'ws' in line.split()[1] or 's' == line.split()[1][3] and 'w' in line.split()[1]])
show('time used', [time.process_time() < 0.5, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, sum(os.times()[2:4])])
show('environment of a child', sorted(subprocess.run(['/usr/bin/env'], capture_output=True, text=True).stdout.splitlines()))
show('a child is', subprocess.run(['/bin/sh', '-c', 'echo $PPID; umask; ulimit -a | tr -s " \n" " ;"; ls /proc/self/fd | tr "\n" " "'], capture_output=True, text=True).stdout.split('\n')[1:])
