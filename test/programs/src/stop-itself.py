print('stopping', flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
broken('time limit', 'went on')
