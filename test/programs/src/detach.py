# Double fork and setsid: the grandchild keeps nothing of the sandbox's standard streams and lives on.
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        null = os.open('/dev/null', os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(signum, signal.SIG_IGN)
        signal.alarm(25)
        time.sleep(25)
    os._exit(0)
os.wait()
print('main ends')
