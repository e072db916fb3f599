# A detached child keeps stdout and stderr open: the answer must not wait for it, nor hold what it writes later.
if os.fork() == 0:
    os.setsid()
    signal.alarm(25)
    time.sleep(1.0)
    print('LATE', flush=True)
    time.sleep(24)
    os._exit(0)
print('main ends', flush=True)
os._exit(0)
