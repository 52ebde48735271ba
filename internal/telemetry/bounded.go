package telemetry

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// bounded is what is counted under labels that clients choose. Looking one up that is there takes
// no lock. A label is made as long as the budget, which several of them may share, is not used up;
// what comes after that is counted under other.
type bounded[T any] struct {
	budget *atomic.Int64
	make   func(label string) *T

	known atomic.Pointer[map[string]*T]
	rest  atomic.Pointer[T] // of other; nil as long as there is none
	mu    sync.Mutex
}

func (b *bounded[T]) get(label string) *T {
	if known := b.known.Load(); known != nil {
		if found := (*known)[label]; found != nil {
			return found
		}
	}
	if rest := b.rest.Load(); rest != nil {
		return rest
	}
	return b.add(label)
}

// add makes what is counted under the label, or under other.
func (b *bounded[T]) add(label string) *T {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := map[string]*T{}
	if now := b.known.Load(); now != nil {
		if found := (*now)[label]; found != nil {
			return found
		}
		known = maps.Clone(*now)
	}
	if b.budget.Add(-1) < 0 {
		b.budget.Add(1)
		if b.rest.Load() == nil {
			b.rest.Store(b.make(other))
		}
		return b.rest.Load()
	}
	label = strings.Clone(label) // it may be a piece of a request
	made := b.make(strings.ToValidUTF8(label, "\uFFFD"))
	known[label] = made
	b.known.Store(&known)
	return made
}
