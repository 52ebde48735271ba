package entity

import "errors"

// Purger is an Entity that can be removed altogether. All kinds that live in a
// namespace are, since a namespace may be deleted.
type Purger interface {
	// Purge removes what the entity has: records, timers, tasks, rows of the index. It
	// may take several steps; more asks for the next one. What others wait for they are
	// told first. It fails with ErrPurgeLater if that takes longer than steps.
	Purge(step *Step) (more bool, err error)
}

// ErrPurgeLater is returned by Purger.Purge, without having changed anything, if there
// is something that has to be waited for.
var ErrPurgeLater = errors.New("the entity cannot be removed yet")

// Retainer is an Entity that removes parts of itself when they are older than the
// retention of its namespace.
type Retainer interface {
	// Retain has the entity do so by the retention as it is now, which may be shorter
	// than when it last looked.
	Retain(step *Step) error
}
