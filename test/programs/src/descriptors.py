for name in sorted(os.listdir('/proc/self/fd'), key=int):
    try:
        target = os.readlink(f'/proc/self/fd/{name}')
    except OSError:
        continue
    if int(name) > 2 and not target.startswith(f'/proc/{os.getpid()}/fd'):
        broken('inherited descriptor', f'{name} -> {target}')
    else:
        held('descriptor', f'{name} -> {target}')
