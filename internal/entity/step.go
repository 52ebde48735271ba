package entity

import "time"

// Step collects what one step of an entity has to write, set, dispatch and send.
// The runtime makes it, hands it to the step, and carries it out.
type Step struct {
	// Now is the time of the step. It never goes back within a shard.
	Now time.Time

	env Env

	Records  []Record
	Timers   []Timer
	Tasks    []*Task
	Removed  []*Task
	Messages []Outgoing
	Wakes    []time.Time
	Effects  []func()
	lazy     bool
}

// Env is what a step needs of the runtime: sources of what a pure function
// cannot have of itself. Tests pass their own.
type Env interface {
	// NewID returns a new random UUID.
	NewID() string
	// NextTaskID returns a number greater than any it has returned for the shard.
	NextTaskID() int64
	// Reader reads the entity's records; it waits until the entity's earlier steps
	// are durable.
	Reader() Reader
}

// Record is one change of the entity's records: a write if Value is not nil,
// else a removal, of all records with the prefix Key if Prefix is set.
type Record struct {
	Key, Value []byte
	Prefix     bool
}

// Timer is a durable timer of the entity, set or cleared. A timer is identified
// by its name and its time together.
type Timer struct {
	Name  []byte
	At    time.Time
	Clear bool
}

// Outgoing is a message to another entity.
type Outgoing struct {
	To   Key
	Body []byte
}

// NewStep returns an empty step at the given time.
func NewStep(now time.Time, env Env) *Step { return &Step{Now: now, env: env} }

// NewID returns a new random UUID.
func (s *Step) NewID() string { return s.env.NewID() }

// Reader reads the entity's own records, as of before this step.
func (s *Step) Reader() Reader { return s.env.Reader() }

// Put writes a record of the entity. The key is relative to the entity; both
// slices belong to the step afterwards. A nil value is written as an empty one.
func (s *Step) Put(key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	s.Records = append(s.Records, Record{Key: key, Value: value})
}

// Delete removes a record of the entity.
func (s *Step) Delete(key []byte) { s.Records = append(s.Records, Record{Key: key}) }

// DeletePrefix removes all records of the entity whose keys begin with prefix.
func (s *Step) DeletePrefix(prefix []byte) {
	s.Records = append(s.Records, Record{Key: prefix, Prefix: true})
}

// SetTimer makes the runtime call Fire at or after the given time, whatever
// happens in between. The entity keeps the time in its records: it needs it to
// clear the timer.
func (s *Step) SetTimer(name []byte, at time.Time) {
	s.Timers = append(s.Timers, Timer{Name: name, At: at})
}

// ClearTimer removes a timer that SetTimer has set. Clearing one that has just
// fired is no error, and is how an entity gets rid of it: a timer that is not
// cleared by the step it fires is fired again.
func (s *Step) ClearTimer(name []byte, at time.Time) {
	s.Timers = append(s.Timers, Timer{Name: name, At: at, Clear: true})
}

// Wake makes the runtime call Fire at the given time unless the process ends
// before.
func (s *Step) Wake(at time.Time) { s.Wakes = append(s.Wakes, at) }

// AddTask makes a task ready for workers and returns its id, which the entity
// keeps to be able to remove the task.
func (s *Step) AddTask(task *Task) int64 {
	task.ID = s.env.NextTaskID()
	s.Tasks = append(s.Tasks, task)
	return task.ID
}

// RemoveTask removes the record of a task; only Queue and ID are looked at.
func (s *Step) RemoveTask(queue Queue, id int64) {
	s.Removed = append(s.Removed, &Task{Queue: queue, ID: id})
}

// Send sends a message to another entity, at least once.
func (s *Step) Send(to Key, body []byte) {
	s.Messages = append(s.Messages, Outgoing{To: to, Body: body})
}

// After has fn called once the step is durable, never if it fails. fn must not
// block; it runs without the entity's lock.
func (s *Step) After(fn func()) { s.Effects = append(s.Effects, fn) }

// Lazy says that nobody has to wait for the disk on behalf of this step: a power
// cut may lose it without anyone being able to tell.
func (s *Step) Lazy() { s.lazy = true }

// IsLazy reports whether Lazy was called.
func (s *Step) IsLazy() bool { return s.lazy }

// Writes reports whether the step changes anything in the store.
func (s *Step) Writes() bool {
	return len(s.Records)+len(s.Timers)+len(s.Tasks)+len(s.Removed)+len(s.Messages) > 0
}

// Empty reports whether the step has noted nothing at all.
func (s *Step) Empty() bool {
	return !s.Writes() && len(s.Wakes) == 0 && len(s.Effects) == 0
}
