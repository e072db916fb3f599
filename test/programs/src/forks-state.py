# What a program finds (`look`), and how one leaves everything changed that it can (`leave`).
import builtins, hashlib, importlib, locale, pwd, random, string, sysconfig, tempfile
def state():
    fields = dict(line.split(':\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\t' in line)
    about = {name: fields[name].strip() for name in ('Umask', 'SigBlk', 'SigIgn', 'SigCgt', 'Threads', 'NoNewPrivs', 'THP_enabled') if name in fields}
    about['files'] = [sorted(os.listdir(place)) for place in ('/work', '/tmp', '/dev/shm')]
    about['environment'] = sorted(name for name in os.environ if name != 'ATTACK_MARKER')
    about['folder'] = os.getcwd()
    about['limits'] = [resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith('RLIMIT_')]
    about['priority'] = [os.getpriority(os.PRIO_PROCESS, 0), os.getpriority(os.PRIO_PROCESS, 1), os.sched_getscheduler(0), len(os.sched_getaffinity(0))]
    about['first process'] = [resource.prlimit(1, resource.RLIMIT_NOFILE), resource.prlimit(1, resource.RLIMIT_AS)]
    about['builtins'] = [len([]), print.__module__, len(vars(builtins)), str(type(open)), hasattr(builtins, 'LEFT')]
    about['modules'] = sorted(sys.modules)
    about['patched'] = [name for name in ('os', 'json', 'random', 'posix', 'sys', 'string', 'io', 'codecs') if hasattr(sys.modules.get(name), 'LEFT')]
    about['sys'] = [sys.path[1:], sys.getrecursionlimit(), sys.getswitchinterval(), repr(sys.gettrace()), repr(sys.getprofile()), len(sys.meta_path)]
    about['prctl'] = [libc.prctl(number, 0, 0, 0, 0) for number in (3, 7, 27, 30, 42)]
    about['names'] = [os.uname().nodename, locale.setlocale(locale.LC_ALL), string.digits, tempfile.gettempdir()]
    about['time used is little'] = [time.process_time() < 1, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, os.times().children_user]
    about['processes'] = sum(name.isdigit() for name in os.listdir('/proc'))
    about['interfaces'] = socket.if_nameindex()
    about['mounts'] = sorted({line.split()[4] for line in open('/proc/self/mountinfo')})
    return about
if sys.argv[1] == 'look':
    print(json.dumps(state(), sort_keys=True))
    sys.exit()
print('left', flush=True)
libc.setenv(b'LEFT', b'yes', 1)
libc.setlocale(6, b'C')
sys.path.insert(1, '/tmp/LEFT')
sys.setrecursionlimit(50_000)
sys.setswitchinterval(1)
random.seed(1)
for place in ('/work', '/tmp', '/dev/shm'):
    open(f'{place}/LEFT', 'w').write('LEFT')
os.umask(0)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGCHLD):
    signal.signal(number, signal.SIG_IGN)
for attempt in (
    lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (50, 50)),
    lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 33, 1 << 33)),
    lambda: os.setpriority(os.PRIO_PROCESS, 0, 15),
    lambda: os.setpriority(os.PRIO_PROCESS, 1, 15),
    lambda: os.setpriority(os.PRIO_USER, 1000, 15),
    lambda: os.sched_setaffinity(0, {0}),
    lambda: os.sched_setaffinity(1, {0}),
    lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)),
    lambda: libc.prctl(30, 1_000_000, 0, 0, 0),
    lambda: libc.prctl(42, 1, 0, 0, 0),
    lambda: libc.prctl(7, 1, 0, 0, 0),
    lambda: open('/proc/self/oom_score_adj', 'w').write('900'),
    lambda: libc.shmget(0x4c454654, 4096, 0o1666),
    lambda: socket.create_server(('127.0.0.1', 4_040)),
):
    try:
        attempt()
    except OSError:
        pass
os.chdir('/tmp')
# The language itself last: little works after it.
builtins.LEFT = builtins.print = builtins.len = lambda *_: 'LEFT'
for name in list(sys.modules):
    try:
        sys.modules[name].LEFT = True
    except (AttributeError, TypeError):
        pass
string.digits = 'LEFT'
os.listdir = os.getcwd = lambda *_: ['LEFT']
os.environ['LEFT'] = 'yes'
sys.meta_path.insert(0, None)
sys.settrace(lambda *_: None)
os._exit(0)
