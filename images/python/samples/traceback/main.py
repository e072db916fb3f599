import os
import sys
import traceback


def inner(value):
    return 1 / value


def outer():
    inner(0)


os.dup2(1, 2)
print(sys._getframe().f_back, len(traceback.extract_stack()))
outer()
