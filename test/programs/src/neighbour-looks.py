print('namespace', os.readlink('/proc/self/ns/pid'), flush=True)
def connect(family, address):
    def go():
        with socket.socket(family) as client:
            client.settimeout(1)
            client.connect(address)
    return go
refused('abstract socket', connect(socket.AF_UNIX, '\0paddock-neighbour'))
refused('path socket', connect(socket.AF_UNIX, '/tmp/neighbour.sock'))
refused('tcp', connect(socket.AF_INET, ('127.0.0.1', 40404)))
refused('shm', lambda: checked(libc.shmget(0x6e656967, 4096, 0)))
found = []
for place in ('/work', '/tmp', '/dev/shm'):
    found += [f'{place}/{name}' for name in os.listdir(place) if 'neighbour' in name]
judge('files', not found, str(found))
own = {os.getpid(), os.getppid(), 1}
others = []
for name in os.listdir('/proc'):
    if name.isdigit() and int(name) not in own:
        try:
            others.append(open(f'/proc/{name}/cmdline').read())
        except OSError:
            pass
judge('processes', not others, str(others))
for pid in range(1, 400):
    if pid not in own:
        try:
            root = os.listdir(f'/proc/{pid}/root')
            broken('root of another', f'{pid}: {root}')
        except OSError:
            pass
held('scanned')
