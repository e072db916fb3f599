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
# Variables and files that shape the start itself. A module of `preload` adds those of what it imports.
shaping_variables = [b'PYTHON', b'LC_', b'LD_', b'LANG', b'TZ', b'GLIBC_', b'MALLOC_']
shaping_files = []


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
    """Returns the message, as bytes."""
    os.write(3, b'R')
    message = _exactly(int.from_bytes(_exactly(4), 'little'))
    os.close(3)
    return message


def _must_start_afresh(entry, before, environment):
    """True where the state reached so far is not that of a program started with this entry, environment and files."""
    if entry != b'main.py':
        return True
    for name in environment.keys() | before.keys():
        if name.startswith(tuple(shaping_variables)) and environment.get(name) != before.get(name):
            return True
    # A file such as types.py beside the program takes the place of the library's module, unless that is imported. One
    # such as calendar.csv does not.
    return any(
        name in shaping_files
        or name.partition('.')[0] in sys.modules and (name.endswith(('.py', '.pyc', '.so')) or '.' not in name)
        for name in os.listdir('.')
    )


def _aside(name):
    """A module that a program finds only where it imports it itself."""
    known = name in sys.modules
    module = __import__(name)
    if not known:
        del sys.modules[name]
    return module


def _prepare_to_fork():
    """Python goes on to where it would open the program's file, and becomes the fork server there: python-program.c."""
    for name in os.environ.pop('PADDOCK_PRELOAD', '').split():
        __import__(name)
        # One of a runtime's own is there for what it does, not to be found.
        if (getattr(sys.modules[name], '__file__', None) or '').startswith(OURS):
            own = vars(sys.modules.pop(name))
            shaping_variables.extend(own.get('SHAPING_VARIABLES', []))
            shaping_files.extend(own.get('SHAPING_FILES', []))
    born, gc = [], _aside('gc')
    begin, finish = _beginner(born, gc), _finisher(born, gc)
    _rehearse(begin, finish)
    sys._paddock = begin, finish  # Taken away again before anything is forked.
    gc.collect()
    # What exists by now lasts until the end: nobody needs to look at it again, and to look is to copy its page.
    gc.freeze()


def _rehearse(begin, finish):
    """Goes often enough through what every program does: what is set up and specialized on the way is shared then."""
    main = sys.modules['__main__']
    environment = b''.join(b'%b=%b\0' % pair for pair in os.environb.items())
    for _ in range(12):
        variables = begin(b'main.py\x000\0' + environment)
        exec(compile('import sys\nprint(end="")\nfor i in range(2):\n  x = [i, "a"]\n', 'main.py', 'exec'), variables)
        finish()
        sys.modules['__main__'] = main


def _beginner(born, gc):
    """A function that does what Python does between its start and a program's, for each program forked."""
    from _frozen_importlib_external import SourceFileLoader

    before = dict(os.environb)
    unchanged = sorted(b'%b=%b' % pair for pair in before.items())
    modules, kind = sys.modules, type(sys)

    def begin(message, is_source=True):
        # Held, so that no later object has the address of one of these.
        born[:] = gc.get_objects()
        # Most programs have the usual name, the usual environment, no argument and no other file: for these there is
        # nothing to do. To find that out another way would touch, and so copy, what all the rest of this file uses.
        entry, count, *environment = message.split(b'\0')
        environment.pop()
        environment.sort()
        if entry != b'main.py' or count != b'0' or environment != unchanged or os.listdir() != ['main.py']:
            _become(message, before)
        if not is_source:
            _become(message, before, afresh=True)
        # The module that Python made at its start is of before the fork, and not looked at by the collector any more:
        # the program gets one of its own, so that its objects can be collected at the end.
        module = kind('__main__')
        variables = vars(module)
        variables.update(vars(modules['__main__']))
        path = variables['__file__'] = os.getcwd() + '/main.py'
        variables['__cached__'] = None
        variables['__loader__'] = SourceFileLoader('__main__', path)
        modules['__main__'] = module
        # Left empty where the program's file is not there yet when Python starts.
        sys.path[0] = sys.path[0] or os.getcwd()
        return variables

    return begin


def _finisher(born, gc):
    """A function that ends a program as Python would, up to where nobody can see it any more.

    Everything it needs is looked up before the program can put something else in its place. It returns True where it
    has taken apart all that the program has made; otherwise Python's own way is gone as well.
    """
    import _thread
    import _weakref
    import builtins

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
        # One that has imported anything, left something in a module of ours, or runs on in a thread, is Python's own to
        # end: there is more then than can be seen from here.
        if sys.modules is not modules or len(modules) != len(common) or _thread._count() > 0:
            return False
        if any(len(variables) != size for variables, size in changed):
            return False
        flush()
        if gc.isenabled():
            gc.collect()
        module = _weakref.ref(modules['__main__'])
        modules['__main__'] = None
        gc.collect()
        if module() is not None:
            clear(vars(module()))
            gc.collect()
        flush()
        # Whatever is left of the program hangs on something that Python's own end takes apart: a handler, a hook.
        expected = set(map(id, born))
        expected.update(map(id, (born, expected, module)))
        for one in gc.get_objects():
            if id(one) not in expected:
                return False
        return True

    return finish


def _become(message, before, afresh=False):
    """Makes the state that of a program started with this entry, these arguments and this environment."""
    parts = message.split(b'\0')[:-1]
    entry, count = parts[0], int(parts[1])
    arguments = parts[2 : 2 + count]
    environment = dict(part.split(b'=', 1) for part in parts[2 + count :])
    if afresh or _must_start_afresh(entry, before, environment):
        if entry.startswith(b'-'):
            entry = b'./' + entry  # No option.
        os.execve(sys.executable, [os.fsencode(sys.executable), entry, *arguments], environment)
    if environment != before:
        import posix

        os.environb.clear()
        os.environb.update(environment)
        posix.environ.clear()
        posix.environ.update(environment)
        _hide_path()
    if arguments:
        sys.argv[1:] = map(os.fsdecode, arguments)
        sys.orig_argv[:] = [sys.orig_argv[0], *sys.argv]


def _hide_path():
    """Leaves no trace in the environment of how this file was found."""
    left = [path for path in os.environ.pop('PYTHONPATH', '').split(':') if path not in ('', OURS)]
    if left:
        os.environ['PYTHONPATH'] = ':'.join(left)


def _hide():
    _hide_path()
    if OURS in sys.path:
        sys.path.remove(OURS)
    sys.path_importer_cache.pop(OURS, None)


def _main():
    import _signal

    # A program that is stopped has said what it printed, line by line, and streamed output comes as it is printed.
    sys.stdout.reconfigure(line_buffering=True)
    # A file over its size limit ends the program with SIGXFSZ, as it does in other languages.
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
    # Where nothing was started ahead, the variable is the program's own.
    if _started_ahead():
        if os.environ.pop('PADDOCK_FORKS', None):
            _prepare_to_fork()
        else:
            # Nothing is frozen here: of a module that the collector does not see, objects in cycles are never deleted.
            before = dict(os.environb)
            _become(_wait_for_go(), before)
    _hide()


_main()
