# What the kernel itself says of this process.
fields = dict(line.split(':\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\t' in line)
for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
    judge(name, int(fields[name], 16) == 0, fields[name])
judge('NoNewPrivs', fields['NoNewPrivs'] == '1', fields['NoNewPrivs'])
judge('Seccomp', fields['Seccomp'] == '2', fields['Seccomp'])
judge('Uid', fields['Uid'].split() == ['1000'] * 4, fields['Uid'])
judge('Gid', fields['Gid'].split() == ['1000'] * 4, fields['Gid'])
judge('Groups', set(fields['Groups'].split()) <= {'1000', '65534'}, fields['Groups'])
maps = open('/proc/self/uid_map').read().split()
judge('one uid mapped', len(maps) == 3 and maps[2] == '1' and maps[0] == '1000', str(maps))
judge('cgroup hidden', all(line.endswith(':/') for line in open('/proc/self/cgroup').read().split()), open('/proc/self/cgroup').read().replace('\n', ' ')[:200])
judge('umask and folder', os.getcwd() == '/work', os.getcwd())
ignored = int(fields['SigIgn'], 16) & ~((1 << (signal.SIGPIPE - 1)) | (1 << (signal.SIGXFSZ - 1)))
judge('no signals ignored', ignored == 0, fields['SigIgn'])
judge('no signals blocked', int(fields['SigBlk'], 16) == 0, fields['SigBlk'])
for name, want in (('RLIMIT_CORE', 0),):
    judge(name, resource.getrlimit(getattr(resource, name)) == (want, want), str(resource.getrlimit(getattr(resource, name))))
for name in ('RLIMIT_FSIZE', 'RLIMIT_NOFILE', 'RLIMIT_CPU', 'RLIMIT_STACK'):
    judge(name, resource.getrlimit(getattr(resource, name))[1] != resource.RLIM_INFINITY, str(resource.getrlimit(getattr(resource, name))))
judge('hostname', os.uname().nodename != CONTEXT['hostname'], os.uname().nodename)
