package workflow

import (
	"bytes"
	"context"
	"fmt"

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

// loadRun reads a run, or returns nil if it has no records.
func (c *Chain) loadRun(reader entity.Reader, runID string) (*Run, error) {
	run := &Run{chain: c}
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
	if run.closed() {
		run.deadlines = deadlineHeap{} // what was pending is only kept to be described
	}
	run.infoBytes = proto.Size(run.info)
	run.reloaded = true
	return run, nil
}

// loadRecord takes up one record of the run.
func (r *Run) loadRecord(letter byte, name, value []byte) (err error) {
	switch letter {
	case letterInfo:
		r.info, err = decodeRecord[records.RunInfo](value)
	case letterState:
		r.state, err = decodeRecord[records.Run](value)
	default:
		f := r.family(letter)
		if f == nil {
			return fmt.Errorf("there is a record of a kind that this version does not know, %q: use the version that wrote it, or a later one", letter)
		}
		err = f.load(r, name, value)
	}
	if err != nil {
		return fmt.Errorf("record %q %x: %w", letter, name, err)
	}
	return nil
}

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
	const runBytes = 2 << 10 // of what is not counted
	return runBytes + r.stateSize() + r.tail.size
}

// stateSize is about how many bytes the state of the run has, which is not its history.
func (r *Run) stateSize() int {
	size := r.infoBytes
	for _, f := range r.list() {
		size += f.size()
	}
	return size
}

// Pinned reports whether there is anything that no record holds: a worker has the
// workflow task, or queries or updates wait.
func (c *Chain) Pinned() bool {
	return c.current != nil && c.current.pinned()
}

// Finished reports whether no run of the workflow is open, and hardly anything will be asked of it: the
// children that have outlived it still say when they end.
func (c *Chain) Finished() bool {
	return c.current == nil || c.current.closed() && c.current.children.len() == 0
}

func (r *Run) pinned() bool {
	return r.started != nil || r.speculative || len(r.queries)+len(r.admitted)+len(r.updateWaits) > 0
}
