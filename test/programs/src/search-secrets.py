# Looks for the runner's secrets, by the name and by the content, and prints what it can of accounts and environments.
def show(path):
    try:
        with open(path, 'rb') as file:
            print(path, repr(file.read(2000)))
        return True
    except OSError as error:
        held(path, str(error.strerror))
        return False
for path in (CONTEXT['secretFile'], CONTEXT['openSecretFile'], '/etc/shadow', '/etc/gshadow', '/etc/sudoers', '/root/.bashrc', '/root/.profile', '/root/.ssh/id_rsa', '/etc/ssh/ssh_host_rsa_key', '/proc/1/root' + CONTEXT['secretFile'], '/proc/self/root' + CONTEXT['openSecretFile'], '/proc/self/cwd/../../..' + CONTEXT['openSecretFile'], '/etc/machine-id', '/var/log/dpkg.log', CONTEXT['repository'] + '/package.json', CONTEXT['stateDir'] + '/tokens.json'):
    if show(path):
        broken('read', path)
for folder in (CONTEXT['stateDir'], CONTEXT['repository'], '/root', '/var/lib', '/var/log', '/boot', '/srv'):
    try:
        there = os.listdir(folder)
        judge(f'list {folder}', not there or folder == '/var/lib', str(there[:8]))
    except OSError as error:
        held(f'list {folder}', str(error.strerror))
end = time.time() + 5
found = []
seen = 0
for folder, folders, files in os.walk('/'):
    if time.time() > end:
        break
    if folder.startswith(('/proc', '/usr', '/lib')):
        folders[:] = []
        continue
    seen += len(files)
    found += [f'{folder}/{name}' for name in files if 'paddock-sentinel' in name]
judge('search', not found, f'{seen} files seen, {found}')
for name, value in os.environ.items():
    print('env', name, value)
allowed = {'ATTACK_MARKER', 'PATH', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TMPDIR', 'USER', 'LOGNAME', 'SHELL', 'PWD', 'TERM', 'TZ', 'SHLVL', '_', 'PYTHONUNBUFFERED', 'PYTHONDONTWRITEBYTECODE', 'PYTHONHASHSEED', 'PYTHONIOENCODING', 'PYTHONUTF8', 'PYTHONSAFEPATH', 'HOSTNAME', 'OLDPWD', 'PYTHONPATH', 'PYTHONHOME'}
judge('environment', set(os.environ) <= allowed, str(sorted(set(os.environ) - allowed)))
