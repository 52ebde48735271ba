package runtime

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// Peek looks at an entity wherever its shard is held. If that is not here, it is made from
// its records in the store, all as of one moment, and forgotten again: for small entities
// that every node reads and one changes.
func (r *Runtime) Peek(ctx context.Context, key entity.Key, fn func(entity.Entity) error) error {
	if r.Holds(key) {
		return r.View(ctx, key, func(e entity.Entity, _ entity.View) error { return fn(e) })
	}
	machine := r.machines[key.Kind]
	if machine == nil {
		return errNoMachine(key)
	}
	records, err := r.readAll(ctx, key)
	var e entity.Entity
	if err == nil {
		e, err = machine.Load(ctx, records, key)
	}
	if err != nil {
		return fmt.Errorf("runtime: looking at %v: %w", key, err)
	}
	return fn(e)
}

// allRecords are the records of an entity at one moment, in the order of their keys.
type allRecords []allRecord

type allRecord struct{ key, value []byte }

var _ entity.Reader = allRecords(nil)

// readAll reads them with one scan, which sees no step in part. An entity that is not there may be in a shard that was made
// since the layout was read; one that is there was, at that moment.
func (r *Runtime) readAll(ctx context.Context, key entity.Key) (all allRecords, err error) {
	prefix := RecordPrefix(key)
	for {
		shard := ShardOf(key, r.store.Layout())
		err = r.store.Scan(ctx, shard, storage.Prefix(prefix), func(record, value []byte) bool {
			all = append(all, allRecord{bytes.Clone(record[len(prefix):]), bytes.Clone(value)})
			return true
		})
		if err != nil || len(all) > 0 || r.splitter == nil || !r.shared {
			return all, err
		}
		if err := r.splitter.Refresh(ctx); err != nil || ShardOf(key, r.store.Layout()) == shard {
			return nil, err
		}
	}
}

// Get implements entity.Reader.
func (a allRecords) Get(record []byte) ([]byte, error) {
	i, found := slices.BinarySearchFunc(a, record, func(one allRecord, key []byte) int { return bytes.Compare(one.key, key) })
	if !found {
		return nil, nil
	}
	return a[i].value, nil
}

// Scan implements entity.Reader.
func (a allRecords) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	first := sort.Search(len(a), func(i int) bool { return bytes.Compare(a[i].key, prefix) >= 0 })
	last := first
	for last < len(a) && bytes.HasPrefix(a[last].key, prefix) {
		last++
	}
	found := a[first:last]
	if from != nil {
		at := sort.Search(len(found), func(i int) bool { return bytes.Compare(found[i].key, from) >= 0 })
		if reverse {
			found = found[:at]
		} else {
			found = found[at:]
		}
	}
	for i := range found {
		one := &found[i]
		if reverse {
			one = &found[len(found)-1-i]
		}
		if !visit(one.key, one.value) {
			return nil
		}
	}
	return nil
}

// TaskRecord is the record of a task without what is in its key, for another process.
func TaskRecord(task *entity.Task) []byte { return appendTask(nil, task) }

// TaskOf is the task with the record, which belongs to what ref says.
func TaskOf(ref entity.TaskRef, record []byte) (*entity.Task, error) {
	task, err := decodeTask(record)
	if err != nil {
		return nil, fmt.Errorf("runtime: a task from another process: %w", err)
	}
	task.Queue, task.Lane, task.ID = ref.Queue, ref.Lane, ref.ID
	return task, nil
}
