package frontend

import (
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/methods"
	tokens "github.com/perdure/perdure/internal/api/token"
)

// logged is a call as a line of the log tells of it.
type logged struct {
	name string
	// method is its row; nil if it has none.
	method *methods.Method
	// call is what is known of it; nil if nothing is.
	call *call
	req  any
}

// about are the keys and values that say which call a line is about: the method and, where the
// request says so, the namespace, the workflow and the run, and others.
func (l logged) about(more ...any) []any {
	facts := []any{"method", l.name}
	if l.call != nil && l.call.namespace != nil {
		facts = append(facts, "namespace", l.call.namespace.Name)
	}
	request, ok := l.req.(proto.Message)
	if l.method == nil || !ok || request.ProtoReflect().Descriptor() != l.method.Descriptor().Input() {
		return append(facts, more...)
	}
	switch kind, id := l.method.OwnerOf(request); kind {
	case methods.OwnerWorkflow:
		facts = append(facts, "workflowId", id)
	case methods.OwnerActivity:
		facts = append(facts, "activityId", id)
	case methods.OwnerSchedule:
		facts = append(facts, "scheduleId", id)
	case methods.OwnerBatch:
		facts = append(facts, "batchId", id)
	case methods.OwnerTaskQueue:
		facts = append(facts, "taskQueue", id)
	case methods.OwnerToken:
		if task, err := tokens.DecodeTask([]byte(id)); err == nil && task.GetWorkflowId() != "" {
			facts = append(facts, "workflowId", task.GetWorkflowId(), "runId", task.GetRunId())
		}
	}
	return append(facts, more...)
}
