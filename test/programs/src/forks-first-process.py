# The first process of a forked sandbox is a copy of the fork server: nothing of it may be had or changed.
import platform
NUMBERS = {'x86_64': {'keyctl': 250, 'pidfd_open': 434, 'pidfd_getfd': 438, 'kcmp': 312, 'process_madvise': 440, 'clone3': 435}}
NUMBERS['aarch64'] = {**NUMBERS['x86_64'], 'keyctl': 219, 'kcmp': 272}
number = NUMBERS[platform.machine()]
judge('its parent is the first process', os.getppid() == 1, os.getppid())
for name in ('mem', 'environ', 'maps', 'smaps', 'auxv', 'stack', 'syscall', 'io', 'pagemap', 'personality', 'timerslack_ns', 'exe', 'ns/pid', 'ns/user', 'ns/mnt', 'task/1/mem', 'task/1/environ'):
    refused(f'read {name}', lambda: open(f'/proc/1/{name}', 'rb').read(64))
for name in ('fd', 'fdinfo', 'root', 'cwd', 'map_files', 'ns', 'task/1/fd'):
    def listed():
        found = os.listdir(f'/proc/1/{name}')
        # The names of descriptors tell nothing; what they are must not.
        return [os.readlink(f'/proc/1/{name}/{entry}') for entry in found] if name in ('fd', 'ns', 'map_files', 'task/1/fd') and found else found
    refused(f'list {name}', listed)
for name in ('mem', 'oom_score_adj', 'coredump_filter', 'clear_refs', 'attr/current', 'timerslack_ns', 'uid_map', 'setgroups', 'comm', 'sched', 'autogroup', 'fd/0', 'fd/1', 'fd/3'):
    refused(f'write {name}', lambda: os.write(os.open(f'/proc/1/{name}', os.O_WRONLY), b'1'))
buffer = ctypes.create_string_buffer(64)
for name, request in (('attach', 16), ('seize', 0x4206), ('peek', 2)):
    refused(f'ptrace {name}', lambda: checked(libc.ptrace(request, 1, None, None)))
vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 64)
for name in ('process_vm_readv', 'process_vm_writev'):
    refused(name, lambda: checked(getattr(libc, name)(1, vector, 1, vector, 1, 0)))
call = libc.syscall
def through_pidfd(descriptor):
    pidfd = checked(call(number['pidfd_open'], 1, 0))
    return checked(call(number['pidfd_getfd'], pidfd, descriptor, 0))
for descriptor in (0, 3, 4):
    refused(f'steal descriptor {descriptor}', lambda: through_pidfd(descriptor))
refused('kcmp', lambda: checked(call(number['kcmp'], os.getpid(), 1, 0, 0, 0)))
for option in (0, 1, 3, 6, 11):
    refused(f'keyctl {option}', lambda: checked(call(number['keyctl'], option, ctypes.c_long(-3), 1, 0, 0)))
for flag in (0x10000000, 0x20000000, 0x00020000, 0x40000000, 0x02000000, 0x08000000, 0x04000000, 0x80):
    refused(f'unshare {flag:#x}', lambda: checked(libc.unshare(flag)))
refused('clone3', lambda: checked(call(number['clone3'], None, 0)))
for signum in sorted(signal.valid_signals()):
    for _ in range(20):
        try:
            os.kill(1, signum)
        except OSError as error:
            held(f'signal {signum}', str(error))
held('still here after all signals')
