from statistics import mine
from shapes import area

print(area(2.0), mine)
