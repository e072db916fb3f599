# Folders, symlinks, sockets and hard links are inodes or entries as well.
limit = int(sys.argv[2])
made = 0
try:
    while made < limit * 4:
        kind = made % 3
        if kind == 0:
            os.mkdir(f'd{made}')
        elif kind == 1:
            os.symlink('/etc/shadow', f'l{made}')
        else:
            os.mkfifo(f'f{made}')
        made += 1
except OSError as error:
    print(made, error)
# A few more are what the folders of the scratch space itself take.
judge('inodes', made <= limit + 32, f'{made} of {limit}')
sys.exit(1)
