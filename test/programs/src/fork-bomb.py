end = time.time() + 6
made = 0
while time.time() < end and made < 3000:
    try:
        child = os.fork()
    except OSError as error:
        print('fork refused after', made, error, flush=True)
        os.kill(os.getpid(), signal.SIGKILL) if made == 0 else None
        sys.exit(1)
    if child == 0:
        signal.alarm(6)
        signal.pause()
        os._exit(0)
    made += 1
broken('fork bomb', f'{made} processes')
