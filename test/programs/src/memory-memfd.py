fd = os.memfd_create('bomb')
block = os.urandom(1 << 20)
for _ in range(2048):
    os.write(fd, block)
broken('memfd', '2 GiB in a memfd')
