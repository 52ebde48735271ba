package entity

// Instead is an error of EndStep: what the step has changed must not be. The runtime
// drops the step and the state in memory, loads the entity, carries out Step in place of
// the other, and returns Err once that is durable. Fire and Receive are thus called again
// by whoever called them.
type Instead struct {
	// Err is what the caller of the step that is dropped is told.
	Err error
	// Step gets the entity as its records have it: what only the memory had, and is to be kept, it
	// brings with it. EndStep follows, which must not say Instead again.
	Step func(*Step, Entity) error
}

func (i *Instead) Error() string { return i.Err.Error() }

// Unwrap returns Err.
func (i *Instead) Unwrap() error { return i.Err }
