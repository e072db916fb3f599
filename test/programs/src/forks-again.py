# The fork server's library is still in the program, and its file is in sight: neither makes anybody a server.
import array
if hasattr(libc, 'fork'):
    reader, writer = os.pipe()
    child = libc.fork()
    if child == 0:
        os.write(writer, f'{os.getppid()} {os.getpid()}'.encode())
        os._exit(0)
    said = os.read(reader, 100).decode().split()
    os.waitpid(child, 0)
    judge('fork() forks', said == [str(os.getpid()), str(child)], said)
name = '/opt/paddock/forks'
if not os.path.exists(name):
    held('no fork server in sight')
    sys.exit()
def serve(command, environment):
    """A fork server of one's own: descriptor 3 its socket, 4 the filter, as service/executor/sandbox/native has it."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    filter = os.open('/work/filter', os.O_CREAT | os.O_RDWR)
    os.pwrite(filter, struct.pack('HBBI', 6, 0, 0, 0x7fff0000), 0)
    child = os.fork()
    if child == 0:
        for number, descriptor in ((13, there.fileno()), (14, filter)):
            os.dup2(descriptor, number)
        os.dup2(13, 3)
        os.dup2(14, 4)
        os.lseek(4, 0, 0)
        os.execve(command[0], command, environment)
    there.close()
    here.settimeout(3)
    said, own = b'', None
    try:
        said = here.recv(1000)
        control, theirs = socket.socketpair()
        pipes = [os.open('/dev/null', os.O_RDWR) for _ in range(3)]
        request = '\0'.join(['0', '1048576', '100', 'nothing', '0', '']).encode()
        here.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [theirs.fileno(), *pipes]))])
        theirs.close()
        control.settimeout(3)
        own = control.recv(1000)
    except OSError as error:
        own = str(error)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return said, own
base = dict(os.environ)
program = open(name, 'rb').read()
is_library = b'PADDOCK_FORKS' in program
said, own = serve([sys.executable, '-c', 'import os; os.fork(); os.write(2, b"forked")'], {**base, 'LD_PRELOAD': name}) if is_library else serve([name], base)
print(said, own)
judge('nothing made by a server of its own', b'ready' not in (own if isinstance(own, bytes) else b''), (said, own))
