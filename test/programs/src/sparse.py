# A terabyte that costs nothing to make must cost nobody anything to look at either.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
fd = os.open('sparse.bin', os.O_CREAT | os.O_RDWR, 0o600)
try:
    os.ftruncate(fd, 1 << 40)
    print('terabyte made')
except OSError as error:
    print('terabyte refused', error)
os.ftruncate(fd, int(sys.argv[2]))
held('sparse', str(os.fstat(fd).st_size))
