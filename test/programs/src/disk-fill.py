# All writable places together hold scratchMb.
total = 0
block = os.urandom(1 << 20)
limit = int(sys.argv[2])
places = [p for p in ('/work', '/tmp', '/dev/shm', '/var/tmp', '/home', '/run', '/mnt', '/dev', '/run/lock', '/run/user') if os.access(p, os.W_OK)]
print('writable:', places)
for place in places:
    for number in range(256):
        try:
            with open(f'{place}/fill-{number}', 'wb') as file:
                file.write(block)
            total += 1
        except OSError as error:
            print(place, number, error)
            if error.errno != errno.ENOSPC:
                broken('fill', f'{place}: {error}')
            break
judge('scratch space', total <= limit, f'{total} of {limit} MiB')
sys.exit(1)
