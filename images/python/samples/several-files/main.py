import sys

from shapes import area
from shapes.square import Square

print(area(Square(3)))
print(sys.path[0])
with open('data/numbers.txt') as file:
    print(sum(map(int, file)))
with open('result.txt', 'w') as file:
    file.write('written')
print(open('result.txt').read())
