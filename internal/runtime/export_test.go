package runtime

import (
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// SetTimerLimit changes how many durable timers are held in memory.
func SetTimerLimit(r *Runtime, limit int) {
	r.timers.mu.Lock()
	defer r.timers.mu.Unlock()
	r.timers.limit = limit
}

// TimersInMemory is the number of durable timers in memory.
func TimersInMemory(r *Runtime) int {
	r.timers.mu.Lock()
	defer r.timers.mu.Unlock()
	return len(r.timers.durable)
}

// MessagesInMemory is the number of messages in memory.
func MessagesInMemory(r *Runtime) int {
	count := 0
	for s := range r.held() {
		s.outbox.mu.Lock()
		count += s.outbox.count
		s.outbox.mu.Unlock()
	}
	return count
}

// EncodeTask is how a task is stored.
func EncodeTask(task *entity.Task) []byte { return appendTask(nil, task) }

// MessagesKnown is the number of messages that the outboxes remember.
func MessagesKnown(r *Runtime) int {
	count := 0
	for s := range r.held() {
		s.outbox.mu.Lock()
		count += len(s.outbox.known)
		s.outbox.mu.Unlock()
	}
	return count
}

// EntitiesInMemory is the number of entities of a shard in the cache.
func EntitiesInMemory(r *Runtime, id storage.ShardID) (count int) {
	for i := range r.cache.stripes {
		st := &r.cache.stripes[i]
		st.mu.Lock()
		for _, e := range st.entries {
			if e.shard.id == id {
				count++
			}
		}
		st.mu.Unlock()
	}
	return count
}

// CacheBytes is how much memory the cache accounts for.
func CacheBytes(r *Runtime) int64 { return r.cache.bytes.Load() }

// DueInMemory is the number of timers, wakes and retries of a shard.
func DueInMemory(r *Runtime, id storage.ShardID) (count int) {
	t := &r.timers
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, item := range t.heap {
		if item.shard.id == id {
			count++
		}
	}
	for _, item := range t.durable {
		if item.shard.id == id {
			count++
		}
	}
	return count
}
