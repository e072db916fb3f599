package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

type shape interface{ Area() float64 }

type square struct {
	Side float64 `json:"side"`
}

func (s square) Area() float64 { return s.Side * s.Side }

func largest[T int | float64](items ...T) T { return slices.Max(items) }

var errMissing = errors.New("missing")

func main() {
	var s shape = square{3}
	text, _ := json.Marshal(s)
	fmt.Println(string(text), s.Area(), largest(1, 5, 2))
	counts := map[string]int{}
	for _, word := range strings.Fields("b a b") {
		counts[word]++
	}
	names := []string{}
	for name := range counts {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Println(names, counts)
	var group sync.WaitGroup
	results := make(chan int, 4)
	for i := range 4 {
		group.Add(1)
		go func() { defer group.Done(); results <- i * i }()
	}
	group.Wait()
	close(results)
	sum := 0
	for result := range results {
		sum += result
	}
	select {
	case <-time.After(time.Millisecond):
		fmt.Println(sum, regexp.MustCompile(`\d+`).FindString("a12"))
	}
	err := fmt.Errorf("wrapped: %w", errMissing)
	fmt.Println(errors.Is(err, errMissing), err)
	os.WriteFile("out.txt", []byte("written"), 0o644)
	content, _ := os.ReadFile("out.txt")
	fmt.Println(string(content))
}
