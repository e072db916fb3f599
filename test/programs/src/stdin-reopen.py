# Standard input is the executor's file: it must not be writable, by whatever name, nor its descriptor lead elsewhere.
kind = os.fstat(0).st_mode
print('stdin:', stat.filemode(kind), os.readlink('/proc/self/fd/0'))
refused('write to descriptor 0', lambda: os.write(0, b'x'))
for flags, name in ((os.O_RDWR, 'rdwr'), (os.O_WRONLY, 'wronly'), (os.O_WRONLY | os.O_TRUNC, 'trunc')):
    refused(f'reopen stdin {name}', lambda: os.write(os.open('/proc/self/fd/0', flags), b'overwritten'))
refused('truncate stdin', lambda: os.ftruncate(0, 0))
refused('chmod stdin', lambda: os.chmod('/proc/self/fd/0', 0o777))
refused('stdin as a folder', lambda: os.listdir('/proc/self/fd/0/..'))
os.lseek(0, 0, os.SEEK_SET) if stat.S_ISREG(kind) else None
print('read:', os.read(0, 100).decode())
