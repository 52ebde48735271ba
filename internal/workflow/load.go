package workflow

import (
	"bytes"
	"context"
	"fmt"

	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// NewMachine returns the state machine of workflow chains.
func NewMachine(config Config) entity.Machine {
	config.Limits = config.Limits.withDefaults()
	if config.Namespace == nil {
		config.Namespace = func(string) (Namespace, bool) { return Namespace{}, false }
	}
	if config.NamespaceByName == nil {
		config.NamespaceByName = config.Namespace
	}
	return &machine{config}
}

type machine struct{ config Config }

// Load reads the chain's record and its current run. History is not read.
func (m *machine) Load(_ context.Context, r entity.Reader, key entity.Key) (entity.Entity, error) {
	c := &Chain{config: &m.config, key: key}
	data, err := r.Get(chainKey)
	if err != nil {
		return nil, fmt.Errorf("workflow: reading the chain record of %v: %w", key, err)
	}
	if data == nil {
		return c, nil
	}
	c.record = new(records.Chain)
	if err := proto.Unmarshal(data, c.record); err != nil {
		return nil, fmt.Errorf("workflow: decoding the chain record of %v: %w", key, err)
	}
	if c.record.CurrentRunId == "" {
		return c, nil
	}
	if c.current, err = c.loadRun(r, c.record.CurrentRunId); err != nil {
		return nil, err
	}
	if c.current == nil {
		return nil, fmt.Errorf("workflow: records of current run %s of %v are missing", c.record.CurrentRunId, key)
	}
	return c, nil
}

// newRunState returns a run without items.
func (c *Chain) newRunState(info *records.RunInfo, state *records.Run) *Run {
	return &Run{
		chain:        c,
		info:         info,
		state:        state,
		activities:   make(map[int64]*records.Activity),
		activityByID: make(map[string]int64),
		timers:       make(map[string]*records.Timer),
		timerByEvent: make(map[int64]string),
		children:     make(map[int64]*records.Child),
		externals:    make(map[int64]*records.External),
	}
}

// loadRun reads a run, or returns nil if it has no records.
func (c *Chain) loadRun(reader entity.Reader, runID string) (*Run, error) {
	run := c.newRunState(nil, nil)
	prefix := runPrefix(runID)
	var bad error
	err := reader.Scan(prefix, nil, false, func(record, value []byte) bool {
		if !bytes.HasPrefix(record, prefix) || len(record) == len(prefix) {
			return true
		}
		bad = run.loadRecord(record[len(prefix)], record[len(prefix)+1:], value)
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, fmt.Errorf("workflow: loading run %s of %v: %w", runID, c.key, err)
	}
	if run.info == nil || run.state == nil {
		return nil, nil
	}
	run.infoBytes = proto.Size(run.info)
	run.reloaded = true
	return run, nil
}

// loadRecord takes up one record of the run.
func (r *Run) loadRecord(family byte, name, value []byte) error {
	switch family {
	case familyInfo:
		r.info = new(records.RunInfo)
		return proto.Unmarshal(value, r.info)
	case familyState:
		r.state = new(records.Run)
		return proto.Unmarshal(value, r.state)
	case familyResetPoints:
		r.resetPoints = new(workflowpb.ResetPoints)
		return proto.Unmarshal(value, r.resetPoints)
	case familyActivity:
		a := new(records.Activity)
		if err := proto.Unmarshal(value, a); err != nil {
			return err
		}
		r.activities[a.ScheduledEventId] = a
		r.activityByID[a.ActivityId] = a.ScheduledEventId
	case familyTimer:
		t := new(records.Timer)
		if err := proto.Unmarshal(value, t); err != nil {
			return err
		}
		r.timers[t.TimerId] = t
		r.timerByEvent[t.StartedEventId] = t.TimerId
	case familyChild:
		k := new(records.Child)
		if err := proto.Unmarshal(value, k); err != nil {
			return err
		}
		r.children[k.InitiatedEventId] = k
	case familyExternal:
		x := new(records.External)
		if err := proto.Unmarshal(value, x); err != nil {
			return err
		}
		r.externals[x.InitiatedEventId] = x
	case familyBuffered:
		event := new(historypb.HistoryEvent)
		if err := proto.Unmarshal(value, event); err != nil {
			return err
		}
		r.buffered = append(r.buffered, event)
		r.bufferedBytes += len(value)
	case familySignalRequest:
		r.noteSignalRequest(string(name))
	}
	return nil
}

// Approximate sizes in memory, of what is not counted in bytes.
const (
	runBytes         = 2 << 10
	pendingItemBytes = 768
	resetPointBytes  = 512
)

// Size is the approximate number of bytes the chain takes in memory.
func (c *Chain) Size() int {
	size := 512
	if c.current != nil {
		size += c.current.size()
	}
	for _, run := range c.others {
		size += run.size()
	}
	return size
}

func (r *Run) size() int {
	items := len(r.activities) + len(r.timers) + len(r.children) + len(r.externals)
	return runBytes + r.infoBytes + r.tail.size + r.bufferedBytes + items*pendingItemBytes + len(r.resetPoints.GetPoints())*resetPointBytes + r.itemBytes() + len(r.signalRequest)*96
}

// Pinned reports whether a worker has the workflow task, or queries wait.
func (c *Chain) Pinned() bool {
	return c.current != nil && (c.current.started != nil || len(c.current.queries) > 0)
}
