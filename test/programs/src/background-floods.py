# A child writes without end while the main process has already ended.
if os.fork() == 0:
    signal.alarm(20)
    end = time.time() + 20
    try:
        while time.time() < end:
            os.write(1, b'x' * 65536)
    except OSError:
        pass
    os._exit(0)
os._exit(0)
