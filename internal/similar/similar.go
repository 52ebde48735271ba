// Package similar finds what somebody most likely meant by a name that there is not: a setting, a flag,
// a command.
package similar

import "strings"

// To returns the one of the known names that is most like the word, the empty string if none is like
// it: a name differs from the word by at most one letter in three (an exchange of two neighbours is one), or goes on where
// the word ends. Small and capital letters are the same.
func To(word string, known []string) string {
	const few = 2 // letters from which on a word may be the beginning of a name
	folded := strings.ToLower(word)
	most, found := max(1, len(word)/3), ""
	for _, name := range known {
		// Below the first, only what is nearer.
		if d := distance(folded, strings.ToLower(name)); d < most || d == most && found == "" {
			most, found = d, name
		}
	}
	if found != "" {
		return found
	}
	for _, name := range known {
		if len(word) >= few && strings.HasPrefix(strings.ToLower(name), folded) && (found == "" || len(name) < len(found)) {
			found = name
		}
	}
	return found
}

// distance is how many letters have to be put in, left out, replaced or exchanged with their neighbour to make b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			cost := last[j]
			if a[i] != b[j] {
				cost++
			}
			row[j+1] = min(cost, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
