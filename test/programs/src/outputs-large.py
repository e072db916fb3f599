for number in range(8):
    with open(f'large-{number}.bin', 'wb') as file:
        file.write(os.urandom(1 << 20) * 6)
held('large')
