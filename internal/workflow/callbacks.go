package workflow

import (
	"strconv"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A completion callback is called with the result of an update, when that has ended (deliverUpdateCallbacks), or
// of a workflow, when the last of the
// runs that continue each other has closed. A run that is continued hands its callbacks
// on. When it closes for good, it sends each of them to an entity of its own (package
// callback), which delivers it, however long that takes, and reports how far it has
// come.

// callbacks are the completion callbacks of a run, by their number, which is their
// place in the order in which they were attached. They stay when the run closes.
type callbacks struct {
	pendingItems[int64, records.Callback, *records.Callback]
}

func (*callbacks) letter() byte { return 'z' }

func (f *callbacks) load(_ *Run, name, value []byte) error {
	number, _, err := entity.DecodeInt(name)
	if err != nil {
		return err
	}
	item, err := decodeRecord[records.Callback](value)
	if err == nil {
		f.keep(number, item)
	}
	return err
}

func (f *callbacks) flush(r *Run, step *entity.Step) { f.flushTo(r, step, f.letter()) }

func (*callbacks) drop(*Run) {}

func (f *callbacks) size() int { return f.len() * 2 * pendingItemBytes }

// attach adds callbacks that came with the start of the run or, with the id of the
// request, later, as the event says. With the id of an update they are called at its end.
func (f *callbacks) attach(attached []*commonpb.Callback, requestID, updateID string, e *historypb.HistoryEvent) {
	for _, callback := range attached {
		f.put(int64(f.len()+1), &records.Callback{
			Callback: callback, RequestId: requestID, UpdateId: updateID, RegistrationTime: e.GetEventTime(),
		})
	}
}

func errManyCallbacks(most, has int) error {
	return serviceerror.NewFailedPreconditionf("cannot attach more than %d callbacks to a workflow (%d callbacks already attached)", most, has)
}

// all are the callbacks as the run that continues this one gets them; updates do not go on.
func (f *callbacks) all() []*commonpb.Callback {
	var all []*commonpb.Callback
	for _, number := range f.keys() {
		if item := f.get(number); item.UpdateId == "" {
			all = append(all, item.Callback)
		}
	}
	return all
}

// deliverCallbacks has the callbacks delivered, as the event has closed the run, unless
// another run continues it. Those of updates that have not ended by themselves are in any case.
func (r *Run) deliverCallbacks(step *entity.Step, end *historypb.HistoryEvent) {
	continued := r.state.NewRunId != "" || end.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
	for _, number := range r.callbacks.keys() {
		item := r.callbacks.get(number)
		switch {
		case item.UpdateId != "" && item.State == 0:
			r.deliverCallback(step, number, updateCompletion(failed(updateOutlived)), end.EventTime)
		case item.UpdateId == "" && !continued:
			r.deliverCallback(step, number, operationCompletion(end), end.EventTime)
		}
	}
}

// deliverUpdateCallbacks has the callbacks of the update delivered, which has ended with the outcome.
func (r *Run) deliverUpdateCallbacks(step *entity.Step, id string, outcome *updatepb.Outcome) {
	for _, number := range r.callbacks.keys() {
		if item := r.callbacks.get(number); item.UpdateId == id && item.Attempt == 0 {
			r.deliverCallback(step, number, updateCompletion(outcome), timestamppb.New(step.Now))
		}
	}
}

// updateEnded notes that the callbacks of the update wait for nothing any more.
func (f *callbacks) updateEnded(id string) {
	for _, number := range f.keys() {
		if item := f.get(number); item.UpdateId == id {
			item.State = int32(enumspb.CALLBACK_STATE_SCHEDULED)
			f.touch(number)
		}
	}
}

func (r *Run) deliverCallback(step *entity.Step, number int64, delivery *records.Delivery, closed *timestamppb.Timestamp) {
	item := r.callbacks.get(number)
	item.State = int32(enumspb.CALLBACK_STATE_SCHEDULED)
	r.callbacks.touch(number)
	delivery.RunId, delivery.Number = r.info.RunId, number
	delivery.Url, delivery.Header = item.Callback.GetNexus().GetUrl(), item.Callback.GetNexus().GetHeader()
	delivery.StartTime, delivery.CloseTime = r.info.StartTime, closed
	switch {
	case item.UpdateId != "":
		delivery.StartTime = item.RegistrationTime
		delivery.Link = r.chain.requestLink(r, item.RequestId, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
	case item.RequestId != "":
		delivery.Link = r.chain.requestLink(r, item.RequestId, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)
	default:
		delivery.Link = r.chain.startLink(r)
	}
	key := entity.Key{Kind: entity.KindCallback, Namespace: r.chain.key.Namespace, ID: r.info.RunId + "/" + strconv.FormatInt(number, 10)}
	step.Send(key, mustMarshal(delivery))
}

// updateCompletion is what callbacks are told of the end of an update.
func updateCompletion(outcome *updatepb.Outcome) *records.Delivery {
	if failure := outcome.GetFailure(); failure != nil {
		return &records.Delivery{State: "failed", Failure: failure}
	}
	d := &records.Delivery{State: "succeeded"}
	if payloads := outcome.GetSuccess().GetPayloads(); len(payloads) > 0 {
		d.Result = payloads[0]
	}
	return d
}

// operationCompletion is what callbacks are told of the end of the workflow, which to
// them is an operation. They may be of strangers: reasons of a termination are left out.
func operationCompletion(end *historypb.HistoryEvent) *records.Delivery {
	const succeeded, failed, canceled = "succeeded", "failed", "canceled"
	switch end.EventType {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		d := &records.Delivery{State: succeeded}
		if payloads := end.GetWorkflowExecutionCompletedEventAttributes().GetResult().GetPayloads(); len(payloads) > 0 {
			d.Result = payloads[0]
		}
		return d
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return &records.Delivery{State: failed, Failure: end.GetWorkflowExecutionFailedEventAttributes().GetFailure()}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return &records.Delivery{State: canceled, Failure: &failurepb.Failure{
			Message: "operation canceled",
			FailureInfo: &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: &failurepb.CanceledFailureInfo{
				Details: end.GetWorkflowExecutionCanceledEventAttributes().GetDetails(),
			}},
		}}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		return &records.Delivery{State: failed, Failure: &failurepb.Failure{
			Message:     "operation terminated",
			FailureInfo: &failurepb.Failure_TerminatedFailureInfo{TerminatedFailureInfo: &failurepb.TerminatedFailureInfo{}},
		}}
	}
	return &records.Delivery{State: failed, Failure: &failurepb.Failure{
		Message:     "operation exceeded internal timeout",
		FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{}},
	}}
}

// callbackProgress notes how far the delivery of a callback has come. Reports come in
// order, but may come twice.
func (c *Chain) callbackProgress(step *entity.Step, m *records.CallbackProgress) error {
	r, err := c.findRun(step, m.GetRunId())
	if notFound(err) {
		return nil // it has been deleted
	}
	if err != nil {
		return err
	}
	item := r.callbacks.get(m.GetNumber())
	if item == nil || item.Attempt > m.GetCallback().GetAttempt() {
		return nil
	}
	item.State = m.GetCallback().GetState()
	item.Attempt = m.GetCallback().GetAttempt()
	if last := m.GetCallback().GetLastAttemptCompleteTime(); last != nil { // it tells of an attempt
		item.LastAttemptCompleteTime, item.LastAttemptFailure = last, m.GetCallback().GetLastAttemptFailure()
	}
	item.NextAttemptScheduleTime = m.GetCallback().GetNextAttemptScheduleTime()
	r.callbacks.touch(m.GetNumber())
	return nil
}

// blockedReason is why a callback in the state is not called, in the words of the
// Temporal server.
func blockedReason(state enumspb.CallbackState) string {
	if state == enumspb.CALLBACK_STATE_BLOCKED {
		return "The circuit breaker is open."
	}
	return ""
}

// callbackTrigger is what the callback waits for.
func callbackTrigger(item *records.Callback) *workflowpb.CallbackInfo_Trigger {
	if item.UpdateId != "" {
		return &workflowpb.CallbackInfo_Trigger{Variant: &workflowpb.CallbackInfo_Trigger_UpdateWorkflowExecutionCompleted{
			UpdateWorkflowExecutionCompleted: &workflowpb.CallbackInfo_UpdateWorkflowExecutionCompleted{UpdateId: item.UpdateId}}}
	}
	return &workflowpb.CallbackInfo_Trigger{Variant: &workflowpb.CallbackInfo_Trigger_WorkflowClosed{
		WorkflowClosed: &workflowpb.CallbackInfo_WorkflowClosed{}}}
}

// callbackInfos describe the callbacks.
func (r *Run) callbackInfos() []*workflowpb.CallbackInfo {
	var infos []*workflowpb.CallbackInfo
	for _, number := range r.callbacks.keys() {
		item := r.callbacks.get(number)
		state := enumspb.CallbackState(item.State)
		if state == enumspb.CALLBACK_STATE_UNSPECIFIED {
			state = enumspb.CALLBACK_STATE_STANDBY
		}
		infos = append(infos, &workflowpb.CallbackInfo{
			Callback:                item.Callback,
			Trigger:                 callbackTrigger(item),
			RegistrationTime:        item.RegistrationTime,
			State:                   state,
			Attempt:                 item.Attempt,
			LastAttemptCompleteTime: item.LastAttemptCompleteTime,
			LastAttemptFailure:      item.LastAttemptFailure,
			NextAttemptScheduleTime: item.NextAttemptScheduleTime,
			BlockedReason:           blockedReason(state),
		})
	}
	return infos
}
