# Stops everything that it can reach, its own session included.
print('stopping', flush=True)
try:
    os.kill(-1, signal.SIGSTOP)
except OSError:
    pass
os.killpg(0, signal.SIGSTOP)
broken('time limit', 'went on')
