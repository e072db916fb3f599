for fd in (0, 1, 2):
    os.close(fd)
time.sleep(20)
