import sys

print(sys.argv, __file__, sys.path[0], sys._getframe().f_back)
