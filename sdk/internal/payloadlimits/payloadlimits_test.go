package payloadlimits

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	querypb "go.temporal.io/api/query/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// recorder is a logger that keeps warnings.
type recorder struct{ warnings []string }

func (*recorder) Debug(string, ...any) {}
func (*recorder) Info(string, ...any)  {}
func (r *recorder) Warn(message string, keyvals ...any) {
	r.warnings = append(r.warnings, fmt.Sprint(append([]any{message, " "}, keyvals...)...))
}
func (*recorder) Error(string, ...any) {}

const (
	limit       = 100_000
	small       = 100
	warned      = DefaultPayloadSizeWarning + 1
	overLimit   = limit + 1
	memoWarned  = DefaultMemoSizeWarning + 1
	memoTooMuch = limit + 1
)

func payload(size int) *commonpb.Payload {
	return &commonpb.Payload{Data: bytes.Repeat([]byte{'x'}, size)}
}

func payloads(size int) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{payload(size)}}
}

func memo(size int) *commonpb.Memo {
	return &commonpb.Memo{Fields: map[string]*commonpb.Payload{"m": payload(size)}}
}

func newChecker(t *testing.T, limits Limits) (*Checker, *recorder) {
	t.Helper()
	log := &recorder{}
	c, err := New(Options{}, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.SetLimits(limits)
	return c, log
}

func command(c *commandpb.Command) proto.Message {
	return &workflowservice.RespondWorkflowTaskCompletedRequest{Commands: []*commandpb.Command{c}}
}

func TestWhatTheServerWouldRefuseIsRefused(t *testing.T) {
	message, err := anypb.New(&updatepb.Response{Outcome: &updatepb.Outcome{
		Value: &updatepb.Outcome_Success{Success: payloads(overLimit)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, request := range map[string]proto.Message{
		"arguments": &workflowservice.StartWorkflowExecutionRequest{Input: payloads(overLimit)},
		"memo":      &workflowservice.StartWorkflowExecutionRequest{Memo: memo(memoTooMuch)},
		"several payloads of half the size": &workflowservice.StartWorkflowExecutionRequest{Input: &commonpb.Payloads{
			Payloads: []*commonpb.Payload{payload(overLimit / 2), payload(overLimit / 2)},
		}},
		"arguments of a command": command(&commandpb.Command{Attributes: &commandpb.Command_ScheduleActivityTaskCommandAttributes{
			ScheduleActivityTaskCommandAttributes: &commandpb.ScheduleActivityTaskCommandAttributes{Input: payloads(overLimit)},
		}}),
		"input of a Nexus operation": command(&commandpb.Command{Attributes: &commandpb.Command_ScheduleNexusOperationCommandAttributes{
			ScheduleNexusOperationCommandAttributes: &commandpb.ScheduleNexusOperationCommandAttributes{Input: payload(overLimit)},
		}}),
		"details of a marker together": command(&commandpb.Command{Attributes: &commandpb.Command_RecordMarkerCommandAttributes{
			RecordMarkerCommandAttributes: &commandpb.RecordMarkerCommandAttributes{Details: map[string]*commonpb.Payloads{
				"a": payloads(overLimit / 2), "b": payloads(overLimit / 2),
			}},
		}}),
		"upserted memo": command(&commandpb.Command{Attributes: &commandpb.Command_ModifyWorkflowPropertiesCommandAttributes{
			ModifyWorkflowPropertiesCommandAttributes: &commandpb.ModifyWorkflowPropertiesCommandAttributes{UpsertedMemo: memo(overLimit)},
		}}),
		"upserted search attributes": command(&commandpb.Command{Attributes: &commandpb.Command_UpsertWorkflowSearchAttributesCommandAttributes{
			UpsertWorkflowSearchAttributesCommandAttributes: &commandpb.UpsertWorkflowSearchAttributesCommandAttributes{
				SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"a": payload(overLimit)}},
			},
		}}),
		"outcome of an update in a message": &workflowservice.RespondWorkflowTaskCompletedRequest{
			Messages: []*protocolpb.Message{{Body: message}},
		},
		"memo and input of a schedule together": &workflowservice.CreateScheduleRequest{
			Memo: memo(overLimit / 2),
			Schedule: &schedulepb.Schedule{Action: &schedulepb.ScheduleAction{Action: &schedulepb.ScheduleAction_StartWorkflow{
				StartWorkflow: &workflowpb.NewWorkflowExecutionInfo{Input: payloads(overLimit / 2)},
			}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newChecker(t, Limits{Payload: limit, Memo: limit})
			before := proto.Clone(request)
			err := c.Check(t.Context(), request)
			var tooLarge *Error
			if !errors.As(err, &tooLarge) {
				t.Fatalf("got %v", err)
			}
			if tooLarge.Size <= limit || tooLarge.Limit != limit {
				t.Errorf("got %+v", tooLarge)
			}
			if !strings.HasPrefix(err.Error(), "[TMPRL1103] Attempted to upload ") {
				t.Errorf("got %q", err)
			}
			if !proto.Equal(request, before) {
				t.Error("the request has changed")
			}
			unlimited, _ := newChecker(t, Limits{})
			if err := unlimited.Check(t.Context(), request); err != nil {
				t.Errorf("without limits: %v", err)
			}
		})
	}
}

func TestWhatTheServerDoesNotMeasureIsNotRefused(t *testing.T) {
	failure := &failurepb.Failure{FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
		ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Details: payloads(overLimit)},
	}}
	for name, request := range map[string]proto.Message{
		"failure of an activity": &workflowservice.RespondActivityTaskFailedRequest{Failure: failure},
		"failure of a task":      &workflowservice.RespondWorkflowTaskFailedRequest{Failure: failure},
		"header": &workflowservice.StartWorkflowExecutionRequest{
			Header: &commonpb.Header{Fields: map[string]*commonpb.Payload{"h": payload(overLimit)}},
		},
		"search attributes of a start": &workflowservice.StartWorkflowExecutionRequest{
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"a": payload(overLimit)}},
		},
		"memo of an updated schedule": &workflowservice.UpdateScheduleRequest{
			Schedule: &schedulepb.Schedule{Action: &schedulepb.ScheduleAction{Action: &schedulepb.ScheduleAction_StartWorkflow{
				StartWorkflow: &workflowpb.NewWorkflowExecutionInfo{Memo: memo(memoTooMuch)},
			}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newChecker(t, Limits{Payload: limit, Memo: limit})
			if err := c.Check(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnAnswerThatIsTooLargeBecomesAFailedQuery(t *testing.T) {
	c, _ := newChecker(t, Limits{Payload: limit})
	result := &querypb.WorkflowQueryResult{ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED, Answer: payloads(overLimit)}
	request := &workflowservice.RespondWorkflowTaskCompletedRequest{QueryResults: map[string]*querypb.WorkflowQueryResult{"q": result}}
	if err := c.Check(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if result.GetAnswer() != nil || result.GetErrorMessage() == "" || result.GetResultType() != enumspb.QUERY_RESULT_TYPE_FAILED {
		t.Errorf("got %v", result)
	}
	alone := &workflowservice.RespondQueryTaskCompletedRequest{QueryResult: payloads(overLimit)}
	if err := c.Check(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
	if alone.GetQueryResult() != nil || alone.GetErrorMessage() == "" || alone.GetCompletedType() != enumspb.QUERY_RESULT_TYPE_FAILED {
		t.Errorf("got %v", alone)
	}
}

func TestWarnings(t *testing.T) {
	for name, test := range map[string]struct {
		request proto.Message
		want    string // part of the only warning, or empty for none
	}{
		"small payloads": {&workflowservice.StartWorkflowExecutionRequest{Input: payloads(small), Memo: memo(small)}, ""},
		"large payloads": {&workflowservice.StartWorkflowExecutionRequest{Input: payloads(warned)}, "payloads with size that exceeded the warning limit. PayloadSize"},
		"large memo":     {&workflowservice.StartWorkflowExecutionRequest{Memo: memo(memoWarned)}, "memo with size that exceeded the warning limit. MemoSize"},
		"large failure": {&workflowservice.RespondActivityTaskFailedRequest{Failure: &failurepb.Failure{
			FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Details: payloads(warned)}},
		}}, "PayloadSize"},
	} {
		t.Run(name, func(t *testing.T) {
			c, log := newChecker(t, Limits{})
			if err := c.Check(t.Context(), test.request); err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if len(log.warnings) != 0 {
					t.Errorf("got %q", log.warnings)
				}
				return
			}
			if len(log.warnings) != 1 || !strings.Contains(log.warnings[0], test.want) {
				t.Errorf("got %q", log.warnings)
			}
		})
	}
}

func TestWarningsBeginAtTheSizesOfTheOptions(t *testing.T) {
	log := &recorder{}
	c, err := New(Options{PayloadSizeWarning: 10, MemoSizeWarning: 20}, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	request := &workflowservice.StartWorkflowExecutionRequest{Input: payloads(11), Memo: memo(10)}
	if err := c.Check(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if len(log.warnings) != 1 || !strings.Contains(log.warnings[0], "PayloadSizeLimit") {
		t.Errorf("got %q", log.warnings)
	}
	for _, negative := range []Options{{PayloadSizeWarning: -1}, {MemoSizeWarning: -1}} {
		if _, err := New(negative, log, nil); err == nil {
			t.Errorf("%+v is accepted", negative)
		}
	}
}

func TestTheErrorIsTheServersToo(t *testing.T) {
	var invalid *serviceerror.InvalidArgument
	if err := error(&Error{What: "memo", Size: 2, Limit: 1}); !errors.As(err, &invalid) {
		t.Error("not an InvalidArgument")
	}
}

func TestLimitsAreFetchedWhenTheyMatterAndAgainAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		limits, failing := Limits{Payload: limit}, error(nil)
		c, err := New(Options{}, &recorder{}, func(context.Context) (Limits, error) {
			calls++
			return limits, failing
		})
		if err != nil {
			t.Fatal(err)
		}
		check := func(size int) error {
			return c.Check(t.Context(), &workflowservice.StartWorkflowExecutionRequest{Input: payloads(size)})
		}
		if err := check(small); err != nil || calls != 0 {
			t.Errorf("small: %v after %d calls", err, calls)
		}
		for range 2 {
			if err := check(overLimit); err == nil || calls != 1 {
				t.Errorf("large: %v after %d calls", err, calls)
			}
		}
		limits.Payload = 2 * overLimit
		time.Sleep(freshFor)
		if err := check(overLimit); err != nil || calls != 2 {
			t.Errorf("after the limit was raised: %v after %d calls", err, calls)
		}
		failing = errors.New("no")
		time.Sleep(freshFor)
		for range 2 {
			if err := check(3 * overLimit); err != nil || calls != 3 {
				t.Errorf("without an answer: %v after %d calls", err, calls)
			}
		}
	})
}

func TestLimitsOfANamespace(t *testing.T) {
	got := LimitsOf(&namespacepb.NamespaceInfo{Limits: &namespacepb.NamespaceInfo_Limits{BlobSizeLimitError: 5, MemoSizeLimitError: -1}})
	if want := (Limits{Payload: 5}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := LimitsOf(nil); got != (Limits{}) {
		t.Errorf("got %+v", got)
	}
}
