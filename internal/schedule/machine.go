package schedule

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/schedule/spec"
)

// Config is what schedules need to know of their surroundings.
type Config struct {
	// NamespaceName is the name of the namespace with the id. Nil: its id.
	NamespaceName func(id string) string
	// StartDelay takes the next turn to start a workflow in the namespace, and returns how
	// long it is until then. Nil: it is always now.
	StartDelay func(namespaceID string, now time.Time) time.Duration
}

// Machine loads schedules, for entity.KindSchedule.
type Machine struct{ config Config }

// NewMachine returns the state machine of schedules.
func NewMachine(config Config) Machine {
	if config.NamespaceName == nil {
		config.NamespaceName = func(id string) string { return id }
	}
	if config.StartDelay == nil {
		config.StartDelay = func(string, time.Time) time.Duration { return 0 }
	}
	return Machine{config}
}

// Letters of the records.
const (
	letterDefinition = 'd'
	letterState      = 's'
	letterOutcome    = 'o'
	letterStart      = 'p'
)

func startKey(number int64) []byte { return entity.AppendInt([]byte{letterStart}, number) }

// Schedule is one schedule, or a name that no schedule has.
type Schedule struct {
	config *Config
	key    entity.Key

	// def and state are nil if there is no schedule.
	def     *records.ScheduleDefinition
	state   *records.ScheduleState
	outcome *records.ScheduleOutcome // nil: no workflow has ended
	// starts are those that are not answered, in the order of their numbers.
	starts []*records.ScheduledStart

	// spec is the specification, once it has been needed.
	spec *spec.Spec
	next nextTimes

	size  int // of the records, about
	dirty dirty
	// again: there is more to do than the last step has done, at once.
	again bool
	// told are the counts that operators have been told of.
	told counts
}

// dirty is what is to be written at the end of the step.
type dirty struct {
	def, state, outcome bool
	row                 bool
	starts              map[int64]struct{} // by number: changed, added or removed
	gone                bool               // the schedule has been removed
}

// Load implements entity.Machine.
func (m Machine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	s := &Schedule{config: &m.config, key: key}
	var bad error
	err := reader.Scan(nil, nil, false, func(record, value []byte) bool {
		if bad = s.loadRecord(record, value); bad != nil {
			bad = fmt.Errorf("record %q: %w", record, bad)
		}
		s.size += len(value)
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	if err == nil && (s.def == nil) != (s.state == nil) {
		err = fmt.Errorf("one of its records %q and %q is missing", letterDefinition, letterState)
	}
	if err != nil {
		return nil, fmt.Errorf("loading the schedule %s: %w", key, err)
	}
	s.told = countsOf(s.state)
	return s, nil
}

func (s *Schedule) loadRecord(record, value []byte) error {
	if len(record) == 0 {
		return fmt.Errorf("it has no name")
	}
	switch record[0] {
	case letterDefinition:
		s.def = new(records.ScheduleDefinition)
		return proto.Unmarshal(value, s.def)
	case letterState:
		s.state = new(records.ScheduleState)
		return proto.Unmarshal(value, s.state)
	case letterOutcome:
		s.outcome = new(records.ScheduleOutcome)
		return proto.Unmarshal(value, s.outcome)
	case letterStart:
		start := new(records.ScheduledStart)
		s.starts = append(s.starts, start)
		return proto.Unmarshal(value, start)
	}
	return fmt.Errorf("this version does not know records of its kind: use the version that wrote it, or a later one")
}

// exists reports whether there is a schedule with the name.
func (s *Schedule) exists() bool { return s.state != nil }

// touch has the record of the start written, or removed if it is gone.
func (s *Schedule) touch(start *records.ScheduledStart) {
	if s.dirty.starts == nil {
		s.dirty.starts = make(map[int64]struct{})
	}
	s.dirty.starts[start.Number] = struct{}{}
}

// addStart adds a start at the end. Its number is the next one.
func (s *Schedule) addStart(start *records.ScheduledStart) {
	s.state.LastNumber++
	start.Number = s.state.LastNumber
	s.starts = append(s.starts, start)
	s.touch(start)
	s.dirty.state, s.dirty.row = true, true
}

// removeStarts removes the starts for which gone reports true.
func (s *Schedule) removeStarts(gone func(*records.ScheduledStart) bool) {
	s.starts = slices.DeleteFunc(s.starts, func(start *records.ScheduledStart) bool {
		if !gone(start) {
			return false
		}
		s.touch(start)
		return true
	})
}

// start finds a start by its number; nil if there is none.
func (s *Schedule) start(number int64) *records.ScheduledStart {
	i, found := slices.BinarySearchFunc(s.starts, number, func(start *records.ScheduledStart, number int64) int {
		switch {
		case start.Number < number:
			return -1
		case start.Number > number:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return s.starts[i]
}

// Fire implements entity.Entity.
func (s *Schedule) Fire(step *entity.Step) error {
	if s.exists() {
		s.advance(step)
	}
	return nil
}

// advance does all that is to be done by now.
func (s *Schedule) advance(step *entity.Step) {
	s.again = false
	s.generate(step)
	s.backfill(step)
	s.applyPolicy(step)
	s.send(step)
	if at, idle := s.idleUntil(); idle && !at.After(step.Now) {
		s.remove(step)
	}
}

// EndStep implements entity.Entity.
func (s *Schedule) EndStep(step *entity.Step) error {
	defer func() { s.dirty = dirty{} }()
	if s.dirty.gone {
		step.DeletePrefix([]byte{letterStart})
		for _, letter := range []byte{letterDefinition, letterState, letterOutcome} {
			step.Delete([]byte{letter})
		}
	}
	if !s.exists() {
		s.told = counts{}
		return nil
	}
	s.noteCounts(step)
	s.arm(step)
	put := func(key []byte, record proto.Message) error {
		value, err := proto.Marshal(record)
		if err != nil {
			return fmt.Errorf("schedule %s: encoding record %q: %w", s.key, key, err)
		}
		step.Put(key, value)
		return nil
	}
	for _, number := range slices.Sorted(maps.Keys(s.dirty.starts)) {
		start := s.start(number)
		if start == nil {
			step.Delete(startKey(number))
		} else if err := put(startKey(number), start); err != nil {
			return err
		}
	}
	for _, record := range []struct {
		dirty   bool
		letter  byte
		message proto.Message
	}{
		{s.dirty.def, letterDefinition, s.def},
		{s.dirty.state, letterState, s.state},
		{s.dirty.outcome, letterOutcome, s.outcome},
	} {
		if record.dirty {
			if err := put([]byte{record.letter}, record.message); err != nil {
				return err
			}
		}
	}
	if s.dirty.row {
		s.noteRow(step)
	}
	if s.dirty.def || s.dirty.outcome {
		s.size = s.recordBytes()
	}
	return nil
}

// remove removes the schedule. What it has started goes on.
func (s *Schedule) remove(step *entity.Step) {
	if at := s.state.WakeAt; at != nil {
		step.ClearTimer(nil, at.AsTime())
	}
	if step.Indexed() {
		step.Index(entity.IndexEntry{ID: s.def.Id})
	}
	s.def, s.state, s.outcome, s.starts = nil, nil, nil, nil
	s.spec, s.next, s.size = nil, nextTimes{}, 0
	s.dirty = dirty{gone: true}
}

// Purge implements entity.Purger.
func (s *Schedule) Purge(step *entity.Step) (more bool, err error) {
	if s.exists() {
		s.remove(step)
	}
	return false, nil
}

// recordBytes is about how long the records are.
func (s *Schedule) recordBytes() int {
	const startBytes = 64
	return proto.Size(s.def) + proto.Size(s.state) + proto.Size(s.outcome) + startBytes*len(s.starts)
}

// Size implements entity.Entity.
func (s *Schedule) Size() int {
	const scheduleBytes, startBytes = 1 << 10, 256
	return scheduleBytes + 3*s.size + startBytes*len(s.starts)
}

// Pinned implements entity.Entity.
func (s *Schedule) Pinned() bool { return false }
