package runtime

import "github.com/perdure/perdure/internal/entity"

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
