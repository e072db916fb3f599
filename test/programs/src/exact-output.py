os.write(1, b'x' * int(sys.argv[1]))
