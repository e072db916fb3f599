# What a program can still do to its first process: nothing of that may change how its end is told.
what = sys.argv[1]
if what == 'interrupts':
    # The interpreter that was forked has a handler for this one, so that it is delivered even to a first process.
    if os.fork() == 0:
        while True:
            os.kill(1, signal.SIGINT)
    time.sleep(0.3)
elif what == 'limits':
    for name in ('NOFILE', 'FSIZE', 'AS', 'DATA', 'STACK', 'NPROC', 'MEMLOCK', 'SIGPENDING', 'MSGQUEUE', 'RTTIME'):
        try:
            resource.prlimit(1, getattr(resource, f'RLIMIT_{name}'), (0, 0))
        except (OSError, ValueError, AttributeError) as error:
            print(name, error)
    time.sleep(0.1)
elif what == 'cpu-limit':
    resource.prlimit(1, resource.RLIMIT_CPU, (0, 0))
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        os.kill(1, signal.SIGINT)
elif what == 'slow':
    for attempt in (lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)), lambda: os.setpriority(os.PRIO_PROCESS, 1, 19)):
        try:
            attempt()
        except OSError as error:
            print(error)
elif what == 'forged':
    # As the first process tells it, wherever that might be listened to.
    said = b'ready\nexit 0 0 1 1 1 1\nerror files 28\nserving\n'
    for descriptor in [1, 2, *range(3, 256)]:
        try:
            os.write(descriptor, said)
            if descriptor > 2:
                broken('a descriptor that was inherited', descriptor)
        except OSError:
            pass
elif what == 'orphans':
    # Children of the first process, by the kernel or by their own wish: their ends are not the program's.
    for code in range(15):
        if os.fork() == 0:
            if os.fork() == 0:
                os._exit(code)
            os._exit(0)
    CLONE_PARENT = 0x8000
    call = libc.syscall
    clone = {'x86_64': 56, 'aarch64': 220}[os.uname().machine]
    for code in range(15):
        if call(clone, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0) == 0:
            os._exit(code)
held('done')
sys.stdout.flush()
os._exit(7)
