package entity

import "context"

// Verifier is a Machine that can tell whether the records of an entity fit
// together, beyond what Load finds out. Verify reads them all and returns an error for
// each thing that is wrong, which names the record. It changes nothing.
type Verifier interface {
	Verify(ctx context.Context, r Reader, key Key) []error
}

// Accountable is a Machine that can tell from the records of an entity which timers and tasks
// of it there are to be: those and no others.
type Accountable interface {
	Expected(ctx context.Context, r Reader, key Key) (timers []Timer, tasks []TaskRef, err error)
}

// Indexed is a Machine whose entities have rows in the index of what can be listed
// (Step.Index). IndexRows returns all rows of an entity as its records have them, for an
// index that is built anew while the entity goes on: what changes meanwhile is noted by
// steps, so rows may be missing that are on their way.
type Indexed interface {
	IndexRows(ctx context.Context, r Reader, key Key) ([]IndexEntry, error)
}
