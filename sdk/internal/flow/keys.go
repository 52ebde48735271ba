package flow

import (
	"cmp"
	"slices"
)

// DeterministicKeys returns the keys of a map in order, for ranging over it in
// workflow code: a plain range has a new order every time.
func DeterministicKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// DeterministicKeysFunc is DeterministicKeys for keys that need a function to
// compare them.
func DeterministicKeysFunc[K comparable, V any](m map[K]V, cmp func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortStableFunc(keys, cmp)
	return keys
}
