package main

func area(side int) int { return side * side }
