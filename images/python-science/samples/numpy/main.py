import numpy as np

a = np.arange(12).reshape(3, 4)
print(a @ a.T)
print(np.linalg.solve([[3.0, 1.0], [1.0, 2.0]], [9.0, 8.0]).round(6))
print(a.mean(axis=0), np.linalg.norm(a).round(3))
