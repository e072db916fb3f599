# Where a forked sandbox stands: what it got from its server, and what must not have come along.
fields = dict(line.split(':\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\t' in line)
# Mounts. What is covered by a later one cannot be reached, so the last on each place counts.
last = {}
for line in open('/proc/self/mountinfo'):
    words = line.split()
    last[words[4]] = (set(words[5].split(',')), words[words.index('-') + 1], words[words.index('-') + 3].split(','))
WRITABLE = {'/work', '/tmp', '/dev/shm'}
for place, (options, kind, super_options) in sorted(last.items()):
    judge(f'{place} nosuid', 'nosuid' in options, options)
    if place in WRITABLE:
        judge(f'{place} has a size', any(word.startswith('size=') for word in super_options) and 'nodev' in options, super_options)
    elif 'rw' in options and kind not in ('proc', 'devpts'):
        # A device node is written through, not into.
        judge(f'{place} read-only', place.startswith('/dev/') and stat.S_ISCHR(os.stat(place).st_mode), options)
    if os.path.isdir(place) and place not in WRITABLE:
        refused(f'a file in {place}', lambda: os.open(f'{place}/paddock-attack', os.O_CREAT | os.O_WRONLY))
for place in ('/work', '/tmp', '/dev/shm', '/proc', '/'):
    refused(f'umount {place}', lambda: checked(libc.umount2(place.encode(), 2)))
    refused(f'remount {place}', lambda: checked(libc.mount(b'', place.encode(), None, 4128, None)))
    refused(f'move {place}', lambda: checked(libc.mount(place.encode(), b'/tmp', None, 8192, None)))
judge('one scratch space', len({os.stat(place).st_dev for place in WRITABLE}) == 1)
judge('nothing but the program', os.listdir('/work') == ['main.py'] and not os.listdir('/tmp') and not os.listdir('/dev/shm'), [os.listdir('/work'), os.listdir('/tmp'), os.listdir('/dev/shm')])
judge('no place of the server', sorted(os.listdir('/opt/paddock'))[:1] != ['stage'] and not any('work' in name or 'shm' in name for name in os.listdir('/opt/paddock')), os.listdir('/opt/paddock'))
# Descriptors.
opened = sorted(int(name) for name in os.listdir('/proc/self/fd'))
judge('descriptors', [fd for fd in opened if os.path.exists(f'/proc/self/fd/{fd}') and fd > 2] == [], opened)
for fd in range(3, 1024):
    try:
        os.fstat(fd)
        broken('descriptor', f'{fd} {os.readlink(f"/proc/self/fd/{fd}")}')
    except OSError:
        pass
held('descriptors up to 1023')
# Cgroup, namespaces, user.
judge('root of its cgroup', all(line.strip().endswith(':/') for line in open('/proc/self/cgroup')), open('/proc/self/cgroup').read())
judge('first process in the same', open('/proc/1/cgroup').read() == open('/proc/self/cgroup').read())
refused('cgroup files', lambda: os.listdir('/sys/fs/cgroup'))
judge('one user', [line.split()[::2] for line in open('/proc/self/uid_map')] == [['1000', '1']], open('/proc/self/uid_map').read())
judge('no groups to set', open('/proc/self/setgroups').read() == 'deny\n')
own_user = os.stat('/proc/self/ns/user').st_ino
for name in ('user', 'pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup', 'pid_for_children'):
    for what, request in (('owner', 0xb701), ('parent', 0xb702)):
        def ask():
            got = fcntl.ioctl(os.open(f'/proc/self/ns/{name}', os.O_RDONLY), request)
            if what == 'owner' and os.fstat(got).st_ino == own_user:
                raise OSError(errno.ENODATA, 'its own user namespace')
            return got
        refused(f'{what} of {name}', ask)
for uid in (0, 1, 2, 3, 1001, 65534, *range(4, 40)):
    refused(f'become {uid}', lambda: os.setresuid(uid, uid, uid))
    refused(f'join group {uid}', lambda: os.setresgid(uid, uid, uid))
    refused(f'give a file to {uid}', lambda: os.chown('/work/main.py', uid, -1))
refused('setgroups', lambda: os.setgroups([0]))
for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
    judge(name, int(fields[name], 16) == 0, fields[name])
for capability in (0, 1, 6, 7, 8, 12, 18, 19, 21, 24, 40):
    refused(f'ambient {capability}', lambda: checked(libc.prctl(47, 2, capability, 0, 0)))
    judge(f'bounding {capability}', libc.prctl(23, capability, 0, 0, 0) == 0)
for what, arguments in (('securebits', (28, 0x3f, 0, 0, 0)), ('new privileges', (38, 0, 0, 0, 0)), ('strict seccomp', (22, 1, 0, 0, 0)), ('no seccomp', (22, 0, 0, 0, 0)), ('another program', (35, 13, os.open('/usr/bin/env', os.O_RDONLY), 0, 0)), ('end of the heap', (35, 1, 0x1000, 0, 0))):
    refused(f'prctl {what}', lambda: checked(libc.prctl(*arguments)))
judge('two filters never', fields.get('Seccomp_filters', '1') == '1' and fields['Seccomp'] == '2' and fields['NoNewPrivs'] == '1', fields.get('Seccomp_filters'))
# Environment.
OURS = ('LD_PRELOAD', 'PADDOCK', 'PYTHONPATH')
environ = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ')
of_libc = []
while environ[len(of_libc)]:
    of_libc.append(environ[len(of_libc)].decode())
of_child = subprocess.run(['/usr/bin/env'], capture_output=True, text=True).stdout.splitlines()
for what, pairs in (('libc', of_libc), ('Python', os.environ), ('a child', of_child)):
    judge(f'environment of {what}', not [pair for pair in pairs if pair.startswith(OURS)], sorted(pairs))
# Terminals, sockets, addresses of others.
judge('no terminal', os.listdir('/dev/pts') == ['ptmx'], os.listdir('/dev/pts'))
leader, follower = os.openpty()
judge('the first terminal', os.ttyname(follower) == '/dev/pts/0', os.ttyname(follower))
refused('the terminal of another', lambda: os.open('/dev/pts/1', os.O_RDWR))
refused('a controlling terminal', lambda: os.open('/dev/tty', os.O_RDWR))
for name in ('unix', 'tcp', 'tcp6', 'udp'):
    lines = open(f'/proc/net/{name}').read().splitlines()[1:]
    judge(f'no {name} sockets', not lines, lines[:2])
for kind in ('shm', 'sem', 'msg'):
    judge(f'no sysv {kind}', len(open(f'/proc/sysvipc/{kind}').readlines()) == 1)
