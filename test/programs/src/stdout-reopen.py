for fd in (1, 2):
    print('stream', fd, stat.filemode(os.fstat(fd).st_mode), os.readlink(f'/proc/self/fd/{fd}'), flush=True)
    judge(f'stream {fd} is a pipe', stat.S_ISFIFO(os.fstat(fd).st_mode))
try:
    again = os.open('/proc/self/fd/1', os.O_WRONLY)
    os.write(again, b'through a second name\n')
    print('reopened', flush=True)
except OSError as error:
    print('not reopened:', error, flush=True)
# A huge pipe buffer is kernel memory outside of the program's own.
try:
    fcntl.fcntl(1, 1031, 1 << 30)
    broken('pipe size', '1 GiB')
except OSError as error:
    held('pipe size', str(error))
# A non-blocking flag must not confuse the reader's end.
fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_NONBLOCK)
print('end', flush=True)
