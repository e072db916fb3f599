# Three-byte characters over an output limit that is no multiple of three.
text = '€'.encode() * 4000
try:
    while True:
        os.write(1, text)
except OSError:
    pass
