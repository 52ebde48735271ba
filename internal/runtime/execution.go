package runtime

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// execution is a step being carried out: it is the step's environment (entity.Env),
// makes a batch of what the step has noted (commit.go), and publishes it once that
// is durable.
type execution struct {
	rt     *Runtime
	entry  *entry
	step   entity.Step
	reader reader
	span   span
	// messages are the numbers of the step's messages, in their order.
	messages []int64
	// now is the time of the shard. The entity may have set the step's to another one.
	now time.Time
	// refused is what the caller is told although the step is durable: it is not the
	// caller's, but one that took its place (entity.Instead).
	refused error
	// joined are the calls of those that take part in the step; isJoined is set of such a call. See join.go.
	joined   []*call
	isJoined bool
}

func (x *execution) init(r *Runtime) {
	x.rt = r
	x.reader.execution = x
}

func (x *execution) begin(ctx context.Context, e *entry) {
	x.entry, x.reader.ctx = e, ctx
}

// end lets go of everything but the room of lists.
func (x *execution) end() {
	x.step.Reset(time.Time{}, nil)
	x.entry, x.reader.ctx, x.refused, x.isJoined = nil, nil, nil, false
	x.messages = x.messages[:0]
}

// begun begins an empty step at the time of its shard.
func (x *execution) begun(now int64) {
	x.now = timeOf(now)
	x.step.Reset(x.now, x)
}

func timeOf(nanos int64) time.Time { return time.Unix(0, nanos).UTC() }

// NewID implements entity.Env.
func (x *execution) NewID() string { return x.rt.newID() }

// NextTaskID implements entity.Env.
func (x *execution) NextTaskID() int64 { return x.number() }

// Indexed implements entity.Env.
func (x *execution) Indexed() bool { return x.rt.changeLog }

// Reader implements entity.Env.
func (x *execution) Reader() entity.Reader { return &x.reader }

// number gives the step another number.
func (x *execution) number() int64 {
	return x.entry.shard.numbers.next(x.now.UnixNano(), &x.span)
}

// latest is the greater one of the step's time and its last number.
func (x *execution) latest() int64 { return max(x.now.UnixNano(), x.span.last) }

// forget drops what the step has noted.
func (x *execution) forget() {
	x.dropJoined()
	x.entry.shard.numbers.retire(&x.span)
	x.step.Reset(x.now, x)
}

// publish shows the world what a durable step has done.
func (x *execution) publish() {
	r, s, out := x.rt, x.entry.shard, x.step.Outputs()
	for _, task := range out.Tasks {
		r.tasks.Add(task)
	}
	for _, task := range out.Offers {
		r.tasks.Add(task)
	}
	for _, ref := range out.Removed {
		r.tasks.Remove(ref)
	}
	if len(out.Timers)+len(out.Wakes) > 0 || out.Unwake {
		r.timers.publish(x.entry, out)
	}
	if len(out.Messages) > 0 {
		s.outbox.publish(x.entry.key, out.Messages, x.messages)
	}
	if len(out.Index) > 0 && r.changeLog {
		r.changed()
	}
	for _, effect := range out.Effects {
		x.perform(effect)
	}
	if r.written != nil && x.step.Writes() {
		r.written(x.entry.key)
	}
	if r.observer != nil && len(out.Occurrences) > 0 {
		r.observer.Occurred(x.entry.key, out.Occurrences)
	}
}

func (x *execution) perform(effect func()) {
	defer func() {
		if p := recover(); p != nil {
			x.rt.log.Error("An effect of a step has panicked", x.entry.key.Attr(), "panic", p, "stack", string(debug.Stack()))
		}
	}()
	effect()
}
