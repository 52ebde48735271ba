package entity

import "context"

// Verifier is a Machine that can tell whether the records of an entity fit
// together, beyond what Load finds out. Verify reads them all and returns an error for
// each thing that is wrong, which names the record. It changes nothing.
type Verifier interface {
	Verify(ctx context.Context, r Reader, key Key) []error
}
