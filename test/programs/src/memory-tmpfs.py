total = 0
block = os.urandom(1 << 20)
for place in ('/dev/shm', '/tmp', '/work'):
    for number in range(1024):
        try:
            with open(f'{place}/fill-{number}', 'wb') as file:
                file.write(block)
            total += 1
        except OSError as error:
            print(place, error, flush=True)
            break
judge('tmpfs within memory', total <= 64, f'{total} MiB written')
sys.exit(1)
