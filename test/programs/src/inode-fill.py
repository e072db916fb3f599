limit = int(sys.argv[2])
made = 0
for place in ('/work', '/tmp', '/dev/shm'):
    try:
        while made < limit * 4:
            os.close(os.open(f'{place}/n{made}', os.O_CREAT | os.O_WRONLY, 0o600))
            made += 1
    except OSError as error:
        print(place, made, error)
# A few more are what the folders of the scratch space itself take.
judge('inodes', made <= limit + 32, f'{made} of {limit}')
sys.exit(1)
