package helpers // want package:"helpers.Stamp: calls non-deterministic function time.Now; helpers.Sum: iterates over map"

import "time"

func Stamp() string { return time.Now().String() }

func Sum(counts map[string]int) (sum int) {
	for _, count := range counts {
		sum += count
	}
	return sum
}

func Half(n int) int { return n / 2 }
