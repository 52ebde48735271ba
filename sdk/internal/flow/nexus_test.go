package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/internal/failure"
)

func (s *script) nexusStarted(token string) *script {
	s.add(enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED, &historypb.HistoryEvent_NexusOperationStartedEventAttributes{
		NexusOperationStartedEventAttributes: &historypb.NexusOperationStartedEventAttributes{
			ScheduledEventId: s.last(enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED), OperationToken: token}})
	return s
}

func (s *script) nexusDone(result any) *script {
	s.add(enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED, &historypb.HistoryEvent_NexusOperationCompletedEventAttributes{
		NexusOperationCompletedEventAttributes: &historypb.NexusOperationCompletedEventAttributes{
			ScheduledEventId: s.last(enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED), Result: payloads(s.t, result).Payloads[0]}})
	return s
}

func (s *script) nexusFailed(message string) *script {
	s.add(enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED, &historypb.HistoryEvent_NexusOperationFailedEventAttributes{
		NexusOperationFailedEventAttributes: &historypb.NexusOperationFailedEventAttributes{
			ScheduledEventId: s.last(enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED),
			Failure: &failurepb.Failure{Message: "nexus operation completed unsuccessfully",
				Cause: &failurepb.Failure{Message: message, FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{}}},
				FailureInfo: &failurepb.Failure_NexusOperationExecutionFailureInfo{NexusOperationExecutionFailureInfo: &failurepb.NexusOperationFailureInfo{
					Endpoint: "bank", Service: "accounts", Operation: "pay"}}}}})
	return s
}

func (s *script) nexusCancelDelivered() *script {
	s.add(enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED, &historypb.HistoryEvent_NexusOperationCancelRequestCompletedEventAttributes{
		NexusOperationCancelRequestCompletedEventAttributes: &historypb.NexusOperationCancelRequestCompletedEventAttributes{
			ScheduledEventId: s.last(enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED)}})
	return s
}

var pay = nexus.NewSyncOperation("pay", func(context.Context, int, nexus.StartOperationOptions) (string, error) { return "", nil })

// payWorkflow shows what its operation came to, in order.
func payWorkflow(options NexusOperationOptions) func(Context) ([]string, error) {
	outcome := func(err error) string {
		if err != nil {
			return err.Error()
		}
		return "well"
	}
	return func(ctx Context) ([]string, error) {
		var seen []string
		f := NewNexusClient("bank", "accounts").ExecuteOperation(ctx, pay, 7, options)
		selector := NewSelector(ctx)
		selector.AddFuture(f.GetNexusOperationExecution(), func(f Future) {
			var execution NexusOperationExecution
			err := f.Get(ctx, &execution)
			seen = append(seen, fmt.Sprintf("started (%s) %s", execution.OperationToken, outcome(err)))
		})
		selector.AddFuture(f, func(f Future) {
			var result string
			err := f.Get(ctx, &result)
			seen = append(seen, fmt.Sprintf("closed (%s) %s", result, outcome(err)))
		})
		selector.Select(ctx)
		selector.Select(ctx)
		return seen, nil
	}
}

const scheduled = "ScheduleNexusOperation bank/accounts/pay 7"

func TestNexusOperationsRunToTheirEnd(t *testing.T) {
	for _, evict := range []bool{false, true} {
		between := func(s *script) *script {
			if evict {
				s.evict()
			}
			return s
		}
		t.Run(fmt.Sprintf("evicted %v", evict), func(t *testing.T) {
			asynchronous := newScript(t, payWorkflow(NexusOperationOptions{})).run(scheduled)
			between(asynchronous).nexusStarted("token").run()
			between(asynchronous).nexusDone("paid").run(`CompleteWorkflowExecution ["started (token) well","closed (paid) well"]`)
			synchronous := newScript(t, payWorkflow(NexusOperationOptions{})).run(scheduled)
			between(synchronous).nexusDone("paid").run(`CompleteWorkflowExecution ["started () well","closed (paid) well"]`)
		})
	}
}

func TestAFailedNexusOperationFailsBothFutures(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		f := NewNexusClient("bank", "accounts").ExecuteOperation(ctx, "pay", 7, NexusOperationOptions{})
		for _, f := range []Future{f.GetNexusOperationExecution(), f} {
			err := f.Get(ctx, nil)
			operation, ok := errors.AsType[*failure.NexusOperationError](err)
			if !ok || operation.Operation != "pay" || !strings.Contains(operation.Cause.Error(), "no money") {
				t.Errorf("error %#v", err)
			}
		}
		return nil
	})
	s.run(scheduled).nexusFailed("no money").run("CompleteWorkflowExecution")
}

func TestCancelledNexusOperationsWaitForWhatTheirTypeSays(t *testing.T) {
	const canceled = `CompleteWorkflowExecution ["started (token) well","closed () canceled"]`
	cancelled := func(t *testing.T, typ NexusOperationCancellationType) *script {
		return newScript(t, payWorkflow(NexusOperationOptions{CancellationType: typ})).run(scheduled).nexusStarted("token").run().cancel()
	}
	t.Run("abandon", func(t *testing.T) {
		cancelled(t, NexusOperationCancellationTypeAbandon).run(canceled)
	})
	t.Run("try cancel", func(t *testing.T) {
		cancelled(t, NexusOperationCancellationTypeTryCancel).run("RequestCancelNexusOperation 5").run(canceled)
	})
	t.Run("wait requested", func(t *testing.T) {
		s := cancelled(t, NexusOperationCancellationTypeWaitRequested).run("RequestCancelNexusOperation 5")
		s.run().nexusCancelDelivered().evict().run(canceled)
	})
	t.Run("wait completed, which is the default", func(t *testing.T) {
		s := cancelled(t, NexusOperationCancellationTypeUnspecified).run("RequestCancelNexusOperation 5")
		s.nexusCancelDelivered().run().nexusDone("paid").evict().run(`CompleteWorkflowExecution ["started (token) well","closed (paid) well"]`)
	})
}

func TestANexusOperationCancelledAtOnceIsNotSentAndTheNextOneIsNotMistakenForIt(t *testing.T) {
	s := newScript(t, func(ctx Context) (string, error) {
		client := NewNexusClient("bank", "accounts")
		early, cancel := WithCancel(ctx)
		gone := client.ExecuteOperation(early, pay, 1, NexusOperationOptions{})
		cancel()
		if err := gone.Get(ctx, nil); !errors.Is(err, ErrCanceled) {
			t.Errorf("the cancelled one: %v", err)
		}
		// Ids count both commands that were not sent.
		timer := NewTimer(ctx, time.Hour)
		var result string
		err := client.ExecuteOperation(ctx, pay, 7, NexusOperationOptions{}).Get(ctx, &result)
		if timer.IsReady() {
			t.Error("the timer has fired")
		}
		return result, err
	})
	s.run("StartTimer 7 1h0m0s", scheduled).evict().nexusDone("paid").run(`CompleteWorkflowExecution "paid"`)
}

func TestANexusOperationThatEndsBeforeItsCancellationIsSentMakesNoCommand(t *testing.T) {
	s := newScript(t, payWorkflow(NexusOperationOptions{})).run(scheduled).nexusStarted("token").run()
	s.cancel().nexusDone("paid").run(`CompleteWorkflowExecution ["started (token) well","closed (paid) well"]`)
}

func TestAnotherNexusOperationIsNotDeterministic(t *testing.T) {
	s := newScript(t, payWorkflow(NexusOperationOptions{})).run(scheduled).evict().nexusDone("paid").task()
	s.events[4].GetNexusOperationScheduledEventAttributes().Operation = "refund"
	outcome := s.handle()
	if outcome.Failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR {
		t.Fatalf("outcome %v", outcome)
	}
	for _, want := range []string{"Operation:refund)", "Operation:pay)", "nexus_test.go"} {
		if !strings.Contains(outcome.Err.Error(), want) {
			t.Errorf("no %q in %v", want, outcome.Err)
		}
	}
}

func TestNexusCallsThatCanNotBeMadeFailWithoutACommand(t *testing.T) {
	s := newScript(t, func(ctx Context) ([]string, error) {
		client := NewNexusClient("bank", "accounts")
		var errs []string
		for _, operation := range []any{pay, 5} {
			errs = append(errs, client.ExecuteOperation(ctx, operation, "seven", NexusOperationOptions{}).Get(ctx, nil).Error())
		}
		for _, names := range [][2]string{{"", "s"}, {"__temporal_x", "s"}, {"e", "__temporal_x"}} {
			func() {
				defer func() { errs = append(errs, recover().(string)) }()
				NewNexusClient(names[0], names[1])
			}()
		}
		return errs, nil
	})
	s.run(`CompleteWorkflowExecution ["cannot assign argument of type \"string\" to type \"int\" for operation \"pay\"",` +
		`"invalid 'operation' parameter, must be an OperationReference or a string",` +
		`"endpoint must not be empty","endpoint cannot use reserved __temporal_ prefix","service cannot use reserved __temporal_ prefix"]`)
}
