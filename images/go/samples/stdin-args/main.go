package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	in := bufio.NewReader(os.Stdin)
	sum, number := 0, 0
	for {
		if _, err := fmt.Fscan(in, &number); err != nil {
			break
		}
		sum += number
	}
	fmt.Println(sum)
	fmt.Printf("%q\n", os.Args[1:])
}
