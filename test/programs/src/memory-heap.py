kept = []
for _ in range(2048):  # own bound: 2 GiB
    kept.append(bytearray(os.urandom(4096) * 256))
broken('memory', f'{len(kept)} MiB kept')
