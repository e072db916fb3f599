# Parts of Python that feel how a process was made: forks, threads, pools, signals, terminals, ends.
import asyncio, concurrent.futures, ctypes, multiprocessing, os, pty, resource, select, signal, socket, sqlite3, ssl, subprocess, sys, tempfile, threading, time, uuid

def show(what, value):
    print(f'{what}: {value!r}', flush=True)

def square(number):
    return number * number, os.getpid() != parent

parent = os.getpid()
class Point:
    pass

def forked():
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, f'{os.getppid() == parent} {threading.current_thread().name} {threading.active_count()}'.encode())
        os._exit(7)
    return os.read(reader, 99), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def through_libc():
    child = ctypes.CDLL(None).fork()
    if child == 0:
        os._exit(8)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def handled():
    seen = []
    signal.signal(signal.SIGUSR1, lambda number, _: seen.append(number))
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.signal(signal.SIGALRM, lambda number, _: seen.append(number))
    signal.pause()
    return seen

def terminal():
    child, leader = pty.fork()
    if child == 0:
        os.write(1, os.ttyname(1).encode())
        os._exit(0)
    said = os.read(leader, 99)
    os.waitpid(child, 0)
    return said

def depth():
    def down(level):
        return level if level == 0 else down(level - 1)
    sys.setrecursionlimit(20_000)
    return down(15_000)

def conversation():
    server = socket.create_server(('127.0.0.1', 0))
    threading.Thread(target=lambda: server.accept()[0].sendall(b'hello'), daemon=True).start()
    return socket.create_connection(server.getsockname()).recv(9)

async def child_of_loop():
    process = await asyncio.create_subprocess_exec('/bin/echo', 'x', stdout=asyncio.subprocess.PIPE)
    return await process.communicate(), process.returncode

if __name__ == '__main__':
    show('fork', forked())
    show('fork through libc', through_libc())
    show('signals', handled())
    show('terminal', terminal())
    show('recursion', depth())
    show('loopback', conversation())
    show('subprocess', subprocess.run(['python3', '-c', 'import sys; print(sys.flags, sys.path); sys.exit(5)'], capture_output=True, text=True))
    show('asyncio', asyncio.run(child_of_loop()))
    for method in ('fork', 'spawn', 'forkserver'):
        with multiprocessing.get_context(method).Pool(1) as pool:
            show(f'pool {method}', pool.map(square, [1, 2, 3]))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        show('threads', list(pool.map(len, ['a', 'bb'])))
    show('sqlite', sqlite3.connect('/tmp/x.db').execute('select 1').fetchall())
    show('randomness', [len(ssl.RAND_bytes(8)), len(os.urandom(8)), uuid.uuid4().version])
    show('temporary', tempfile.NamedTemporaryFile().name.startswith('/tmp/'))
    show('pickled', __import__('pickle').loads(__import__('pickle').dumps(Point())).__class__ is Point)
    show('input', [sys.stdin.readline(), sys.stdin.read()])
    show('at the end', select.select([0], [], [], 0)[0])
    import atexit, weakref
    atexit.register(print, 'atexit ran')
    kept = Point()
    weakref.finalize(kept, print, 'finalized')
    class Late:
        def __del__(self):
            print('deleted')
    late = Late()
    threading.Thread(target=lambda: (time.sleep(0.05), print('thread ended')), daemon=False).start()
    print('no newline at the end', end='')
    def deep(level):
        if level == 0:
            raise ValueError('on purpose') from KeyError('the cause')
        deep(level - 1)
    deep(3)
