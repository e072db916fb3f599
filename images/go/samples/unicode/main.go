package main

import "fmt"

func main() {
	text := "世界🐎"
	fmt.Println("Grüße,", text, len([]rune(text)))
}
