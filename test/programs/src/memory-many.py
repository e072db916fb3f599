children = []
for _ in range(24):
    try:
        child = os.fork()
    except OSError:
        break
    if child == 0:
        kept = os.urandom(4096) * 256 * 32
        time.sleep(3)
        os._exit(0)
    children.append(child)
alive = 0
for child in children:
    _, status = os.waitpid(child, 0)
    alive += status == 0
judge('processes share one memory limit', alive * 32 < 256, f'{alive} of {len(children)} held 32 MiB each')
sys.exit(1)
