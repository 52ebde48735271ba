package runtime

import (
	"bytes"
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// ReadLanes reads the lanes of a queue with names in the range that have durable tasks,
// in order of the names, and of each the first tasks in order of their ids, up to
// perLane from each shard. When a shard has given limit tasks, no lanes beyond that are
// read.
//
// Each page is as one of ReadTasks from the beginning of the lane. Lanes that begin
// while ReadLanes runs may be missed; their tasks are added to the TaskSink, as ever.
//
// The tasks of a shard are read in one go as long as lanes are short; each lane with
// more than perLane tasks in it costs a seek.
func (r *Runtime) ReadLanes(ctx context.Context, queue entity.Queue, lanes entity.LaneRange, perLane, limit int) (entity.LanePages, error) {
	return r.ReadLanesTo(ctx, queue, lanes, perLane, limit, r.Bound())
}

// ReadLanesTo is ReadLanes with a bound, as ReadTasksTo.
func (r *Runtime) ReadLanesTo(ctx context.Context, queue entity.Queue, lanes entity.LaneRange, perLane, limit int, bound int64) (entity.LanePages, error) {
	for s := range r.held() {
		s.numbers.raise(bound)
		if err := s.numbers.wait(ctx, bound); err != nil {
			return entity.LanePages{}, fmt.Errorf("runtime: reading the lanes of queue %q: %w", queue.Name, err)
		}
	}
	var parts []entity.LanePages
	for s := range r.held() {
		scan := laneScan{shard: s, queue: queue, lanes: lanes, bound: bound, perLane: perLane, limit: limit}
		if err := scan.run(ctx); err != nil {
			return entity.LanePages{}, fmt.Errorf("runtime: reading the lanes of queue %q: %w", queue.Name, err)
		}
		parts = append(parts, entity.LanePages{Pages: scan.pages, Through: bound, More: scan.more, Next: scan.next})
	}
	return entity.MergeLanePages(bound, parts), nil
}

// laneScan reads the lanes of a queue in one shard.
type laneScan struct {
	shard          *shard
	queue          entity.Queue
	lanes          entity.LaneRange
	bound          int64
	perLane, limit int

	pages []entity.LanePage
	total int
	// next is the first lane that was not read, if there are more.
	next string
	more bool
}

func (c *laneScan) run(ctx context.Context) error {
	prefix := appendQueueKey(nil, c.queue)
	bounds := laneBounds(c.queue, c.lanes)
	for again := true; again; {
		again = false
		lane := laneOfKey{part: len(partLanes(c.queue))}
		err := c.shard.rt.store.Scan(ctx, c.shard.id, bounds, func(key, value []byte) bool {
			id, err := lane.decode(key[len(prefix):])
			if err != nil {
				c.shard.reportBrokenTask(key, err)
				return true
			}
			if id > c.bound {
				return true // it is added after the call
			}
			last := len(c.pages) - 1
			if last < 0 || c.pages[last].Lane != lane.name {
				if c.total >= c.limit {
					c.next, c.more = lane.name, true
					return false
				}
				c.pages = append(c.pages, entity.LanePage{Lane: lane.name, Through: c.bound})
				last++
			}
			page := &c.pages[last]
			if len(page.Tasks) >= c.perLane {
				page.More, page.Through = true, page.Tasks[len(page.Tasks)-1].ID
				bounds.Start = storage.PrefixEnd(appendLaneKey(nil, c.queue, lane.name))
				again = true
				return false
			}
			if task := c.shard.taskOf(entity.TaskRef{Queue: c.queue, Lane: lane.name, ID: id}, value); task != nil {
				page.Tasks = append(page.Tasks, task)
				c.total++
			}
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// laneOfKey decodes lanes and ids at the end of the keys of tasks. Keys in order have
// the same lane mostly, which is then not decoded again.
type laneOfKey struct {
	part    int // how long is what all lanes begin with
	name    string
	encoded []byte
}

func (l *laneOfKey) decode(rest []byte) (id int64, err error) {
	if len(l.encoded) == 0 || !bytes.HasPrefix(rest, l.encoded) {
		name, tail, err := entity.DecodeString(rest)
		if err != nil {
			return 0, err
		}
		l.name, l.encoded = name[min(l.part, len(name)):], append(l.encoded[:0], rest[:len(rest)-len(tail)]...)
	}
	id, _, err = entity.DecodeInt(rest[len(l.encoded):])
	return id, err
}
