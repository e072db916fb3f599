import struct

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(4, 3), dpi=100)
axes.plot([1, 4, 9], label='squares')
axes.legend()
figure.savefig('plot.png')
data = open('plot.png', 'rb').read()
print(data[1:4].decode(), struct.unpack('>II', data[16:24]), len(data) > 1000)
