package workflow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
)

// What must hold of the records of a chain, whoever reads them: the records of a run are the fold
// of its history, histories are whole, what has closed is to be deleted some day, and each
// timer and task that a record names is there.

// Verify implements entity.Verifier.
func (m *machine) Verify(ctx context.Context, reader entity.Reader, key entity.Key) (problems []error) {
	loaded, err := m.Load(ctx, reader, key)
	if err != nil {
		return nil // who calls this has loaded it before, and has the error
	}
	v := &verification{chain: loaded.(*Chain), reader: reader}
	if err := v.run(); err != nil {
		v.problem("%w", err)
	}
	return v.problems
}

type verification struct {
	chain    *Chain
	reader   entity.Reader
	problems []error
	// expiring are the closed runs that have an entry in the index of those.
	expiring map[string]bool
}

func (v *verification) problem(format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf(format, args...))
}

func (v *verification) run() error {
	c := v.chain
	ids, err := v.runIDs('r')
	if err != nil {
		return err
	}
	histories, err := v.runIDs('h')
	if err != nil {
		return err
	}
	v.expiring = make(map[string]bool)
	if err := c.closedRuns(v.reader, v.noteExpiring); err != nil {
		return err
	}
	if c.record == nil && len(ids)+len(histories) > 0 {
		v.problem("the record of the chain is missing, and there are %d runs", max(len(ids), len(histories)))
	}
	for _, id := range ids {
		run, err := c.loadRun(v.reader, id)
		switch {
		case err != nil:
			v.problem("%w", err)
		case run == nil:
			v.problem("run %s has no info, or no state", id)
		default:
			v.verifyRun(run)
		}
	}
	for _, id := range histories {
		if !slices.Contains(ids, id) && c.held(id) == nil {
			v.problem("run %s has a history, and no other records", id)
		}
	}
	for _, h := range c.record.GetImports() {
		if !slices.Contains(histories, h.RunId) {
			v.problem("run %s is being imported, and has no history", h.RunId)
		}
	}
	return nil
}

func (v *verification) noteExpiring(_ []byte, runID string, _ time.Time) bool {
	v.expiring[runID] = true
	return true
}

// runIDs are the runs that have records that begin with the letter, in order.
func (v *verification) runIDs(letter byte) (ids []string, err error) {
	for from := []byte{letter}; from != nil; {
		start := from
		from = nil
		var bad error
		err := v.reader.Scan([]byte{letter}, start, false, func(record, _ []byte) bool {
			id, _, err := entity.DecodeString(record[1:])
			if err != nil {
				bad = fmt.Errorf("workflow: record %q is of no run", record)
				return false
			}
			ids = append(ids, id)
			// On behind all records of the run, which need not be read.
			from = entity.AppendString([]byte{letter}, id)
			from = append(from, 0xff)
			return false
		})
		if err := errors.Join(err, bad); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// verifyRun verifies one run.
func (v *verification) verifyRun(r *Run) {
	id := r.info.RunId
	current := v.chain.record.GetCurrentRunId() == id
	switch {
	case !r.closed() && !current:
		v.problem("run %s is open, and is not the current one", id)
	case r.closed() && !v.expiring[id]:
		v.problem("run %s has closed, and nothing sees to it that it is deleted when its retention is over", id)
	case !r.closed() && v.expiring[id]:
		v.problem("run %s is open, and is to be deleted", id)
	}
	var events []*historypb.HistoryEvent
	var size int64
	err := r.eachPage(func() entity.Reader { return v.reader }, 1, r.state.NextEventId-1, func(_, _ int64, data []byte) error {
		size += int64(len(data))
		return eachEvent(data, func(e *historypb.HistoryEvent) error {
			events = append(events, e)
			return nil
		})
	})
	if err != nil {
		v.problem("run %s: its history: %w", id, err)
		return
	}
	if n := int64(len(events)); n != r.state.NextEventId-1 {
		v.problem("run %s: its history has %d events, and its next one has the id %d", id, n, r.state.NextEventId)
		return
	}
	if size != r.state.HistorySize {
		v.problem("run %s: its history has %d bytes, and its record says %d", id, size, r.state.HistorySize)
	}
	v.problems = append(v.problems, r.differences(events)...)
}

// differences are where the records of the run are not the fold of its history and of the
// events that it buffers.
func (r *Run) differences(events []*historypb.HistoryEvent) (problems []error) {
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("run %s: "+format, append([]any{r.info.RunId}, args...)...))
	}
	f := r.chain.newFold(r.info.RunId)
	var err error
	for _, event := range events {
		if err = f.add(event); err != nil {
			break
		}
	}
	for _, event := range r.buffer.events {
		if err == nil {
			err = f.addBuffered(event)
		}
	}
	if err != nil {
		problem("its history does not fold: %w", err)
		return problems
	}
	same := func(what string, have, folded proto.Message) {
		have, folded = proto.Clone(have), proto.Clone(folded)
		notFolded(have)
		notFolded(folded)
		if !proto.Equal(have, folded) {
			problem("%s is\n%v, the history makes it\n%v", what, have, folded)
		}
	}
	same("its info", r.info, f.run.info)
	same("its state", r.state, f.run.state)
	for i, family := range r.list() {
		if family.letter() == r.buffer.letter() {
			continue
		}
		have, folded := recordsOf(family), recordsOf(f.run.list()[i])
		for _, name := range slices.Sorted(maps.Keys(folded)) {
			if have[name] == nil {
				problem("item %x of family %q is missing, which the history makes", name, family.letter())
			}
		}
		for _, name := range slices.Sorted(maps.Keys(have)) {
			if folded[name] == nil {
				problem("item %x of family %q is not in the history", name, family.letter())
			} else {
				same(fmt.Sprintf("item %x of family %q", name, family.letter()), have[name], folded[name])
			}
		}
	}
	return problems
}

// recordsOf are the records of a family, by what their keys go on with.
func recordsOf(f family) map[string]proto.Message {
	records := make(map[string]proto.Message)
	f.records(func(name []byte, record proto.Message) { records[string(name)] = record })
	return records
}

// Expected implements entity.Accountable.
func (m *machine) Expected(ctx context.Context, reader entity.Reader, key entity.Key) (timers []entity.Timer, tasks []entity.TaskRef, err error) {
	loaded, err := m.Load(ctx, reader, key)
	if err != nil {
		return nil, nil, err
	}
	c := loaded.(*Chain)
	if next := asTime(c.record.GetNextExpiry()); !next.IsZero() {
		timers = append(timers, entity.Timer{Name: expiryTimer, At: next})
	}
	r := c.current
	if r == nil {
		return timers, nil, nil
	}
	if at := asTime(r.state.WakeAt); !at.IsZero() {
		timers = append(timers, entity.Timer{Name: []byte(r.info.RunId), At: at})
	}
	if r.state.WorkflowTask.GetTaskId() != 0 && r.state.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		tasks = append(tasks, r.dispatchRef())
	}
	for _, id := range r.activities.keys() {
		if act := r.activities.get(id); act.TaskId != 0 {
			tasks = append(tasks, entity.TaskRef{Queue: r.activityQueue(act), Lane: act.Lane, ID: act.TaskId})
		}
	}
	return timers, append(tasks, r.nexusTasks()...), nil
}

// nexusTasks are the tasks of calls of Nexus operations.
func (r *Run) nexusTasks() (tasks []entity.TaskRef) {
	for _, op := range r.nexusOperations.byKey {
		for _, id := range []int64{op.GetStart().GetTaskId(), op.GetCancellation().GetCalls().GetTaskId()} {
			if id != 0 {
				tasks = append(tasks, entity.TaskRef{Queue: nexus.Queue, ID: id})
			}
		}
	}
	return tasks
}
