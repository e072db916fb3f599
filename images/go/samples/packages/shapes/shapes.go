package shapes

// Area is that of a square.
func Area(side int) int { return side * side }
