// Package entity says what a durable thing is, to those who write one and to
// the runtime that runs them all.
//
// An entity is a key, a state kept as records in the store, timers, tasks for
// workers, and messages to other entities. What it does is a state machine: a
// step takes the state, an input and the time, changes the state in memory, and
// notes in a Step what has to be written, set, dispatched and sent. A step has
// no other effects. It does no I/O, starts no goroutine, takes no lock, and
// reads no clock: all of that is the business of package runtime.
//
// The rules of a step:
//
//   - Check first, then change. A step that returns an error must not have
//     changed the state; one that has nevertheless noted something is taken for
//     broken, and the runtime drops the state and loads it again.
//   - Every change of the state is noted as records in the same step, at its end
//     (Entity.EndStep).
//   - Nothing of a step is visible to anyone before its records are durable. The
//     runtime sees to that for replies, tasks, timers and messages; for anything
//     else there is Step.After.
//   - What is lost with the process (a started workflow task, a waiting query)
//     is kept in fields that no record holds, and Pinned says so.
package entity

import (
	"context"
	"errors"
	"time"
)

// Machine is one kind of entity. Load builds the entity named key from its
// records, or an empty one if it has none.
type Machine interface {
	Load(ctx context.Context, r Reader, key Key) (Entity, error)
}

// Entity is the state of one entity in memory. The runtime calls its methods
// with the entity's lock held.
type Entity interface {
	// Fire does everything that is due at step.Now. It is called at or after the
	// time of a timer or wake that the entity has set, and must tolerate being
	// called when nothing is due.
	Fire(step *Step) error
	// Receive handles a message from another entity, of whatever kind. Messages are
	// delivered at least once, and in order per sender: the entity must recognise
	// one that it has already handled. A message that makes no sense any more is
	// dropped by returning nil; one that this build does not know is answered with
	// ErrUnknownMessage, and kept; any other error makes the runtime deliver it
	// again later.
	Receive(step *Step, from Key, body []byte) error
	// EndStep ends every step, Fire and Receive included, that has returned nil. It
	// is the one place where a kind enforces its limits, schedules what the step has
	// made necessary, and notes the records of what has changed. A step that needs
	// its records noted earlier, for a reply that is made of them, may call it
	// itself; the second call then finds nothing left to do. If the step must not be after
	// all, it returns an Instead.
	EndStep(step *Step) error
	// Size is the approximate number of bytes the entity takes in memory.
	Size() int
	// Pinned reports whether the entity holds volatile state that must not be
	// dropped from the cache.
	Pinned() bool
}

// Finisher is an Entity that may be finished: hardly anything is asked of it any more. Finished ones are the first to go
// out of memory.
type Finisher interface {
	Finished() bool
}

// Keeper is a Machine whose entities are asked by many others, and take little memory: they are to stay there while other entities come and go.
type Keeper interface {
	Keep()
}

// Timekeeper is an Entity that may have a time of its own.
type Timekeeper interface {
	// BeginStep is called before every step. It may set step.Now to the entity's time,
	// which it keeps out of what it notes in the step: times of timers, wakes and tasks
	// are those of the shard.
	BeginStep(step *Step)
}

// ErrUnknownMessage is returned by Entity.Receive, possibly wrapped, for a message
// that this build does not know: one of a later build, after a downgrade. The
// runtime keeps it, and all that come behind it on the same way, and says so in
// its log; a build that knows it delivers them.
var ErrUnknownMessage = errors.New("message of a kind that this version does not know")

// ErrStaleTask is what starting a task comes to that is no longer worth anything: it
// has been started, finished or replaced. The task is to be dropped.
var ErrStaleTask = errors.New("the task is stale")

// Reader reads the records of one entity as of the last step whose records are
// durable. Keys are relative to the entity.
type Reader interface {
	// Get returns the value of the record, or nil if there is none.
	Get(record []byte) ([]byte, error)
	// Scan visits the records with the prefix in order, from the first one that
	// is not below from (nil: from the beginning; descending from just below from
	// when reverse is set), until visit returns false. Arguments of visit are
	// valid only during the call.
	Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error
}

// View is what one who looks at an entity is given with it: its records, and the
// time of its shard, which is that of a step that would run now.
type View interface {
	Reader
	Now() time.Time
}
