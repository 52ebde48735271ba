package testenv

import (
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	updatepb "go.temporal.io/api/update/v1"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/perdure/perdure/sdk/internal/failure"
)

// UpdateCallbacks are told what becomes of an update, on the loop.
type UpdateCallbacks interface {
	// Accept is called when the update has been validated, and its handler runs.
	Accept()
	// Reject is called instead when the update is refused.
	Reject(err error)
	// Complete is called when the handler has returned.
	Complete(success any, err error)
}

// updates are the updates of a run.
type updates struct {
	byID map[string]*update
	// waiting are those that no workflow task has brought yet, running those that
	// were accepted.
	waiting, running []*update
}

// update is one update. Later ones with the same id are the same.
type update struct {
	id        string
	request   *updatepb.Request
	callbacks []UpdateCallbacks
	accepted  bool
	done      bool

	// What its handler, or validator, returned, before it was encoded: noted by who
	// intercepts it.
	returned bool
	success  any
	err      error
}

// Update sends an update. One whose id was used before gets what that one gets.
func (x *Execution) Update(id, name string, args *commonpb.Payloads, callbacks UpdateCallbacks) {
	e := x.engine
	if u, known := x.updates.byID[id]; known {
		if u.done {
			e.later(func() { callbacks.Accept(); callbacks.Complete(u.success, u.err) })
			return
		}
		u.callbacks = append(u.callbacks, callbacks)
		return
	}
	u := &update{id: id, callbacks: []UpdateCallbacks{callbacks}, request: &updatepb.Request{
		Meta: &updatepb.Meta{UpdateId: id, Identity: e.Options.Identity}, Input: &updatepb.Input{Name: name, Args: args},
	}}
	if x.closed {
		x.refuse(u)
		return
	}
	if x.updates.byID == nil {
		x.updates.byID = make(map[string]*update)
	}
	x.updates.byID[id] = u
	x.updates.waiting = append(x.updates.waiting, u)
	x.wanted = true
}

// Returned notes what the handler of an update, or its validator, returned.
func (x *Execution) Returned(id string, success any, err error) {
	if u := x.updates.byID[id]; u != nil {
		u.returned, u.success, u.err = true, success, err
	}
}

// take makes messages of the updates that wait, to come before the start of a workflow
// task.
func (u *updates) take(started int64) []*protocolpb.Message {
	var messages []*protocolpb.Message
	for _, update := range u.waiting {
		body, err := anypb.New(update.request)
		if err != nil {
			panic(err)
		}
		messages = append(messages, &protocolpb.Message{
			Id: update.id + "/request", ProtocolInstanceId: update.id, Body: body,
			SequencingId: &protocolpb.Message_EventId{EventId: started - 1},
		})
	}
	u.waiting = nil
	return messages
}

// message makes the event of a message that a command stands for.
func (x *Execution) message(id string, messages []*protocolpb.Message) {
	i := slices.IndexFunc(messages, func(m *protocolpb.Message) bool { return m.GetId() == id })
	if i < 0 {
		return
	}
	body, err := messages[i].GetBody().UnmarshalNew()
	if err != nil {
		x.failTask(err)
		return
	}
	switch body := body.(type) {
	case *updatepb.Acceptance:
		x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes{
			WorkflowExecutionUpdateAcceptedEventAttributes: &historypb.WorkflowExecutionUpdateAcceptedEventAttributes{
				ProtocolInstanceId: messages[i].GetProtocolInstanceId(), AcceptedRequestMessageId: body.GetAcceptedRequestMessageId(),
				AcceptedRequestSequencingEventId: body.GetAcceptedRequestSequencingEventId(), AcceptedRequest: body.GetAcceptedRequest(),
			}}})
	case *updatepb.Response:
		x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes{
			WorkflowExecutionUpdateCompletedEventAttributes: &historypb.WorkflowExecutionUpdateCompletedEventAttributes{Meta: body.GetMeta(), Outcome: body.GetOutcome()}}})
	}
}

// messages tells those who sent updates what came of them.
func (x *Execution) messages(all []*protocolpb.Message) {
	for _, message := range all {
		u := x.updates.byID[message.GetProtocolInstanceId()]
		body, err := message.GetBody().UnmarshalNew()
		if u == nil || err != nil {
			continue
		}
		switch body := body.(type) {
		case *updatepb.Acceptance:
			u.accepted = true
			x.updates.running = append(x.updates.running, u)
			x.engine.later(func() { u.callbacks[0].Accept() })
		case *updatepb.Rejection:
			u.end(nil, x.failures.FailureToError(body.GetFailure()))
			delete(x.updates.byID, u.id)
			x.tellRejected(u)
		case *updatepb.Response:
			var result any
			if success := body.GetOutcome().GetSuccess(); success != nil {
				result = newValue(success, x.values)
			}
			u.end(result, x.failures.FailureToError(body.GetOutcome().GetFailure()))
			x.tellCompleted(u)
		}
	}
}

// end notes how the update ended, unless that is known.
func (u *update) end(success any, err error) {
	u.done = true
	if !u.returned {
		u.success, u.err = success, err
	}
}

func (x *Execution) tellRejected(u *update) {
	x.engine.later(func() {
		for _, callbacks := range u.callbacks {
			callbacks.Reject(u.err)
		}
	})
}

func (x *Execution) tellCompleted(u *update) {
	x.updates.running = slices.DeleteFunc(x.updates.running, func(other *update) bool { return other == u })
	x.engine.later(func() {
		for n, callbacks := range u.callbacks {
			if n > 0 {
				callbacks.Accept()
			}
			callbacks.Complete(u.success, u.err)
		}
	})
}

// closeUpdates tells those whose updates the end of the run has cut off.
func (x *Execution) closeUpdates() {
	for _, u := range x.updates.waiting {
		x.refuse(u)
	}
	for _, u := range slices.Clone(x.updates.running) {
		u.done, u.success = true, nil
		u.err = failure.NewApplicationError("Workflow Update failed because the Workflow completed before the Update completed.", "AcceptedUpdateCompletedWorkflow", failure.ApplicationErrorOptions{NonRetryable: true})
		x.tellCompleted(u)
	}
	x.updates.waiting = nil
}

func (x *Execution) refuse(u *update) {
	u.done, u.err = true, failure.NewApplicationError("workflow execution already completed", "", failure.ApplicationErrorOptions{NonRetryable: true})
	x.tellRejected(u)
}
