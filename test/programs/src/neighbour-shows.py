# One sandbox that offers everything it can to a neighbour, and says when it is ready.
with open('/work/neighbour.txt', 'w') as file:
    file.write('NEIGHBOUR-SECRET')
for place in ('/tmp', '/dev/shm'):
    with open(f'{place}/neighbour.txt', 'w') as file:
        file.write('NEIGHBOUR-SECRET')
abstract = socket.socket(socket.AF_UNIX)
abstract.bind('\0paddock-neighbour')
abstract.listen(5)
path = socket.socket(socket.AF_UNIX)
path.bind('/tmp/neighbour.sock')
path.listen(5)
tcp = None
try:
    tcp = socket.socket()
    tcp.bind(('127.0.0.1', 40404))
    tcp.listen(5)
except OSError:
    pass
libc.shmget(0x6e656967, 4096, 0o1666)
print('ready', os.getuid(), os.readlink('/proc/self/ns/pid'), flush=True)
signal.alarm(20)
abstract.settimeout(float(sys.argv[2]))
try:
    abstract.accept()
    broken('neighbour', 'somebody came')
except OSError:
    held('nobody came')
