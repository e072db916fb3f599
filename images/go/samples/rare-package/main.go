package main

import (
	"container/ring"
	"encoding/ascii85"
	"fmt"
)

func main() { fmt.Println(ring.New(3).Len(), ascii85.MaxEncodedLen(4)) }
