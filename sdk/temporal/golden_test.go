package temporal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/temporal"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// What this file compares with, testdata/golden.json, was written by running record
// with the import paths of the public Go SDK in place of this one's: both SDKs must
// write the same bytes, and read them as the same errors. To add a case, add it here,
// and record again with that SDK.

type order struct {
	ID    string
	Lines []int             `json:"lines,omitempty"`
	Tags  map[string]string `json:"tags"`
	When  time.Time
}

type rejection struct{ Reason string }

func (r *rejection) Error() string { return "rejected: " + r.Reason }

type namedBytes []byte

func goldenValues() map[string]any {
	var noOrder *order
	var noMap map[string]string
	when := time.Date(2026, 11, 22, 16, 0, 0, 123456789, time.UTC)
	return map[string]any{
		"nil":               nil,
		"nil pointer":       noOrder,
		"nil map":           noMap,
		"bytes":             []byte{0, 1, 254},
		"no bytes":          []byte(nil),
		"named bytes":       namedBytes("abc"),
		"raw json":          json.RawMessage(`{"a":1}`),
		"string":            "grüß <&> gott",
		"int":               42,
		"float":             1.5,
		"bool":              true,
		"time":              when,
		"duration":          time.Minute,
		"struct":            order{ID: "1", When: when},
		"pointer":           &order{ID: "2", Lines: []int{1, 2}, Tags: map[string]string{"b": "2", "a": "1"}},
		"slice":             []string{"a", "b"},
		"proto":             &commonpb.WorkflowExecution{WorkflowId: "w"},
		"proto enum":        &failurepb.TimeoutFailureInfo{TimeoutType: enumspb.TIMEOUT_TYPE_HEARTBEAT},
		"well-known proto":  durationpb.New(90 * time.Second),
		"raw value":         converter.NewRawValue(&commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("mine")}, Data: []byte("x")}),
		"empty proto":       &commonpb.WorkflowType{},
		"slice of protos":   []*commonpb.WorkflowType{{Name: "a"}},
		"any in a map":      map[string]any{"n": 1, "s": []any{"x", nil}},
		"empty string":      "",
		"invalid utf-8":     "a\xffb",
		"struct of nothing": struct{}{},
	}
}

func goldenErrors() map[string]error {
	cause := errors.New("disk full")
	return map[string]error{
		"plain":                   cause,
		"wrapped":                 fmt.Errorf("save: %w", cause),
		"custom":                  &rejection{"late"},
		"wrapped custom":          fmt.Errorf("order: %w", &rejection{"late"}),
		"context canceled":        context.Canceled,
		"deadline exceeded":       context.DeadlineExceeded,
		"application":             temporal.NewApplicationError("no stock", "OutOfStock"),
		"application details":     temporal.NewApplicationError("no stock", "OutOfStock", "sku-1", 3, nil, []byte("raw")),
		"application cause":       temporal.NewApplicationErrorWithCause("no stock", "OutOfStock", cause, 1),
		"application final":       temporal.NewNonRetryableApplicationError("no stock", "OutOfStock", &rejection{"sold"}, "d"),
		"application options":     temporal.NewApplicationErrorWithOptions("m", "T", temporal.ApplicationErrorOptions{NonRetryable: true, Cause: cause, Details: []any{"a"}, NextRetryDelay: 1500 * time.Millisecond, Category: temporal.ApplicationErrorCategoryBenign}),
		"application empty":       temporal.NewApplicationError("", ""),
		"payload validation":      temporal.NewPayloadValidationError("bad"),
		"payload validation bare": temporal.NewPayloadValidationError(nil),
		"canceled":                temporal.NewCanceledError(),
		"canceled details":        temporal.NewCanceledError("half", 2),
		"canceled options":        temporal.NewCanceledErrorWithOptions(temporal.CanceledErrorOptions{Message: "enough", Cause: cause, Details: []any{1}}),
		"timeout":                 temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, cause, "progress"),
		"heartbeat timeout":       temporal.NewHeartbeatTimeoutError(7),
		"handler":                 &nexus.HandlerError{Type: nexus.HandlerErrorTypeBadRequest, Message: "what", Cause: cause, RetryBehavior: nexus.HandlerErrorRetryBehaviorRetryable},
		"handler bare":            &nexus.HandlerError{Type: nexus.HandlerErrorTypeInternal},
		"nexus operation":         &temporal.NexusOperationError{Message: "failed", ScheduledEventID: 5, Endpoint: "e", Service: "s", Operation: "o", OperationToken: "t", Cause: cause},
		"handler foreign":         &nexus.HandlerError{Type: nexus.HandlerErrorTypeInternal, OriginalFailure: &nexus.Failure{Message: "m", Metadata: map[string]string{"k": "v"}, Details: json.RawMessage(`{"x":1}`)}},
	}
}

func goldenFailures() map[string]*failurepb.Failure {
	payloads, _ := converter.GetDefaultDataConverter().ToPayloads("detail", 2)
	app := &failurepb.Failure{
		Message: "no stock", Source: "JavaSDK", StackTrace: "at x",
		FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{
			Type: "OutOfStock", NonRetryable: true, Details: payloads, NextRetryDelay: durationpb.New(time.Second), Category: enumspb.APPLICATION_ERROR_CATEGORY_BENIGN,
		}},
	}
	with := func(f *failurepb.Failure, cause *failurepb.Failure) *failurepb.Failure { f.Cause = cause; return f }
	return map[string]*failurepb.Failure{
		"application": app,
		"panic":       {Message: "boom", StackTrace: "goroutine 1", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "PanicError"}}},
		"canceled":    {Message: "stop", FailureInfo: &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: &failurepb.CanceledFailureInfo{Details: payloads}}},
		"timeout": with(&failurepb.Failure{Message: "late", FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{
			TimeoutType: enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, LastHeartbeatDetails: payloads}}}, app),
		"terminated": {Message: "bye", FailureInfo: &failurepb.Failure_TerminatedFailureInfo{TerminatedFailureInfo: &failurepb.TerminatedFailureInfo{}}},
		"server":     with(&failurepb.Failure{Message: "too large", FailureInfo: &failurepb.Failure_ServerFailureInfo{ServerFailureInfo: &failurepb.ServerFailureInfo{NonRetryable: true}}}, app),
		"reset":      {Message: "reset", FailureInfo: &failurepb.Failure_ResetWorkflowFailureInfo{ResetWorkflowFailureInfo: &failurepb.ResetWorkflowFailureInfo{}}},
		"activity": with(&failurepb.Failure{Message: "activity error", FailureInfo: &failurepb.Failure_ActivityFailureInfo{ActivityFailureInfo: &failurepb.ActivityFailureInfo{
			ScheduledEventId: 5, StartedEventId: 6, Identity: "me", ActivityType: &commonpb.ActivityType{Name: "Ship"}, ActivityId: "5", RetryState: enumspb.RETRY_STATE_TIMEOUT}}}, app),
		"child": with(&failurepb.Failure{Message: "child failed", FailureInfo: &failurepb.Failure_ChildWorkflowExecutionFailureInfo{ChildWorkflowExecutionFailureInfo: &failurepb.ChildWorkflowExecutionFailureInfo{
			Namespace: "n", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}, WorkflowType: &commonpb.WorkflowType{Name: "Child"}, InitiatedEventId: 1, StartedEventId: 2}}}, app),
		"nexus operation": with(&failurepb.Failure{Message: "nexus operation completed unsuccessfully", FailureInfo: &failurepb.Failure_NexusOperationExecutionFailureInfo{NexusOperationExecutionFailureInfo: &failurepb.NexusOperationFailureInfo{
			//lint:ignore SA1019 older servers have the token here
			ScheduledEventId: 5, Endpoint: "e", Service: "s", Operation: "o", OperationId: "old"}}}, app),
		"nexus handler": with(&failurepb.Failure{Message: "handler error (BAD_REQUEST): what", FailureInfo: &failurepb.Failure_NexusHandlerFailureInfo{NexusHandlerFailureInfo: &failurepb.NexusHandlerFailureInfo{
			Type: "BAD_REQUEST", RetryBehavior: enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE}}}, app),
		"of no kind": {Message: "what is this", Cause: app},
	}
}

// golden is what an SDK makes of the cases above.
type golden struct {
	// Payloads by case, encoded by the default data converter and, for the first list,
	// through the zlib codec and back.
	Payloads map[string]json.RawMessage
	// Failures that errors become, and with encoded common attributes.
	Failures        map[string]json.RawMessage
	EncodedFailures map[string]json.RawMessage
	// Errors that failures become: a line for each error of the chain.
	Errors map[string][]string
}

func record() golden {
	g := golden{Payloads: map[string]json.RawMessage{}, Failures: map[string]json.RawMessage{}, EncodedFailures: map[string]json.RawMessage{}, Errors: map[string][]string{}}
	dc := converter.GetDefaultDataConverter()
	for name, value := range goldenValues() {
		payloads, err := dc.ToPayloads(value)
		if err != nil {
			g.Payloads[name] = json.RawMessage(fmt.Sprintf("%q", "error"))
			continue
		}
		g.Payloads[name] = canonical(payloads)
	}
	fc := temporal.GetDefaultFailureConverter()
	encoding := temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{EncodeCommonAttributes: true})
	for name, err := range goldenErrors() {
		g.Failures[name] = canonical(fc.ErrorToFailure(err))
		g.EncodedFailures[name] = canonical(encoding.ErrorToFailure(err))
	}
	for name, failure := range goldenFailures() {
		err := fc.FailureToError(proto.Clone(failure).(*failurepb.Failure))
		var lines []string
		for ; err != nil; err = errors.Unwrap(err) {
			lines = append(lines, reflect.TypeOf(err).Elem().Name()+": "+err.Error())
		}
		g.Errors[name] = lines
	}
	return g
}

// canonical returns m as JSON without the white space that protojson varies.
func canonical(m proto.Message) json.RawMessage {
	data, err := protojson.Marshal(m)
	if err != nil {
		return json.RawMessage(fmt.Sprintf("%q", err.Error()))
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		panic(err)
	}
	data, err = json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func TestWireFormatsAreThoseOfThePublicSDK(t *testing.T) {
	if path := os.Getenv("RECORD_GOLDEN"); path != "" {
		data, err := json.MarshalIndent(record(), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var want golden
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	got := record()
	compare(t, "payload", got.Payloads, want.Payloads)
	compare(t, "failure", got.Failures, want.Failures)
	compare(t, "encoded failure", got.EncodedFailures, want.EncodedFailures)
	compare(t, "error", got.Errors, want.Errors)
}

func compare[V any](t *testing.T, kind string, got, want map[string]V) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d cases of %s, %d recorded", len(got), kind, len(want))
	}
	for name := range got {
		t.Run(kind+"/"+strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			g, _ := json.Marshal(got[name])
			w, _ := json.Marshal(want[name])
			if string(g) != string(w) {
				t.Errorf("\n got %s\nwant %s", g, w)
			}
		})
	}
}
