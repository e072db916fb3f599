"""Run by Python's own start, just before the program.

Python imports this module after it has parsed its command line and before it opens the program's file. Waiting here
means that the program is then started by Python itself: no frame, name or module of ours is left around it, and
tracebacks, exit codes, threads and atexit are those of a bare `python3 main.py`.

The file name on the command line is fixed (main.py). A program with another name, or one whose environment or files
would have changed the start itself, is started afresh by exec, at the price of one bare start. Nothing is imported
ahead beyond what Python needs itself: every millisecond here is paid by each sandbox, used or not.
"""

import os
import sys

OURS = '/opt/paddock/prepared'


def _started_ahead():
    """True where descriptor 3 is the executor's socket."""
    try:
        return os.fstat(3).st_mode & 0o170000 == 0o140000
    except OSError:
        return False


def _exactly(size):
    data = b''
    while len(data) < size:
        piece = os.read(3, size - len(data))
        if not piece:
            os._exit(0)  # The executor is gone, or needs this sandbox no more.
        data += piece
    return data


def _wait_for_go():
    """Returns the entry, the arguments and the environment, all as bytes."""
    os.write(3, b'R')
    message = _exactly(int.from_bytes(_exactly(4), 'little'))
    os.close(3)
    parts = message.split(b'\0')[:-1]
    count = int(parts[1])
    return parts[0], parts[2 : 2 + count], dict(part.split(b'=', 1) for part in parts[2 + count :])


def _must_start_afresh(entry, before, environment):
    """True where the state reached so far is not that of a program started with this entry, environment and files."""
    if entry != b'main.py':
        return True
    for name in environment.keys() | before.keys():
        shapes_the_start = name.startswith((b'PYTHON', b'LC_', b'LD_', b'LANG', b'TZ', b'GLIBC_', b'MALLOC_'))
        if shapes_the_start and environment.get(name) != before.get(name):
            return True
    # A file such as types.py beside the program takes the place of the library's module, unless that is imported.
    return any(name.partition('.')[0] in sys.modules for name in os.listdir('.'))


def _aside(name):
    """A module that a program finds only where it imports it itself."""
    known = name in sys.modules
    module = __import__(name)
    if not known:
        del sys.modules[name]
    return module


def _become_fork_server():
    """Returns in each process that is to become a program, in its sandbox; this one never returns."""
    gc = _aside('gc')
    for name in os.environ.pop('PADDOCK_PRELOAD', '').split():
        __import__(name)
    sys._paddock_ends = _begin, _finisher()  # Taken away again before the program starts.
    gc.collect()
    # What exists by now lasts until the end: nobody needs to look at it again, and to look is to copy its page.
    gc.freeze()
    os.fork()  # Not libc's: see paddock-forks.c.


def _begin(path):
    """What Python does before it runs a file; returns the program's variables. See python-end.c.

    The module that Python made at its start is of before the fork, and not looked at by the collector any more: the
    program gets one of its own, so that its objects can be collected at the end.
    """
    from _frozen_importlib_external import SourceFileLoader

    module = type(sys)('__main__')
    variables = vars(module)
    variables.update(vars(sys.modules['__main__']))
    variables['__file__'] = path
    variables['__cached__'] = None
    variables['__loader__'] = SourceFileLoader('__main__', path)
    sys.modules['__main__'] = module
    return variables


def _finisher():
    """A function that ends a program as Python would, up to where nobody can see it any more.

    Everything it needs is looked up before the program can put something else in its place. It returns True where it
    has taken apart all that the program has made; otherwise Python's own way is gone as well.
    """
    import _thread
    import _weakref
    import builtins

    atexit, gc = _aside('atexit'), _aside('gc')
    modules, kind = sys.modules, type(sys)
    common = frozenset(modules)
    changed = [(vars(module), len(vars(module))) for module in (sys, builtins, os, modules['io'])]

    def flush():
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()

    def clear(variables):
        # As CPython does: names with one underscore first, then all the rest.
        for name in list(variables):
            if name[:1] == '_' and name[1:2] != '_':
                variables[name] = None
        for name in list(variables):
            if name != '__builtins__':
                variables[name] = None

    def finish():
        threading = modules.get('threading')
        if threading is not None:
            threading._shutdown()
        atexit._run_exitfuncs()
        flush()
        # One that has left something in a module of ours, or runs on in a thread, is Python's own to end.
        if sys.modules is not modules or _thread._count() > 0:
            return False
        if any(len(variables) != size for variables, size in changed):
            return False
        if gc.isenabled():
            gc.collect()
        own = ['__main__', *(name for name in modules if name not in common)]
        left = [_weakref.ref(modules[name]) for name in own if isinstance(modules[name], kind)]
        for name in own:
            modules[name] = None
        gc.collect()
        for module in reversed(left):
            if module() is not None:
                clear(vars(module()))
        gc.collect()
        flush()
        return True

    return finish


def _become_the_program():
    import posix

    if os.environ.pop('PADDOCK_FORKS', None):
        _become_fork_server()
    else:
        # What exists by now lasts until the end: to spare it from collection makes the program's end 1 ms faster.
        _aside('gc').freeze()
    before = dict(os.environb)
    entry, arguments, environment = _wait_for_go()
    if _must_start_afresh(entry, before, environment):
        if entry.startswith(b'-'):
            entry = b'./' + entry  # No option.
        os.execve(sys.executable, [os.fsencode(sys.executable), entry, *arguments], environment)
    os.environb.clear()
    os.environb.update(environment)
    posix.environ.clear()
    posix.environ.update(environment)
    sys.argv[1:] = map(os.fsdecode, arguments)
    sys.orig_argv[:] = [sys.orig_argv[0], *sys.argv]


def _hide():
    """Leaves no trace of how this file was found."""
    left = [path for path in os.environ['PYTHONPATH'].split(':') if path != OURS]
    del os.environ['PYTHONPATH']
    if left:
        os.environ['PYTHONPATH'] = ':'.join(left)
    if OURS in sys.path:
        sys.path.remove(OURS)
    sys.path_importer_cache.pop(OURS, None)


def _main():
    import _signal

    if _started_ahead():
        _become_the_program()
    _hide()
    # A program that is stopped has said what it printed, line by line, and streamed output comes as it is printed.
    sys.stdout.reconfigure(line_buffering=True)
    # A file over its size limit ends the program with SIGXFSZ, as it does in other languages.
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)


_main()
del _main, _hide, _become_the_program, _become_fork_server, _begin, _finisher, _aside
del _must_start_afresh, _wait_for_go, _exactly, _started_ahead, OURS
