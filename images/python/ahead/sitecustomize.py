"""Run by Python's own start, just before the program.

Python imports this module after it has parsed its command line and before it opens the program's file. Waiting here
means that the program is then started by Python itself: no frame, name or module of ours is left around it, and
tracebacks, exit codes, threads and atexit are those of a bare `python3 main.py`.

The file name on the command line is fixed (main.py). A program with another name, or one whose environment or files
would have changed the start itself, is started afresh by exec, at the price of one bare start.
"""


def _receive():
    """Waits for go on descriptor 3. Returns the entry, the arguments and the environment."""
    import posix

    def exactly(size):
        data = b''
        while len(data) < size:
            piece = posix.read(3, size - len(data))
            if not piece:
                posix._exit(0)  # The executor is gone, or needs this sandbox no more.
            data += piece
        return data

    posix.write(3, b'R')
    message = exactly(int.from_bytes(exactly(4), 'little'))
    posix.close(3)
    parts = message.split(b'\0')[:-1]
    count = int(parts[1])
    return parts[0], parts[2 : 2 + count], dict(p.split(b'=', 1) for p in parts[2 + count :])


def _must_start_afresh(entry, environment, ahead):
    """True where the state reached so far is not that of a program started with this entry, environment and files."""
    import os
    import sys

    if entry != b'main.py':
        return True

    def shapes_the_start(name):
        return name.startswith((b'PYTHON', b'LC_', b'LD_', b'LANG', b'TZ', b'GLIBC_', b'MALLOC_'))

    before = os.environb
    for name in environment.keys() | before.keys():
        if shapes_the_start(name) and environment.get(name) != before.get(name):
            return True
    # A file such as random.py beside the program takes the place of the library's module, if not imported yet.
    return any(name.partition('.')[0] in sys.modules for name in os.listdir('.') if name != 'main.py')


def _go():
    import os
    import posix
    import sys

    entry, arguments, environment = _receive()
    if _must_start_afresh(entry, environment, os.environb):
        start = [b'/bin/sh', b'/opt/paddock/runtime/start.sh', os.fsencode(sys.executable), entry]
        os.execve(b'/bin/sh', start + arguments, environment)
    os.environb.clear()
    os.environb.update(environment)
    posix.environ.clear()
    posix.environ.update(environment)
    sys.argv[1:] = map(os.fsdecode, arguments)
    sys.orig_argv[:] = [sys.orig_argv[0], *sys.argv]


def _import_ahead():
    """What programs import most. All of it comes from the library, has no effect but to be there, and costs little memory."""
    import bisect, collections, functools, heapq, itertools, math, operator, random, re, string, typing  # noqa: E401, F401


def _main():
    import os
    import sys
    import _signal

    # Nothing of how this file was found stays visible.
    ours, _, theirs = os.environ.pop('PYTHONPATH').partition(':')
    if theirs:
        os.environ['PYTHONPATH'] = theirs
    sys.path.remove(ours)
    sys.path_importer_cache.pop(ours, None)

    # A program that is killed has said what it printed, line by line, and streamed output comes as it is printed.
    sys.stdout.reconfigure(line_buffering=True)
    # A file over its size limit ends the program with SIGXFSZ, as it does in other languages.
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)

    if os.environ.pop('PADDOCK_AHEAD', None):
        _import_ahead()
        _go()


_main()
del _main, _go, _receive, _must_start_afresh, _import_ahead
