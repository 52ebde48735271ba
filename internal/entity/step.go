package entity

import (
	"slices"
	"time"
)

// Step collects what one step of an entity has to write, set, dispatch and send.
// The runtime makes it, hands it to the step, and carries out its Outputs.
type Step struct {
	// Now is the time of the step. It never goes back within a shard.
	Now time.Time

	env  Env
	out  Outputs
	told []any
	// touched: see Touch.
	touched bool
}

// Env is what a step needs of the runtime: sources of what a pure function
// cannot have of itself. Tests pass their own.
type Env interface {
	// NewID returns a new random UUID.
	NewID() string
	// NextTaskID returns a number that no other task has, on whatever shard, and
	// that is greater than any it has returned for the shard.
	NextTaskID() int64
	// Reader reads the entity's records; it waits until the entity's earlier steps
	// are durable.
	Reader() Reader
	// Indexed reports whether the index entries of steps are kept.
	Indexed() bool
}

// Joiner is an Env that can have other entities take part in a step.
type Joiner interface {
	Join(key Key) (Entity, *Step)
}

// Wake is a time at which Fire is to be called, which no record holds.
type Wake struct {
	At time.Time
	// Pinned: only if the entity is pinned then. See Step.WakePinned.
	Pinned bool
}

// Outputs is what a step has noted, for whoever carries it out: the runtime, or
// what stands in for it in a test. Entities note things by the methods of Step
// and do not look in here.
type Outputs struct {
	Records  []Record
	Timers   []Timer
	Tasks    []*Task
	Offers   []*Task
	Removed  []TaskRef
	Messages []Message
	Index    []IndexEntry
	Wakes    []Wake
	// Unwake: the last wake of earlier steps is taken back. See Step.Unwake.
	Unwake  bool
	Effects []func()
	// Occurrences are for whoever observes the runtime.
	Occurrences []Occurrence
	// Lazy: nobody has to wait for the disk. See Step.Lazy.
	Lazy bool
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

// Message is a message to another entity. How the body is encoded is the
// business of the kind that receives it.
type Message struct {
	To   Key
	Body []byte
}

// IndexEntry is a change of what lists and counts have to know of the entity:
// the row ID is set to Row, or removed if Row is nil. How a row is encoded is
// agreed between the entity's kind and the index.
type IndexEntry struct {
	// ID names the row among those of the namespace, of whatever entity: a random id,
	// e.g. that of a run of a workflow.
	ID  string
	Row []byte
}

// NewStep returns an empty step at the given time.
func NewStep(now time.Time, env Env) *Step { return &Step{Now: now, env: env} }

// Reset makes s an empty step at the given time that keeps the room of its
// lists. Nothing of its former outputs may be in use any more.
func (s *Step) Reset(now time.Time, env Env) {
	out := &s.out
	clear(out.Records)
	clear(out.Timers)
	clear(out.Tasks)
	clear(out.Offers)
	clear(out.Removed)
	clear(out.Messages)
	clear(out.Index)
	clear(out.Effects)
	clear(out.Occurrences)
	clear(s.told)
	*s = Step{Now: now, env: env, told: s.told[:0], out: Outputs{
		Records: out.Records[:0], Timers: out.Timers[:0], Tasks: out.Tasks[:0], Offers: out.Offers[:0], Removed: out.Removed[:0],
		Messages: out.Messages[:0], Index: out.Index[:0], Wakes: out.Wakes[:0], Effects: out.Effects[:0],
		Occurrences: out.Occurrences[:0],
	}}
}

// Outputs is what the step has noted so far. It belongs to the step.
func (s *Step) Outputs() *Outputs { return &s.out }

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
	s.out.Records = append(s.out.Records, Record{Key: key, Value: value})
}

// Delete removes a record of the entity.
func (s *Step) Delete(key []byte) { s.out.Records = append(s.out.Records, Record{Key: key}) }

// DeletePrefix removes all records of the entity whose keys begin with prefix.
func (s *Step) DeletePrefix(prefix []byte) {
	s.out.Records = append(s.out.Records, Record{Key: prefix, Prefix: true})
}

// SetTimer makes the runtime call Fire at or after the given time, whatever
// happens in between. The entity keeps the time in its records: it needs it to
// clear the timer.
func (s *Step) SetTimer(name []byte, at time.Time) {
	s.out.Timers = append(s.out.Timers, Timer{Name: name, At: at})
}

// ClearTimer removes a timer that SetTimer has set. Clearing one that has just
// fired is no error, and is how an entity gets rid of it: a timer that is not
// cleared by the step it fires is fired again.
func (s *Step) ClearTimer(name []byte, at time.Time) {
	s.out.Timers = append(s.out.Timers, Timer{Name: name, At: at, Clear: true})
}

// Wake makes the runtime call Fire at the given time unless the process ends
// before.
func (s *Step) Wake(at time.Time) { s.out.Wakes = append(s.out.Wakes, Wake{At: at}) }

// WakePinned is Wake for what no record holds: if the entity is not Pinned when the
// time comes, it has become meaningless, and Fire need not be called. Unlike with Wake,
// an entity that has left memory is not loaded for it, unless it was pinned when a step
// that broke had it dropped.
func (s *Step) WakePinned(at time.Time) {
	s.out.Wakes = append(s.out.Wakes, Wake{At: at, Pinned: true})
}

// Unwake takes back the last wake that the entity has asked for in earlier steps, if it is
// still to come: nothing is to be done then any more. It saves the runtime a call of Fire, and the
// loading of an entity that has left memory. It may do less: after the entity has left memory
// it does nothing.
func (s *Step) Unwake() { s.out.Unwake = true }

// AddTask makes a task ready for workers and returns its id, which the entity
// keeps to be able to remove the task.
func (s *Step) AddTask(task *Task) int64 {
	task.ID = s.env.NextTaskID()
	s.out.Tasks = append(s.out.Tasks, task)
	return task.ID
}

// OfferTask makes a task ready for workers that has no record: nothing is written,
// and the task may be lost at any time, with the process or before. The entity sets
// a wake to find out. It returns the task's id.
func (s *Step) OfferTask(task *Task) int64 {
	task.ID, task.Volatile = s.env.NextTaskID(), true
	s.out.Offers = append(s.out.Offers, task)
	return task.ID
}

// RemoveTask takes a task back: its record is removed, or never written if the
// task was added by this very step.
func (s *Step) RemoveTask(ref TaskRef) {
	for i, task := range s.out.Tasks {
		if task.ID == ref.ID {
			s.out.Tasks = slices.Delete(s.out.Tasks, i, i+1)
			return
		}
	}
	s.out.Removed = append(s.out.Removed, ref)
}

// Send sends a message to another entity, at least once.
func (s *Step) Send(to Key, body []byte) {
	s.out.Messages = append(s.out.Messages, Message{To: to, Body: body})
}

// Join has another entity take part in the step: it returns the entity and a step of its, which are for the
// rest of this one. What both note becomes durable as one, or not at all; EndStep of the other follows that of this
// entity. The time of this step goes on to the present one, so that what it does from then on comes after
// all that the other has done before.
//
// It returns nil if that cannot be: the other is not held by this process, cannot be loaded now, or the store cannot write two as
// one. A message (Send) can always be sent instead. Messages that are under way from this entity to the
// other are overtaken. An entity must not have others take part in a step in which it takes part itself.
func (s *Step) Join(key Key) (Entity, *Step) {
	if j, ok := s.env.(Joiner); ok {
		return j.Join(key)
	}
	return nil, nil
}

// Touch says that the state in memory has been changed by the step of one that takes part in another's, though nothing has been noted yet: if
// the step is not to be, the entity is loaded again.
func (s *Step) Touch() { s.touched = true }

// Touched reports whether Touch was called.
func (s *Step) Touched() bool { return s.touched }

// Withdraw takes back those messages of this very step for which match reports
// true.
func (s *Step) Withdraw(match func(Message) bool) {
	s.out.Messages = slices.DeleteFunc(s.out.Messages, match)
}

// Index tells lists and counts of a change. The entry is written to the shard's
// change log in the batch of the step, so an index that follows the log sees
// what is durable and nothing else. A later entry for the same row wins.
func (s *Step) Index(entry IndexEntry) { s.out.Index = append(s.out.Index, entry) }

// Indexed reports whether the change log is kept. If it is not, index entries are
// thrown away, and an entity need not make them.
func (s *Step) Indexed() bool { return s.env.Indexed() }

// After has fn called once the step is durable, never if it fails. fn must not
// block; it runs without the entity's lock.
func (s *Step) After(fn func()) { s.out.Effects = append(s.out.Effects, fn) }

// Tell is After for an effect that ends somebody's wait. Told has the one who waits: if
// the step is dropped, he still does (see Instead).
func (s *Step) Tell(waiter any, fn func()) {
	s.told = append(s.told, waiter)
	s.After(fn)
}

// Told are those whose waits the step ends.
func (s *Step) Told() []any { return s.told }

// Lazy says that nobody has to wait for the disk on behalf of this step: a power
// cut may lose it without anyone being able to tell.
func (s *Step) Lazy() { s.out.Lazy = true }

// Writes reports whether the step changes anything in the store.
func (s *Step) Writes() bool {
	o := &s.out
	return len(o.Records)+len(o.Timers)+len(o.Tasks)+len(o.Removed)+len(o.Messages)+len(o.Index) > 0
}

// Empty reports whether the step has noted nothing at all.
func (s *Step) Empty() bool {
	return !s.Writes() && len(s.out.Offers) == 0 && len(s.out.Wakes) == 0 && !s.out.Unwake && len(s.out.Effects) == 0
}
