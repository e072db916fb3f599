package main

import "fmt"

func main() {
	fmt.Println("before")
	var numbers []int
	_ = numbers[len(numbers)]
}
