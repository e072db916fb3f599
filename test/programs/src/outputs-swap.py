# A detached process swaps a folder for a link while (and after) the collector looks.
os.mkdir('a')
with open('a/f.txt', 'w') as file:
    file.write('mine')
if os.fork() == 0:
    os.setsid()
    end = time.time() + 10
    signal.alarm(12)
    while time.time() < end:
        try:
            os.rename('a', 'b')
            os.symlink('/etc', 'a')
            os.unlink('a')
            os.rename('b', 'a')
        except OSError:
            pass
    os._exit(0)
time.sleep(0.05)
os._exit(0)
