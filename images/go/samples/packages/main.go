package main

import (
	"fmt"

	"example.com/prog/shapes"
)

func main() { fmt.Println(shapes.Area(3)) }
