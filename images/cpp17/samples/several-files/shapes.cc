#include "shapes.h"

int Square::area() const { return side * side; }
