package main

import "fmt"

func main() { fmt.Println(area(3)) }
