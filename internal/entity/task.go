package entity

import "time"

// TaskType is the kind of work a task queue carries.
type TaskType byte

const (
	// TaskWorkflow tasks are run by workflow workers.
	TaskWorkflow TaskType = 'w'
	// TaskActivity tasks are run by activity workers.
	TaskActivity TaskType = 'a'
	// TaskNexus is the type of the queues of Nexus workers. What waits there is in memory
	// only.
	TaskNexus TaskType = 'n'
)

// Queue names a task queue.
type Queue struct {
	Namespace string // namespace id
	Type      TaskType
	Name      string
	// Version is the part of the queue that is for workers of one version of a worker
	// deployment, "<deployment>:<build id>". The part without a version has the tasks of which
	// it is decided when they go out to which version they go.
	Version string
}

// Whole is the queue without the part.
func (q Queue) Whole() Queue { q.Version = ""; return q }

// TaskRef names a task: where its record is filed, and its id.
type TaskRef struct {
	Queue Queue
	Lane  string
	ID    int64
}

// Ref names the task.
func (t *Task) Ref() TaskRef { return TaskRef{t.Queue, t.Lane, t.ID} }

// Task is work that is ready for a worker. Its durable record lives in the shard
// of the entity that owns it, written by the step that made it ready and removed
// by the step that makes it pointless.
type Task struct {
	Queue Queue
	// Lane divides the backlog of a queue into parts that are served apart, each in
	// order of its ids: by priority and fairness key, see LaneOf. Empty: the one lane
	// of a queue that is not divided.
	Lane string
	// ID orders the tasks of a lane. Given by Step.AddTask: unique, growing over the
	// whole life of a shard, and over shards about in order of time.
	ID     int64
	Entity Key
	RunID  string
	// EventID is the scheduled event of the workflow task or activity.
	EventID int64
	// Stamp is the attempt of a workflow task, the stamp of an activity: a task
	// whose stamp is not the current one is stale.
	Stamp int32
	// Sticky, if set, is the queue of the one worker that has the run in its
	// cache. The task is offered there if that worker has polled lately, else on
	// Queue. The record is filed under Queue in any case.
	Sticky  string
	Created time.Time
	// Volatile: the task has no record (Step.OfferTask).
	Volatile bool
	// Weight is the share of its fairness key, relative to other keys of the same
	// priority; 0 is 1.
	Weight float32
	// Version is what decides about the version of its worker; nil: its workflow knows
	// nothing of versions.
	Version *TaskVersion
	// Expires is when the task is no longer worth offering; zero: never.
	Expires time.Time
}

// TaskVersion is what decides about the version of the worker that gets a task, as of when
// the task was made ready.
type TaskVersion struct {
	// Pinned says that the workflow is pinned to Version; else it goes on to the version that
	// is current or ramping then.
	Pinned bool
	// Version is that of the workflow, as in Queue; empty: none.
	Version string
	// Revision is that of the routing by which the workflow has come to its version. A routing
	// that is older does not take it away from there.
	Revision int64
	// UseRamping has the task go to the ramping version, if there is one.
	UseRamping bool
}
