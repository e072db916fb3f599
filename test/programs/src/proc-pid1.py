# Process 1 of the sandbox and every other in sight: nothing of theirs gives more than one's own.
def read(path, size=4096):
    with open(path, 'rb', buffering=0) as file:
        return file.read(size)
own_root = sorted(os.listdir('/'))
for pid in sorted({int(p) for p in os.listdir('/proc') if p.isdigit()} | {1, os.getppid() or 1}):
    if pid == os.getpid():
        continue
    for name in ('environ', 'cmdline', 'maps', 'auxv', 'stack', 'syscall', 'mountinfo'):
        try:
            text = read(f'/proc/{pid}/{name}')
            # Printed, so that the runner finds a secret in it.
            print(f'{pid}/{name}: {text!r}'[:1500])
            if name in ('environ', 'stack'):
                judge(f'{pid}/{name}', not text or name == 'environ', f'{len(text)} bytes')
        except OSError as error:
            held(f'{pid}/{name}', str(error.strerror))
    refused(f'{pid}/mem write', lambda: os.open(f'/proc/{pid}/mem', os.O_RDWR))
    refused(f'{pid}/mem read', lambda: os.open(f'/proc/{pid}/mem', os.O_RDONLY))
    try:
        for fd in os.listdir(f'/proc/{pid}/fd'):
            target = os.readlink(f'/proc/{pid}/fd/{fd}')
            print(f'{pid}/fd/{fd} -> {target}')
            if target.startswith(('socket:', '/')) and not target.startswith(('/dev/null', '/dev/zero')):
                broken(f'{pid}/fd', f'{fd} -> {target}')
        held(f'{pid}/fd', 'listed')
    except OSError as error:
        held(f'{pid}/fd', str(error.strerror))
    for name in ('root', 'cwd'):
        try:
            there = sorted(os.listdir(f'/proc/{pid}/{name}'))
            judge(f'{pid}/{name}', there == own_root or there == sorted(os.listdir('/work')), str(there)[:200])
        except OSError as error:
            held(f'{pid}/{name}', str(error.strerror))
