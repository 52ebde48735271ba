package runtime

import (
	"bytes"
	"errors"
	"math"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// The key space of a shard:
//
//	e <entity key> <record>                   records of entities
//	t <fire time> <entity key> <name>         durable timers; the value is empty
//	q <namespace> <type> <name> <lane> <id>   tasks: records.DispatchTask. The lanes of the
//	                                          part of a queue for a version begin with it
//	o <number>                                outbox: sender, destination, body
//	l <number>                                change log: entity, row id, row or removal
//	m c                                       clock: bound of times and numbers
//	m l                                       how far the change log has been trimmed
//
// Strings and entity keys mark their own end; times are nanoseconds since 1970.
const (
	spaceRecord = 'e'
	spaceTimer  = 't'
	spaceQueue  = 'q'
	spaceOutbox = 'o'
	spaceLog    = 'l'
	spaceMeta   = 'm'
)

var (
	clockKey   = []byte{spaceMeta, 'c'}
	trimmedKey = []byte{spaceMeta, 'l'}
)

// hashKey places an entity: its shard and its stripe of the cache are taken from
// it. It decides where records are on disk and must never change.
func hashKey(key entity.Key) uint64 {
	h := xxhash.Sum64String(key.Namespace)*0x9e3779b97f4a7c15 + xxhash.Sum64String(key.ID)
	return (h ^ uint64(key.Kind)) * 0xff51afd7ed558ccd
}

// shardIn is the shard of an entity with the hash.
func shardIn(layout storage.Layout, hash uint64) storage.ShardID { return layout.Shard(hash >> 32) }

// timerNanos is a time as timer keys have it. Times that do not fit are moved to
// the nearest one that does.
func timerNanos(at time.Time) int64 {
	switch seconds := at.Unix(); {
	case seconds < 0:
		return 0
	case seconds >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64 - 1
	}
	return at.UnixNano()
}

// appendTimerKey appends the key of a timer; target is the encoded entity key.
func appendTimerKey(dst []byte, at int64, target, name []byte) []byte {
	dst = entity.AppendInt(append(dst, spaceTimer), at)
	dst = append(dst, target...)
	return append(dst, name...)
}

// decodeTimerKey is the inverse of appendTimerKey, without the name.
func decodeTimerKey(b []byte) (at int64, target entity.Key, err error) {
	at, b, err = entity.DecodeInt(b[1:])
	if err != nil {
		return 0, entity.Key{}, err
	}
	target, _, err = entity.DecodeKey(b)
	return at, target, err
}

// appendQueueKey appends the prefix of the keys of a queue's tasks.
func appendQueueKey(dst []byte, queue entity.Queue) []byte {
	dst = entity.AppendString(append(dst, spaceQueue), queue.Namespace)
	return entity.AppendString(append(dst, byte(queue.Type)), queue.Name)
}

// partMark begins the lanes of the parts of a queue that are for versions of workers. All
// others begin with a digit (entity.LaneOf).
const partMark = "~"

// stringEnd is how many bytes mark the end of an encoded string.
const stringEnd = 2

// partLanes is what the lanes of the queue, which may be a part of one, begin with.
func partLanes(queue entity.Queue) string {
	if queue.Version == "" {
		return ""
	}
	return partMark + string(entity.AppendString(nil, queue.Version))
}

// appendLaneKey appends the prefix of the keys of a lane's tasks.
func appendLaneKey(dst []byte, queue entity.Queue, lane string) []byte {
	if queue.Version != "" {
		lane = partLanes(queue) + lane
	}
	return entity.AppendString(appendQueueKey(dst, queue), lane)
}

// laneBounds are the keys of the tasks of the queue in lanes with names in the range.
func laneBounds(queue entity.Queue, lanes entity.LaneRange) storage.Range {
	prefix, part := appendQueueKey(nil, queue), partLanes(queue)
	bounds := storage.Range{Start: entity.AppendString(bytes.Clone(prefix), part+lanes.From), End: storage.PrefixEnd(prefix)}
	switch {
	case lanes.To != "":
		bounds.End = entity.AppendString(bytes.Clone(prefix), part+lanes.To)
	case part != "":
		open := entity.AppendString(bytes.Clone(prefix), part)
		bounds.End = storage.PrefixEnd(open[:len(open)-stringEnd])
	default:
		bounds.End = entity.AppendString(bytes.Clone(prefix), partMark)
	}
	return bounds
}

// appendTaskKey appends the key of a task.
func appendTaskKey(dst []byte, ref entity.TaskRef) []byte {
	return entity.AppendInt(appendLaneKey(dst, ref.Queue, ref.Lane), ref.ID)
}

func appendOutboxKey(dst []byte, number int64) []byte {
	return entity.AppendInt(append(dst, spaceOutbox), number)
}

// appendMessage appends the value of an outbox record; from is the encoded key
// of the sender.
func appendMessage(dst, from []byte, out entity.Message) []byte {
	dst = append(dst, from...)
	dst = out.To.Encode(dst)
	return append(dst, out.Body...)
}

// decodeOutboxKey is the inverse of appendOutboxKey.
func decodeOutboxKey(key []byte) (number int64, err error) {
	number, rest, err := entity.DecodeInt(key[1:])
	if err == nil && len(rest) > 0 {
		err = errors.New("the key is too long")
	}
	return number, err
}

// decodeMessage is the inverse of appendMessage. The body is a copy.
func decodeMessage(value []byte) (from, to entity.Key, body []byte, err error) {
	if from, value, err = entity.DecodeKey(value); err != nil {
		return
	}
	if to, value, err = entity.DecodeKey(value); err != nil {
		return
	}
	return from, to, bytes.Clone(value), nil
}
