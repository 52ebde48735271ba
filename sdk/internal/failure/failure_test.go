package failure_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
)

// What errors and failures have in common with the public SDK is checked by the golden
// test of package temporal. Here is what it cannot reach.

func applicationFailure(errType string) *failurepb.Failure {
	return &failurepb.Failure{Message: "no", Source: "JavaSDK", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
		ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: errType}}}
}

func wantFailure(t *testing.T, got, want *failurepb.Failure) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

func TestAnActivityErrorSaysWhichActivityFailedAndWhy(t *testing.T) {
	cause := failure.NewApplicationError("no", "T", failure.ApplicationErrorOptions{})
	err := failure.NewActivityError(5, 6, "me", &commonpb.ActivityType{Name: "Ship"}, "5", enumspb.RETRY_STATE_TIMEOUT, cause)
	if err.ActivityType().GetName() != "Ship" || err.ActivityID() != "5" || err.ScheduledEventID() != 5 || err.StartedEventID() != 6 ||
		err.Identity() != "me" || err.RetryState() != enumspb.RETRY_STATE_TIMEOUT || errors.Unwrap(err) != cause {
		t.Errorf("got %+v", err)
	}
	wantFailure(t, failure.DefaultConverter().ErrorToFailure(err), &failurepb.Failure{
		Message: "activity error", Source: "GoSDK",
		FailureInfo: &failurepb.Failure_ActivityFailureInfo{ActivityFailureInfo: &failurepb.ActivityFailureInfo{
			ScheduledEventId: 5, StartedEventId: 6, Identity: "me", ActivityType: &commonpb.ActivityType{Name: "Ship"}, ActivityId: "5", RetryState: enumspb.RETRY_STATE_TIMEOUT}},
		Cause: &failurepb.Failure{Message: "no", Source: "GoSDK", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "T"}}},
	})
}

func TestAChildWorkflowErrorSaysWhichChildFailedAndWhy(t *testing.T) {
	err := failure.NewChildWorkflowExecutionError("n", "w", "r", "Child", 1, 2, enumspb.RETRY_STATE_IN_PROGRESS, &failure.ChildWorkflowExecutionAlreadyStartedError{})
	if err.Namespace() != "n" || err.WorkflowID() != "w" || err.RunID() != "r" || err.WorkflowType() != "Child" ||
		err.InitiatedEventID() != 1 || err.StartedEventID() != 2 || err.RetryState() != enumspb.RETRY_STATE_IN_PROGRESS {
		t.Errorf("got %+v", err)
	}
	wantFailure(t, failure.DefaultConverter().ErrorToFailure(err), &failurepb.Failure{
		Message: "child workflow execution error", Source: "GoSDK",
		FailureInfo: &failurepb.Failure_ChildWorkflowExecutionFailureInfo{ChildWorkflowExecutionFailureInfo: &failurepb.ChildWorkflowExecutionFailureInfo{
			Namespace: "n", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}, WorkflowType: &commonpb.WorkflowType{Name: "Child"},
			InitiatedEventId: 1, StartedEventId: 2, RetryState: enumspb.RETRY_STATE_IN_PROGRESS}},
		Cause: &failurepb.Failure{Message: "child workflow execution already started", Source: "GoSDK", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "ChildWorkflowExecutionAlreadyStartedError"}}},
	})
}

func TestAPanicOfWorkflowCodeIsNotRetriedOneOfAnActivityIs(t *testing.T) {
	want := func(nonRetryable bool) *failurepb.Failure {
		return &failurepb.Failure{Message: "boom", Source: "GoSDK", StackTrace: "stack", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "PanicError", NonRetryable: nonRetryable}}}
	}
	wantFailure(t, failure.DefaultConverter().ErrorToFailure(failure.NewPanicError("boom", "stack")), want(false))
	wantFailure(t, failure.DefaultConverter().ErrorToFailure(failure.NewWorkflowPanicError("boom", "stack")), want(true))
	if !failure.IsRetryable(failure.NewPanicError("boom", ""), nil) || failure.IsRetryable(failure.NewWorkflowPanicError("boom", ""), nil) {
		t.Error("IsRetryable disagrees")
	}
}

func TestTerminatedAndServerErrorsBecomeTheirOwnKindsOfFailure(t *testing.T) {
	wantFailure(t, failure.DefaultConverter().ErrorToFailure(failure.NewTerminatedError()), &failurepb.Failure{
		Message: "terminated", Source: "GoSDK", FailureInfo: &failurepb.Failure_TerminatedFailureInfo{TerminatedFailureInfo: &failurepb.TerminatedFailureInfo{}}})
	wantFailure(t, failure.DefaultConverter().ErrorToFailure(failure.NewServerError("full", true, nil)), &failurepb.Failure{
		Message: "full", Source: "GoSDK", FailureInfo: &failurepb.Failure_ServerFailureInfo{ServerFailureInfo: &failurepb.ServerFailureInfo{NonRetryable: true}}})
}

func TestAFailureOfAnotherSDKPassesThroughUnchanged(t *testing.T) {
	original := applicationFailure("T")
	original.Cause = &failurepb.Failure{Message: "of no kind", Source: "RustSDK"}
	before := proto.CloneOf(original)
	err := failure.DefaultConverter().FailureToError(original)
	wantFailure(t, original, before)
	wantFailure(t, failure.DefaultConverter().ErrorToFailure(err), before)

	var holder interface{ Failure() *failurepb.Failure }
	if !errors.As(err, &holder) {
		t.Fatal("the error does not hold its failure")
	}
	wantFailure(t, holder.Failure(), before)

	wrapped := failure.DefaultConverter().ErrorToFailure(fmt.Errorf("wrapped: %w", err))
	wantFailure(t, wrapped.GetCause(), before)
}

func TestEncodedFailuresStayEncodedInTheFailureThatIsPassedOn(t *testing.T) {
	c := failure.NewConverter(failure.ConverterOptions{EncodeCommonAttributes: true})
	f := c.ErrorToFailure(fmt.Errorf("outer: %w", errors.New("inner")))
	if f.GetMessage() != "Encoded failure" || f.GetCause().GetMessage() != "Encoded failure" {
		t.Fatalf("got %v", f)
	}
	before := proto.CloneOf(f)
	// A converter reads encoded failures whether it writes them or not.
	err := failure.DefaultConverter().FailureToError(f)
	if err.Error() != "outer: inner (type: wrapError, retryable: true): inner" {
		t.Errorf("error is %q", err)
	}
	wantFailure(t, f, before)
	wantFailure(t, c.ErrorToFailure(err), before)
}

func TestDetailsAreTheSameBeforeAndAfterTheWire(t *testing.T) {
	type reason struct{ Code int }
	made := failure.NewApplicationError("m", "T", failure.ApplicationErrorOptions{Details: []any{"a", reason{3}, nil}})
	sent := failure.DefaultConverter().FailureToError(failure.DefaultConverter().ErrorToFailure(made))
	for name, err := range map[string]error{"made here": made, "from the wire": sent} {
		var app *failure.ApplicationError
		if !errors.As(err, &app) || !app.HasDetails() {
			t.Fatalf("%s: no details in %v", name, err)
		}
		var s string
		var r reason
		p := &r
		if err := app.Details(&s, &r, &p); err != nil || s != "a" || r.Code != 3 || p != nil {
			t.Errorf("%s: got %q, %v, %v, %v", name, s, r, p, err)
		}
		if err := app.Details(&s); err != nil {
			t.Errorf("%s: the first alone: %v", name, err)
		}
	}
}

func TestDetailsThatAreNotThereOrDoNotFitAreErrors(t *testing.T) {
	var n int
	var s string
	none := failure.NewApplicationError("m", "T", failure.ApplicationErrorOptions{}).(*failure.ApplicationError)
	if err := none.Details(&n); !errors.Is(err, encoded.ErrNoData) || none.HasDetails() {
		t.Errorf("none: %v", err)
	}
	one := failure.NewApplicationError("m", "T", failure.ApplicationErrorOptions{Details: []any{"a"}}).(*failure.ApplicationError)
	if err := one.Details(&s, &s); !errors.Is(err, encoded.ErrTooManyArg) {
		t.Errorf("too many: %v", err)
	}
	if err := one.Details(&n); !errors.Is(err, converter.ErrUnableToSetValue) {
		t.Errorf("wrong type: %v", err)
	}
	if err := one.Details(s); !errors.Is(err, converter.ErrValuePtrIsNotPointer) {
		t.Errorf("no pointer: %v", err)
	}
}

func TestErrorsAreTypedByTheirGoType(t *testing.T) {
	for want, err := range map[string]error{
		"":                      errors.New("x"),
		"wrapError":             fmt.Errorf("x: %w", context.Canceled),
		"deadlineExceededError": context.DeadlineExceeded,
		"ApplicationError":      failure.NewApplicationError("", "", failure.ApplicationErrorOptions{}),
	} {
		if got := failure.TypeOf(err); got != want {
			t.Errorf("%v is typed %q, want %q", err, got, want)
		}
	}
}

func TestRetriesEndWithErrorsThatSaySo(t *testing.T) {
	app := func(errType string, nonRetryable bool) error {
		return failure.NewApplicationError("m", errType, failure.ApplicationErrorOptions{NonRetryable: nonRetryable})
	}
	timeout := func(t enumspb.TimeoutType) error { return failure.NewTimeoutError("m", t, nil) }
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                    {nil, false},
		"plain":                  {errors.New("x"), true},
		"listed by Go type":      {context.DeadlineExceeded, false},
		"application":            {app("T", false), true},
		"listed application":     {app("Fatal", false), false},
		"final application":      {app("T", true), false},
		"wrapped final":          {fmt.Errorf("x: %w", app("T", true)), false},
		"canceled":               {failure.NewCanceledError(failure.CanceledErrorOptions{}), false},
		"terminated":             {failure.NewTerminatedError(), false},
		"start to close":         {timeout(enumspb.TIMEOUT_TYPE_START_TO_CLOSE), true},
		"heartbeat":              {timeout(enumspb.TIMEOUT_TYPE_HEARTBEAT), true},
		"schedule to close":      {timeout(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE), false},
		"schedule to start":      {timeout(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START), false},
		"panic of workflow code": {failure.NewWorkflowPanicError("x", ""), false},
	} {
		if got := failure.IsRetryable(c.err, []string{"Fatal", "deadlineExceededError"}); got != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestBenignIsOnlyTheErrorItself(t *testing.T) {
	benign := failure.NewApplicationError("m", "T", failure.ApplicationErrorOptions{Category: failure.ApplicationErrorCategoryBenign, NextRetryDelay: time.Second})
	if !failure.IsBenign(benign) || failure.IsBenign(fmt.Errorf("x: %w", benign)) || failure.IsBenign(nil) {
		t.Error("wrong")
	}
}

func TestFailureConvertersFollowTheSerializationContext(t *testing.T) {
	fc := failure.NewConverter(failure.ConverterOptions{DataConverter: marking{DataConverter: converter.GetDefaultDataConverter()}})
	bound := converter.WithFailureConverterSerializationContext(fc, converter.WorkflowSerializationContext{WorkflowID: "w"})
	f := bound.ErrorToFailure(failure.NewApplicationError("m", "T", failure.ApplicationErrorOptions{Details: []any{1}}))
	if got := string(f.GetApplicationFailureInfo().GetDetails().GetPayloads()[0].GetMetadata()["of"]); got != "w" {
		t.Errorf("details are of %q", got)
	}
}

type marking struct {
	converter.DataConverter
	of string
}

func (m marking) WithSerializationContext(of converter.SerializationContext) converter.DataConverter {
	m.of = of.(converter.WorkflowSerializationContext).WorkflowID
	return m
}

func (m marking) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	p, err := m.DataConverter.ToPayloads(values...)
	for _, payload := range p.GetPayloads() {
		payload.Metadata["of"] = []byte(m.of)
	}
	return p, err
}
