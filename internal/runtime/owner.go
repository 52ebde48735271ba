package runtime

import (
	"errors"
	"fmt"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// What those who work on the store of a stopped server have to know of the key
// space of a shard (see keys.go).

// ShardOf is the shard of an entity in a store with the layout. All records
// that an entity owns are there.
func ShardOf(key entity.Key, layout storage.Layout) storage.ShardID {
	return shardIn(layout, hashKey(key))
}

// Owner returns the entity that owns a pair of a shard: it moves with the entity
// when the number of shards changes. Pairs that nobody owns are about the shard itself
// (owned is false): its clock, and how far its change log has been trimmed. A pair that no release can
// have written, or that this one does not know, is an error.
func Owner(key, value []byte) (owner entity.Key, owned bool, err error) {
	if len(key) == 0 {
		return entity.Key{}, false, errors.New("runtime: an empty key")
	}
	switch key[0] {
	case spaceRecord:
		owner, _, err = entity.DecodeKey(key[1:])
	case spaceTimer:
		_, owner, err = decodeTimerKey(key)
	case spaceQueue:
		if err = checkTaskKey(key); err == nil {
			var task *entity.Task
			if task, err = decodeTask(value); err == nil {
				owner = task.Entity
			}
		}
	case spaceOutbox:
		if err = checkNumberKey(key); err == nil {
			owner, _, _, err = decodeMessage(value)
		}
	case spaceLog:
		if err = checkNumberKey(key); err == nil {
			owner, _, err = entity.DecodeKey(value)
		}
	case spaceMeta:
		if string(key) == string(clockKey) || string(key) == string(trimmedKey) {
			_, _, err = entity.DecodeInt(value)
			break
		}
		fallthrough
	default:
		err = errors.New("unknown to this release")
	}
	if err != nil {
		return entity.Key{}, false, fmt.Errorf("runtime: %s with key %x: %w", SpaceName(key), key, err)
	}
	return owner, key[0] != spaceMeta, nil
}

// SpaceName says in a word or two what the pair with the key is.
func SpaceName(key []byte) string {
	if len(key) > 0 {
		switch key[0] {
		case spaceRecord:
			return "record of an entity"
		case spaceTimer:
			return "timer"
		case spaceQueue:
			return "task"
		case spaceOutbox:
			return "message"
		case spaceLog:
			return "entry of the change log"
		case spaceMeta:
			return "record of a shard"
		}
	}
	return "pair"
}

// checkTaskKey reports whether the key is one that appendTaskKey makes.
func checkTaskKey(key []byte) error {
	_, rest, err := entity.DecodeString(key[1:]) // namespace
	if err != nil || len(rest) == 0 {
		return errTaskKey
	}
	if _, rest, err = entity.DecodeString(rest[1:]); err != nil { // name, after the type
		return errTaskKey
	}
	if _, rest, err = entity.DecodeString(rest); err != nil || len(rest) != 8 { // lane, before the id
		return errTaskKey
	}
	return nil
}

var (
	errTaskKey   = errors.New("the key is not that of a task")
	errNumberKey = errors.New("the key is not a number")
)

func checkNumberKey(key []byte) error {
	if len(key) != 9 {
		return errNumberKey
	}
	return nil
}

// Clocks collects the clocks of the shards of a store, to be given to shards with
// other owners. The zero value is ready to use.
type Clocks struct {
	latest int64
	found  bool
}

// Add takes up the pair if it is the clock of a shard.
func (c *Clocks) Add(key, value []byte) error {
	if string(key) != string(clockKey) {
		return nil
	}
	at, _, err := entity.DecodeInt(value)
	if err != nil {
		return fmt.Errorf("runtime: the clock of a shard: %w", err)
	}
	c.latest, c.found = max(c.latest, at), true
	return nil
}

// Latest is the clock that a shard must begin with that takes over records of
// any of the shards: so its time goes on from the latest of theirs, and the numbers it
// gives are greater than all that they have given. ok is false if no shard had
// a clock.
func (c *Clocks) Latest() (key, value []byte, ok bool) {
	return clockKey, entity.AppendInt(nil, c.latest), c.found
}

// TimerKey is the key of a timer of the entity.
func TimerKey(owner entity.Key, timer entity.Timer) []byte {
	return appendTimerKey(nil, timerNanos(timer.At), owner.Encode(nil), timer.Name)
}

// TaskKey is the key of a task.
func TaskKey(ref entity.TaskRef) []byte { return appendTaskKey(nil, ref) }

// IsTimer reports whether the pair with the key is a timer.
func IsTimer(key []byte) bool { return len(key) > 0 && key[0] == spaceTimer }

// IsTask reports whether the pair with the key is a task.
func IsTask(key []byte) bool { return len(key) > 0 && key[0] == spaceQueue }

// RecordPrefix begins the keys of all records of an entity, and of nothing else.
func RecordPrefix(key entity.Key) []byte { return key.Encode([]byte{spaceRecord}) }
