# Only a child runs out of memory; the parent pretends that all is well.
child = os.fork()
if child == 0:
    kept = []
    for _ in range(2048):
        kept.append(bytearray(os.urandom(4096) * 256))
    os._exit(0)
_, status = os.waitpid(child, 0)
judge('child out of memory', os.WIFSIGNALED(status), f'status {status}')
