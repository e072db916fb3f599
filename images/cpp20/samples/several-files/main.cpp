#include "shapes.h"
#include <iostream>

int main() { std::cout << Square{3}.area() << "\n"; }
