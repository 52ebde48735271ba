package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/storage"
)

// ReadTasks reads the durable tasks of a lane of a queue, over all shards that are held,
// in the order of their ids, beginning after the id given: at most limit of them. It returns an
// id through which the reading is complete, to go on from, and whether there may
// be more.
//
// If there are no more, every task with an id above that is added to the
// TaskSink after the call of ReadTasks; those up to it have been read or are
// gone. Between the two no task is missed, and comparing ids tells which are
// seen twice.
func (r *Runtime) ReadTasks(ctx context.Context, queue entity.Queue, lane string, after int64, limit int) (tasks []*entity.Task, through int64, more bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("runtime: reading tasks of queue %q: %w", queue.Name, err)
		}
	}()
	// Ids are given before the records are visible. Those given so far are waited
	// for; what is given from now on is left out.
	bound := r.boundNumbers()
	for s := range r.held() {
		if err := s.numbers.wait(ctx, bound); err != nil {
			return nil, 0, false, err
		}
	}
	// The tasks of the shards are in order; they are merged, reading on in a shard
	// when what has been read of it is used up.
	runs := make([]taskRun, 0, len(r.shards))
	for s := range r.held() {
		run := taskRun{shard: s, queue: queue, lane: lane, after: after, bound: bound, chunk: limit/len(r.shards) + 8}
		if err := run.read(ctx); err != nil {
			return nil, 0, false, err
		}
		runs = append(runs, run)
	}
	through = after
	for len(tasks) < limit {
		var first *taskRun
		for i := range runs {
			if run := &runs[i]; len(run.tasks) > 0 && (first == nil || run.tasks[0].ID < first.tasks[0].ID) {
				first = run
			}
		}
		if first == nil {
			return tasks, max(after, bound), false, nil
		}
		task := first.tasks[0]
		first.tasks = first.tasks[1:]
		tasks = append(tasks, task)
		through = task.ID
		if len(first.tasks) == 0 && !first.complete {
			first.chunk *= 2
			if err := first.read(ctx); err != nil {
				return nil, 0, false, err
			}
		}
	}
	return tasks, through, true, nil
}

// Watermark returns an id through which every task has been added to the
// TaskSink, or will never be.
func (r *Runtime) Watermark() int64 {
	mark := r.boundNumbers()
	for s := range r.held() {
		mark = min(mark, s.numbers.complete())
	}
	return mark
}

// Lanes are the lanes of a queue that have durable tasks, in order; if there are more
// than limit, the first of them. Each is read apart, by ReadTasks, with a cursor of its
// own: which of them comes first is for matching to say. It costs a seek for each lane
// and shard. A lane that begins while Lanes runs may be missed; its tasks are added to
// the TaskSink, as ever.
func (r *Runtime) Lanes(ctx context.Context, queue entity.Queue, limit int) ([]string, error) {
	found := map[string]struct{}{}
	prefix := appendQueueKey(nil, queue)
	for s := range r.held() {
		bounds := storage.Prefix(prefix)
		for n := 0; n < limit; n++ {
			lane, any := "", false
			var broken error
			err := r.store.Scan(ctx, s.id, bounds, func(key, _ []byte) bool {
				lane, _, broken = entity.DecodeString(key[len(prefix):])
				any = true
				return false
			})
			if err = errors.Join(err, broken); err != nil {
				return nil, fmt.Errorf("runtime: reading the lanes of queue %q: %w", queue.Name, err)
			}
			if !any {
				break
			}
			found[lane] = struct{}{}
			bounds.Start = storage.PrefixEnd(appendLaneKey(nil, queue, lane))
		}
	}
	lanes := slices.Sorted(maps.Keys(found))
	return lanes[:min(limit, len(lanes))], nil
}

// CountTasks counts the durable tasks of a lane of a queue with ids above after, up to
// limit.
func (r *Runtime) CountTasks(ctx context.Context, queue entity.Queue, lane string, after int64, limit int) (int, error) {
	count := 0
	for s := range r.held() {
		prefix := appendLaneKey(nil, queue, lane)
		bounds := storage.Range{Start: entity.AppendInt(append([]byte(nil), prefix...), after+1), End: storage.PrefixEnd(prefix)}
		err := r.store.Scan(ctx, s.id, bounds, func(_, _ []byte) bool {
			count++
			return count < limit
		})
		if err != nil {
			return 0, fmt.Errorf("runtime: counting tasks of queue %q: %w", queue.Name, err)
		}
		if count >= limit {
			break
		}
	}
	return count, nil
}

// taskRun is the tasks of a queue in one shard, read piece by piece.
type taskRun struct {
	shard        *shard
	queue        entity.Queue
	lane         string
	after, bound int64
	chunk        int
	tasks        []*entity.Task
	complete     bool
}

// read reads the next tasks.
func (t *taskRun) read(ctx context.Context) error {
	if t.after >= t.bound {
		t.complete = true
		return nil
	}
	prefix := appendLaneKey(nil, t.queue, t.lane)
	bounds := storage.Range{
		Start: entity.AppendInt(append([]byte(nil), prefix...), t.after+1),
		End:   entity.AppendInt(append([]byte(nil), prefix...), t.bound+1),
	}
	t.complete, t.tasks = true, nil
	log := t.shard.rt.log
	return t.shard.rt.store.Scan(ctx, t.shard.id, bounds, func(key, value []byte) bool {
		id, _, err := entity.DecodeInt(key[len(prefix):])
		if err != nil {
			log.Error("The key of a task cannot be decoded; the task is kept and passed over. Check the store, and restore it from a backup if it is damaged",
				"shard", t.shard.id, "key", fmt.Sprintf("%x", key), "error", err)
			return true
		}
		t.after = id
		task, err := decodeTask(value)
		if err != nil {
			log.Error("A task cannot be decoded; it is kept and passed over. Check the store, and restore it from a backup if it is damaged",
				"shard", t.shard.id, "namespace", t.queue.Namespace, "queue", t.queue.Name, "id", id, "error", err)
			return true
		}
		task.Queue, task.Lane, task.ID = t.queue, t.lane, id
		t.tasks = append(t.tasks, task)
		t.complete = len(t.tasks) < t.chunk
		return t.complete
	})
}

// decodeTask is the inverse of appendTask; the queue and the id are in the key.
func decodeTask(value []byte) (*entity.Task, error) {
	var record records.DispatchTask
	if err := proto.Unmarshal(value, &record); err != nil {
		return nil, err
	}
	key, _, err := entity.DecodeKey(record.Entity)
	if err != nil {
		return nil, err
	}
	task := &entity.Task{
		Entity:  key,
		RunID:   record.RunId,
		EventID: record.EventId,
		Stamp:   record.Stamp,
		Sticky:  record.StickyQueue,
	}
	if record.Created != nil {
		task.Created = record.Created.AsTime()
	}
	if record.Expires != nil {
		task.Expires = record.Expires.AsTime()
	}
	return task, nil
}
