package runtime

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/entity"
)

// Peek looks at an entity wherever its shard is held. If that is not here, it is made from
// its records in the store, as they are at this moment, and forgotten again: for entities
// that every node reads and one changes.
func (r *Runtime) Peek(ctx context.Context, key entity.Key, fn func(entity.Entity) error) error {
	if r.Holds(key) {
		return r.View(ctx, key, func(e entity.Entity, _ entity.View) error { return fn(e) })
	}
	machine := r.machines[key.Kind]
	if machine == nil {
		return errNoMachine(key)
	}
	reader := &recordReader{ctx: ctx, store: r.store, shard: ShardOf(key, len(r.shards)), prefix: RecordPrefix(key)}
	e, err := machine.Load(ctx, reader, key)
	if err == nil {
		err = reader.err
	}
	if err != nil {
		return fmt.Errorf("runtime: looking at %v: %w", key, err)
	}
	return fn(e)
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
