# What Python says of itself, one line `what: value` each.
import sys

modules = sorted(sys.modules)

def show(what, value):
    print(f'{what}: {value!r}')

show('modules', modules)
show('globals', sorted((name, type(value).__name__) for name, value in globals().items() if name.startswith('__')))
show('file, name, spec', [__file__, __name__, __spec__, __doc__, __package__, type(__loader__).__name__])
for name in ('argv', 'orig_argv', 'path', 'flags', 'warnoptions', '_xoptions', 'executable', '_base_executable', 'prefix', 'exec_prefix', 'base_prefix', 'dont_write_bytecode', 'pycache_prefix', 'byteorder', 'maxsize', 'thread_info', 'float_repr_style', 'implementation', 'version', 'platlibdir', 'stdlib_module_names'):
    show(f'sys.{name}', sorted(sys.stdlib_module_names)[:3] if name == 'stdlib_module_names' else getattr(sys, name, None))
for name in ('getrecursionlimit', 'getswitchinterval', 'getfilesystemencoding', 'getfilesystemencodeerrors', 'getdefaultencoding', 'gettrace', 'getprofile', 'getdlopenflags', 'get_asyncgen_hooks', 'get_coroutine_origin_tracking_depth', 'get_int_max_str_digits', 'is_finalizing'):
    show(f'sys.{name}()', getattr(sys, name)() if hasattr(sys, name) else None)
show('hooks', [getattr(sys, name) is getattr(sys, f'__{name}__') for name in ('displayhook', 'excepthook', 'breakpointhook', 'unraisablehook')])
show('interactive', [hasattr(sys, name) for name in ('ps1', 'last_type', 'last_exc', 'gettotalrefcount')])
show('finders', [[str(item) if not hasattr(item, '__qualname__') else item.__qualname__ for item in getattr(sys, name)] for name in ('meta_path', 'path_hooks')])
show('importer cache', sorted(sys.path_importer_cache))
show('standard streams', [[stream.name, stream.mode, stream.encoding, stream.errors, stream.newlines, stream.line_buffering, stream.write_through, stream.isatty(), stream.fileno(), stream.closed, type(stream.buffer).__name__, type(stream.buffer.raw).__name__] for stream in (sys.stdin, sys.stdout, sys.stderr)])
show('same streams', [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__])
import atexit, builtins, codecs, encodings, faulthandler, gc, locale, os, random, signal, site, tempfile, threading, time, traceback, tracemalloc, warnings
show('builtins', [hash(tuple(sorted(vars(builtins)))) is not None, sorted(vars(builtins))])
show('environment', sorted(os.environ.items()))
show('environment of libc', [os.environb == {k: v for k, v in os.environb.items()}, sorted(__import__('posix').environ)])
show('folder, umask', [os.getcwd(), oct(os.umask(0o22))])
show('signals', {number.name: str(signal.getsignal(number)) for number in sorted(signal.valid_signals() & set(signal.Signals))})
show('blocked, wakeup, timers', [signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.set_wakeup_fd(-1), signal.getitimer(signal.ITIMER_REAL)])
show('threads', [(thread.name, thread.daemon, thread.is_alive(), thread.native_id == os.getpid()) for thread in threading.enumerate()])
show('main thread', [threading.current_thread() is threading.main_thread(), threading.get_native_id() == os.getpid(), threading.main_thread().ident == threading.get_ident(), len(sys._current_frames()), threading.stack_size()])
show('collector', [gc.isenabled(), gc.get_threshold(), gc.get_debug(), gc.callbacks, gc.garbage])
show('atexit, tracing', [atexit._ncallbacks(), faulthandler.is_enabled(), tracemalloc.is_tracing()])
show('stack', traceback.format_stack())
show('frame above', sys._getframe().f_back)
show('warnings', [filter[:3] for filter in warnings.filters])
show('locale', [locale.setlocale(locale.LC_ALL), locale.setlocale(locale.LC_ALL, ''), locale.getpreferredencoding(), locale.localeconv()['decimal_point']])
show('time', [time.tzname, time.timezone, time.get_clock_info('monotonic').implementation, abs(time.time() - os.stat(__file__).st_mtime) < 3_600])
show('temporary folder', tempfile.gettempdir())
show('site', [site.ENABLE_USER_SITE, site.getsitepackages(), site.getusersitepackages(), sorted(name for name in sys.modules if 'customize' in name)])
show('customization', [sorted(name for name in vars(sys.modules['sitecustomize']) if not name.startswith('__')) if 'sitecustomize' in sys.modules else None])
show('own source', open(__file__).readline())
for name in ('os.PathLike', 'io.TextIOWrapper', 'codecs.lookup'):
    show(name, eval(name.replace('io.', 'sys.modules["io"].')).__module__)
sys.exit('said at the end')
