# kill(-1) reaches the sandbox only. What else is alive in it is listed first.
before = sorted(int(p) for p in os.listdir('/proc') if p.isdigit())
print('processes seen:', len(before))
judge('few processes in sight', len(before) <= 4, str(before))
for pid in before:
    if pid != os.getpid():
        for signum in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, signum)
            except OSError:
                pass
for pid in (CONTEXT['sentinelPid'], CONTEXT['servicePid'], os.getppid()):
    try:
        os.kill(pid, signal.SIGKILL)
        if pid == CONTEXT['sentinelPid']:
            broken('sentinel', 'signal accepted')
    except OSError as error:
        held(f'kill {pid}', str(error))
try:
    os.kill(-1, signal.SIGKILL)
except OSError:
    pass
held('still here')
