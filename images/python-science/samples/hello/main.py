import numpy, pandas, matplotlib, scipy

print("hello", numpy.arange(3).sum())
