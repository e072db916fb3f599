# Everything that a program could leave for a careless collector.
os.umask(0)
def attempt(what, make):
    try:
        make()
        print('made', what)
    except OSError as error:
        print('refused', what, error)
secret, open_secret = CONTEXT['secretFile'], CONTEXT['openSecretFile']
with open('good.txt', 'w') as file:
    file.write('good')
attempt('symlink shadow', lambda: os.symlink('/etc/shadow', 'shadow.txt'))
attempt('symlink passwd', lambda: os.symlink('/etc/passwd', 'passwd.txt'))
attempt('symlink secret', lambda: os.symlink(secret, 'secret.txt'))
attempt('symlink open secret', lambda: os.symlink(open_secret, 'open-secret.txt'))
attempt('symlink relative', lambda: os.symlink('../../../../../../../../' + secret, 'relative.txt'))
attempt('symlink proc', lambda: os.symlink('/proc/self/environ', 'environ.txt'))
attempt('symlink magic', lambda: os.symlink('/proc/self/fd/0', 'magic.txt'))
attempt('symlink good', lambda: os.symlink('good.txt', 'linked.txt'))
attempt('symlink folder', lambda: os.symlink(os.path.dirname(open_secret), 'folder'))
attempt('symlink root', lambda: os.symlink('/', 'root'))
attempt('symlink loop', lambda: os.symlink('.', 'loop'))
attempt('fifo', lambda: os.mkfifo('fifo.txt'))
def make_socket():
    maker = socket.socket(socket.AF_UNIX)
    maker.bind('socket.txt')
    maker.listen(1)
attempt('socket', make_socket)
attempt('device', lambda: os.mknod('device.txt', stat.S_IFCHR | 0o666, os.makedev(1, 5)))
attempt('block device', lambda: os.mknod('block.txt', stat.S_IFBLK | 0o666, os.makedev(8, 0)))
attempt('hard link passwd', lambda: os.link('/etc/passwd', 'hard-passwd.txt'))
attempt('hard link python', lambda: os.link('/usr/bin/env', 'hard-env.txt'))
attempt('hard link own', lambda: os.link('good.txt', 'hard-own.txt'))
def unreadable():
    os.close(os.open('unreadable.txt', os.O_CREAT | os.O_WRONLY, 0))
attempt('unreadable', unreadable)
for name in (b'new\nline.txt', b'esc\x1b[31m.txt', b'bad\xff\xfe.txt', b'back\\slash.txt', b'-rf.txt', b' .txt', b'tab\t.txt', 'ünï.txt'.encode(), b'{a}.txt', b'__proto__.txt', b'%2e%2e.txt', b'a' * 251 + b'.txt'):
    def make(name=name):
        os.close(os.open(b'/work/' + name, os.O_CREAT | os.O_WRONLY, 0o600))
    attempt(repr(name[:40]), make)
os.mkdir('inner')
with open('inner/deep.txt', 'w') as file:
    file.write('deep')
attempt('inner symlink', lambda: os.symlink('/etc', 'inner/etc'))
os.mkdir('closed')
with open('closed/in.txt', 'w') as file:
    file.write('in')
os.chmod('closed', 0)
held('zoo')
