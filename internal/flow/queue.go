package flow

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/proto"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// The concurrency limit of an activity task queue, which is a part of its configuration (UpdateTaskQueueConfig), is kept by a policy
// that the configuration makes, changes and deletes.

// queuePolicyPrefix begins the names of the policies of task queues. The name of the queue follows, or
// a hash of it if it is none that a policy may have.
const queuePolicyPrefix = "task-queue."

// QueuePolicy is the name of the policy that keeps the concurrency limit of a task queue.
func QueuePolicy(taskQueue string) string {
	if name := queuePolicyPrefix + taskQueue; names.MatchString(name) {
		return name
	}
	sum := sha256.Sum256([]byte(taskQueue))
	return queuePolicyPrefix + "." + hex.EncodeToString(sum[:16])
}

// LimitQueue limits how many attempts of activities of a task queue run at once, from the step on, or a moment later; nil: any number.
func LimitQueue(step *entity.Step, namespaceID, taskQueue string, maxRunning *int64, reason string) {
	limit := &records.FlowQueueLimit{TaskQueue: taskQueue, MaxRunning: maxRunning, Reason: reason}
	if e, of := step.Join(PoliciesKey(namespaceID)); e != nil {
		of.Touch()
		e.(*Policies).limitQueue(of, limit)
		return
	}
	step.Send(PoliciesKey(namespaceID), encode(&records.FlowMessage{Body: &records.FlowMessage_QueueLimit{QueueLimit: limit}}))
}

// Receive implements entity.Entity.
func (p *Policies) Receive(step *entity.Step, _ entity.Key, body []byte) error {
	m := new(records.FlowMessage)
	if err := proto.Unmarshal(body, m); err != nil {
		return fmt.Errorf("%w: it does not decode: %v", entity.ErrUnknownMessage, err)
	}
	limit := m.GetQueueLimit()
	if limit == nil {
		return entity.ErrUnknownMessage
	}
	p.limitQueue(step, limit)
	return nil
}

// limitQueue makes the policy of a task queue what its configuration says. It does not count towards the limit of policies that
// are made by hand.
func (p *Policies) limitQueue(step *entity.Step, limit *records.FlowQueueLimit) {
	name := QueuePolicy(limit.TaskQueue)
	old := p.byName[name]
	switch {
	case limit.MaxRunning != nil:
		description := "the concurrency limit of the task queue"
		if limit.Reason != "" {
			description += ": " + shortKey(limit.Reason)
		}
		p.put(step, &flowv1.Policy{
			Name: name, Description: description, Target: flowv1.Target_TARGET_ACTIVITIES, TaskQueue: limit.TaskQueue, MaxRunning: limit.MaxRunning,
		})
	case old != nil:
		_ = p.Delete(step, name) // it is there
	}
}
