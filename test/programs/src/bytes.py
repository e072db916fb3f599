# Writes the bytes given in hexadecimal, so many times over, in pieces of the given size, to stdout and stderr.
data = bytes.fromhex(sys.argv[1]) * int(sys.argv[3])
size = int(sys.argv[2])
for at in range(0, len(data), size):
    os.write(1, data[at:at + size])
    os.write(2, data[at:at + size])
    if len(data) < 100:
        time.sleep(0.002)
