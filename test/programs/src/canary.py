import json, os, sys
def names(path):
    return sorted(os.listdir(path)) if os.path.isdir(path) else []
print(json.dumps({
    'work': names('/work'), 'tmp': names('/tmp'), 'shm': names('/dev/shm'), 'mqueue': names('/dev/mqueue'),
    'env': sorted(os.environ), 'marker': os.environ.get('CANARY'), 'args': sys.argv[1:], 'stdin': sys.stdin.read(),
    'uid': os.getuid(), 'namespace': os.readlink('/proc/self/ns/pid'), 'cwd': os.getcwd(),
    'ipc': [open(f'/proc/sysvipc/{kind}').read().count('\n') - 1 for kind in ('shm', 'sem', 'msg') if os.path.exists(f'/proc/sysvipc/{kind}')],
    'processes': len([p for p in os.listdir('/proc') if p.isdigit()]),
}))
