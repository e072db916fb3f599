import sys

numbers = [int(word) for line in sys.stdin for word in line.split()]
print(sum(numbers))
print(sys.argv)
print(__name__, __file__)
