package runtime

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
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
	return r.ReadTasksTo(ctx, queue, lane, after, limit, r.Bound())
}

// ReadTasksTo is ReadTasks of the tasks with ids up to bound, which must not be below
// what Bound returns: later ids are above it. So those who read the tasks of several
// runtimes can have them complete up to the same id.
func (r *Runtime) ReadTasksTo(ctx context.Context, queue entity.Queue, lane string, after int64, limit int, bound int64) (tasks []*entity.Task, through int64, more bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("runtime: reading tasks of queue %q: %w", queue.Name, err)
		}
	}()
	// Ids are given before the records are visible. Those given so far are waited
	// for; what is given from now on is left out.
	for s := range r.held() {
		s.numbers.raise(bound)
		if err := s.numbers.wait(ctx, bound); err != nil {
			return nil, 0, false, err
		}
	}
	// The tasks of the shards are in order; they are merged, reading on in a shard
	// when what has been read of it is used up.
	runs := make([]taskRun, 0, r.store.Layout().Shards())
	for s := range r.held() {
		run := taskRun{shard: s, queue: queue, lane: lane, after: after, bound: bound, chunk: limit/r.store.Layout().Shards() + 8}
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

// mayHaveTasks reports whether there are tasks in the store of a shard, as far as it can be read.
func (s *shard) mayHaveTasks(ctx context.Context) bool {
	found := false
	err := s.rt.store.Scan(ctx, s.id, storage.Prefix([]byte{spaceQueue}), func([]byte, []byte) bool {
		found = true
		return false
	})
	return found || err != nil
}

// Startable reports whether the entity of the task is here, to start it.
func (r *Runtime) Startable(task *entity.Task) bool { return r.Holds(task.Entity) }

// Watermark returns an id through which every task has been added to the
// TaskSink, or will never be.
func (r *Runtime) Watermark() int64 {
	mark := r.Bound()
	for s := range r.held() {
		mark = min(mark, s.numbers.complete())
	}
	return mark
}

// EachTask calls visit with the lane and the id of every durable task of a queue, those
// of one shard after those of the other, until it returns false.
func (r *Runtime) EachTask(ctx context.Context, queue entity.Queue, visit func(lane string, id int64) bool) error {
	prefix, bounds := appendQueueKey(nil, queue), laneBounds(queue, entity.LaneRange{})
	for s := range r.held() {
		lane := laneOfKey{part: len(partLanes(queue))}
		var broken error
		going := true
		err := r.store.Scan(ctx, s.id, bounds, func(key, _ []byte) bool {
			var id int64
			if id, broken = lane.decode(key[len(prefix):]); broken == nil {
				going = visit(lane.name, id)
			}
			return going && broken == nil
		})
		if err = errors.Join(err, broken); err != nil {
			return fmt.Errorf("runtime: counting tasks of queue %q: %w", queue.Name, err)
		}
		if !going {
			return nil
		}
	}
	return nil
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
	return t.shard.rt.store.Scan(ctx, t.shard.id, bounds, func(key, value []byte) bool {
		id, _, err := entity.DecodeInt(key[len(prefix):])
		if err != nil {
			t.shard.reportBrokenTask(key, err)
			return true
		}
		t.after = id
		if task := t.shard.taskOf(entity.TaskRef{Queue: t.queue, Lane: t.lane, ID: id}, value); task != nil {
			t.tasks = append(t.tasks, task)
		}
		t.complete = len(t.tasks) < t.chunk
		return t.complete
	})
}

func (s *shard) reportBrokenTask(key []byte, err error) {
	s.rt.log.Error("The key of a task cannot be decoded; the task is kept and passed over. Check the store, and restore it from a backup if it is damaged",
		"shard", s.id, "key", fmt.Sprintf("%x", key), "error", err)
}

// taskOf decodes the record of a task; nil if that is not possible.
func (s *shard) taskOf(ref entity.TaskRef, value []byte) *entity.Task {
	task, err := decodeTask(value)
	if err != nil {
		s.rt.log.Error("A task cannot be decoded; it is kept and passed over. Check the store, and restore it from a backup if it is damaged",
			"shard", s.id, "namespaceId", ref.Queue.Namespace, "taskQueue", ref.Queue.Name, "id", ref.ID, "error", err)
		return nil
	}
	task.Queue, task.Lane, task.ID = ref.Queue, ref.Lane, ref.ID
	return task
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
		Weight:  record.FairnessWeight,
	}
	if record.Created != nil {
		task.Created = record.Created.AsTime()
	}
	if record.Expires != nil {
		task.Expires = record.Expires.AsTime()
	}
	if v := record.Version; v != nil {
		task.Version = &entity.TaskVersion{
			Pinned: v.Behavior == int32(enumspb.VERSIONING_BEHAVIOR_PINNED), Version: v.Version, Revision: v.Revision, UseRamping: v.UseRamping,
		}
	}
	return task, nil
}
