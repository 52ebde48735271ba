package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/policy"
)

func activityGreet(context.Context, string) (string, error) { return "", nil }

func TestStandaloneActivities(t *testing.T) {
	handle := func(c client.Client) client.ActivityHandle {
		return c.GetActivityHandle(client.GetActivityHandleOptions{ActivityID: "a", RunID: "r"})
	}
	minute := durationpb.New(time.Minute)
	zero := durationpb.New(0)
	runWireTests(t, map[string]wireTest{
		"execute": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				h, err := c.ExecuteActivity(ctx, client.StartActivityOptions{
					ID: "a", TaskQueue: "tq", StartToCloseTimeout: time.Minute, StartDelay: time.Minute, Summary: "s",
					RetryPolicy: &policy.Retry{MaximumAttempts: 3}, Priority: policy.Priority{PriorityKey: 1},
					ActivityIDReusePolicy:    enumspb.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE,
					ActivityIDConflictPolicy: enumspb.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING,
				}, activityGreet, "x")
				if err != nil {
					return nil, err
				}
				return h.GetID() + " " + h.GetRunID(), nil
			},
			want: &workflowservice.StartActivityExecutionRequest{
				Namespace: "ns", Identity: "me", ActivityId: "a", ActivityType: &commonpb.ActivityType{Name: "activityGreet"},
				TaskQueue: &taskqueuepb.TaskQueue{Name: "tq"}, StartToCloseTimeout: minute, ScheduleToCloseTimeout: zero,
				ScheduleToStartTimeout: zero, HeartbeatTimeout: zero, StartDelay: minute,
				RetryPolicy:      &commonpb.RetryPolicy{MaximumAttempts: 3, InitialInterval: zero, MaximumInterval: zero},
				Input:            &commonpb.Payloads{Payloads: []*commonpb.Payload{jsonPayload(`"x"`)}},
				IdReusePolicy:    enumspb.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE,
				IdConflictPolicy: enumspb.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING,
				Header:           &commonpb.Header{}, UserMetadata: &sdkpb.UserMetadata{Summary: jsonPayload(`"s"`)},
				Priority: &commonpb.Priority{PriorityKey: 1},
			},
			response: &workflowservice.StartActivityExecutionResponse{RunId: "r1"},
			check:    wantResult("a r1"),
		},
		"cancel": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return errorOnly(handle(c).Cancel(ctx, client.CancelActivityOptions{Reason: "why"}))
			},
			want: &workflowservice.RequestCancelActivityExecutionRequest{Namespace: "ns", ActivityId: "a", RunId: "r", Identity: "me", Reason: "why"},
		},
		"terminate": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return errorOnly(handle(c).Terminate(ctx, client.TerminateActivityOptions{Reason: "why"}))
			},
			want: &workflowservice.TerminateActivityExecutionRequest{Namespace: "ns", ActivityId: "a", RunId: "r", Identity: "me", Reason: "why"},
		},
		"pause": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return errorOnly(handle(c).Pause(ctx, client.PauseActivityOptions{Reason: "why"}))
			},
			want: &workflowservice.PauseActivityExecutionRequest{Namespace: "ns", ActivityId: "a", RunId: "r", Identity: "me", Reason: "why", ResourceId: "activity:a"},
		},
		"unpause": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return errorOnly(handle(c).Unpause(ctx, client.UnpauseActivityOptions{Reason: "why", Jitter: time.Minute}))
			},
			want: &workflowservice.UnpauseActivityExecutionRequest{Namespace: "ns", ActivityId: "a", RunId: "r", Identity: "me", Reason: "why", Jitter: minute, ResourceId: "activity:a"},
		},
		"change options": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				tq, d := "other", time.Minute
				return handle(c).UpdateOptions(ctx, client.ActivityOptionsUpdate{
					TaskQueue:           &client.ActivityOptionChange[string]{Value: &tq},
					StartToCloseTimeout: &client.ActivityOptionChange[time.Duration]{Value: &d},
					HeartbeatTimeout:    &client.ActivityOptionChange[time.Duration]{},
					RetryPolicy:         &client.ActivityOptionChange[policy.Retry]{},
					Priority:            &client.ActivityOptionChange[policy.Priority]{Value: &policy.Priority{PriorityKey: 2}},
				})
			},
			want: &workflowservice.UpdateActivityExecutionOptionsRequest{
				Namespace: "ns", ActivityId: "a", RunId: "r", Identity: "me", ResourceId: "activity:a",
				ActivityOptions: &activitypb.ActivityOptions{TaskQueue: &taskqueuepb.TaskQueue{Name: "other"}, StartToCloseTimeout: minute, Priority: &commonpb.Priority{PriorityKey: 2}},
				UpdateMask:      &fieldmaskpb.FieldMask{Paths: []string{"task_queue.name", "start_to_close_timeout", "heartbeat_timeout", "retry_policy", "priority"}},
			},
			response: &workflowservice.UpdateActivityExecutionOptionsResponse{ActivityOptions: &activitypb.ActivityOptions{
				TaskQueue: &taskqueuepb.TaskQueue{Name: "other"}, StartToCloseTimeout: minute, RetryPolicy: &commonpb.RetryPolicy{MaximumAttempts: 2}}},
			check: wantResult(&client.ActivityExecutionOptions{TaskQueue: "other", StartToCloseTimeout: time.Minute, RetryPolicy: &policy.Retry{MaximumAttempts: 2}}),
		},
		"restore options": {
			call: func(ctx context.Context, c client.Client) (any, error) { return handle(c).RestoreOriginalOptions(ctx) },
			want: &workflowservice.UpdateActivityExecutionOptionsRequest{
				Namespace: "ns", ActivityId: "a", RunId: "r", Identity: "me", ResourceId: "activity:a", RestoreOriginal: true,
				ActivityOptions: &activitypb.ActivityOptions{}, UpdateMask: &fieldmaskpb.FieldMask{}},
		},
		"count": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return c.CountActivities(ctx, client.CountActivitiesOptions{Query: "q"})
			},
			want: &workflowservice.CountActivityExecutionsRequest{Namespace: "ns", Query: "q"},
			response: &workflowservice.CountActivityExecutionsResponse{Count: 5, Groups: []*workflowservice.CountActivityExecutionsResponse_AggregationGroup{
				{GroupValues: []*commonpb.Payload{jsonPayload(`"Running"`)}, Count: 4}}},
			check: wantResult(&client.CountActivitiesResult{Count: 5, Groups: []client.CountActivitiesAggregationGroup{{GroupValues: []any{"Running"}, Count: 4}}}),
		},
		"describe": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).Describe(ctx, client.DescribeActivityOptions{IncludeInput: true, IncludeOutcome: true, IncludeHeartbeatDetails: true, IncludeLastFailure: true})
			},
			want: &workflowservice.DescribeActivityExecutionRequest{Namespace: "ns", ActivityId: "a", RunId: "r",
				IncludeInput: true, IncludeOutcome: true, IncludeHeartbeatDetails: true, IncludeLastFailure: true},
			response: &workflowservice.DescribeActivityExecutionResponse{
				Info: &activitypb.ActivityExecutionInfo{
					ActivityId: "a", RunId: "r", ActivityType: &commonpb.ActivityType{Name: "t"}, TaskQueue: "tq", Attempt: 3,
					ScheduleTime: timestamppb.New(then), Status: enumspb.ACTIVITY_EXECUTION_STATUS_RUNNING,
					LastDeploymentVersion: &deploymentpb.WorkerDeploymentVersion{DeploymentName: "d", BuildId: "1"},
					UserMetadata:          &sdkpb.UserMetadata{Summary: jsonPayload(`"s"`)},
					LastFailure:           &failurepb.Failure{Message: "no"},
				},
				Input: &commonpb.Payloads{Payloads: []*commonpb.Payload{jsonPayload(`"in"`)}},
			},
			check: checkActivityDescription,
		},
	})
}

func checkActivityDescription(t *testing.T, got any) {
	d := got.(*client.ActivityExecutionDescription)
	if d.ActivityID != "a" || d.ActivityType != "t" || d.Attempt != 3 || !d.ScheduleTime.Equal(then) ||
		*d.LastDeploymentVersion != (version{DeploymentName: "d", BuildID: "1"}) {
		t.Errorf("got %+v", d)
	}
	var input string
	if err := d.GetInput(&input); err != nil || input != "in" || !d.HasInput() {
		t.Errorf("input is %q, %v", input, err)
	}
	if summary, err := d.GetSummary(); err != nil || summary != "s" {
		t.Errorf("summary is %q, %v", summary, err)
	}
	if details, err := d.GetStaticDetails(); err != nil || details != "" {
		t.Errorf("details are %q, %v", details, err)
	}
	if err := d.GetLastFailure(); err == nil || err.Error() != "no" || !d.HasLastFailure() {
		t.Errorf("last failure is %v", err)
	}
	if err := d.GetResult(&input); !errors.Is(err, encoded.ErrNoData) || d.HasResult() {
		t.Errorf("result: %v", err)
	}
	if err := d.GetHeartbeatDetails(&input); !errors.Is(err, encoded.ErrNoData) || d.HasHeartbeatDetails() {
		t.Errorf("heartbeat details: %v", err)
	}
	if err := d.GetOutcomeFailure(); err != nil || d.HasOutcomeFailure() {
		t.Errorf("outcome is %v", err)
	}
}

func TestTheResultOfAnActivityIsWaitedForOnce(t *testing.T) {
	s := newFakeServer(t)
	poll := &workflowservice.PollActivityExecutionRequest{Namespace: "ns", ActivityId: "a", RunId: "r"}
	s.answer(poll, &workflowservice.PollActivityExecutionResponse{}) // the wait took too long
	s.answer(poll, &workflowservice.PollActivityExecutionResponse{Outcome: &activitypb.ActivityExecutionOutcome{
		Value: &activitypb.ActivityExecutionOutcome_Result{Result: &commonpb.Payloads{Payloads: []*commonpb.Payload{jsonPayload(`"done"`)}}}}})
	c := s.client(client.Options{Namespace: "ns"})
	h := c.GetActivityHandle(client.GetActivityHandleOptions{ActivityID: "a", RunID: "r"})
	for range 2 {
		var got string
		if err := h.Get(t.Context(), &got); err != nil || got != "done" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if err := h.Get(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if len(s.requests) != 2 {
		t.Errorf("there are %d requests", len(s.requests))
	}
	wantProto(t, s.requests[1], poll)
}

func TestTheFailureOfAnActivityIsItsError(t *testing.T) {
	s := newFakeServer(t)
	s.answer(&workflowservice.PollActivityExecutionRequest{}, &workflowservice.PollActivityExecutionResponse{Outcome: &activitypb.ActivityExecutionOutcome{
		Value: &activitypb.ActivityExecutionOutcome_Failure{Failure: &failurepb.Failure{Message: "no", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "T"}}}}}})
	h := s.client(client.Options{}).GetActivityHandle(client.GetActivityHandleOptions{ActivityID: "a"})
	for range 2 {
		if got := wantError[*failure.ApplicationError](t, h.Get(t.Context(), nil)); got.Type() != "T" {
			t.Errorf("type is %q", got.Type())
		}
	}
	if len(s.requests) != 1 {
		t.Errorf("there are %d requests", len(s.requests))
	}
}

func TestActivitiesAreListedPageByPage(t *testing.T) {
	list := func(s *fakeServer) client.ListActivitiesResult {
		result, err := s.client(client.Options{Namespace: "ns"}).ListActivities(t.Context(), client.ListActivitiesOptions{Query: "q"})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	request := &workflowservice.ListActivityExecutionsRequest{Namespace: "ns", Query: "q"}
	page := func(next string, ids ...string) *workflowservice.ListActivityExecutionsResponse {
		p := &workflowservice.ListActivityExecutionsResponse{NextPageToken: []byte(next)}
		for _, id := range ids {
			p.Executions = append(p.Executions, &activitypb.ActivityExecutionListInfo{ActivityId: id})
		}
		return p
	}
	t.Run("to the end", func(t *testing.T) {
		s := newFakeServer(t)
		s.answer(request, page("2", "a", "b"))
		s.answer(request, page("3")) // pages may be empty
		s.answer(request, page("", "c"))
		got := ""
		for info, err := range list(s).Results {
			if err != nil {
				t.Fatal(err)
			}
			got += info.ActivityID
		}
		if got != "abc" {
			t.Errorf("got %q", got)
		}
		request.NextPageToken = []byte("3")
		wantProto(t, s.requests[2], request)
		request.NextPageToken = nil
	})
	t.Run("until the caller has enough", func(t *testing.T) {
		s := newFakeServer(t)
		s.answer(request, page("2", "a", "b"))
		for range list(s).Results {
			break
		}
		if len(s.requests) != 1 {
			t.Errorf("there are %d requests", len(s.requests))
		}
	})
	t.Run("until there is an error", func(t *testing.T) {
		s := newFakeServer(t)
		s.answer(request, page("2", "a"))
		on(s, func(*workflowservice.ListActivityExecutionsRequest) (*workflowservice.ListActivityExecutionsResponse, error) {
			return nil, errors.New("no more")
		})
		// The error passes, so it is retried until the context ends.
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		result, err := s.client(client.Options{}).ListActivities(ctx, client.ListActivitiesOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var last error
		for _, err := range result.Results {
			if last != nil {
				t.Error("it went on after the error")
			}
			last = err
		}
		if last == nil {
			t.Error("there is no error")
		}
	})
}

func TestActivitiesThatMakeNoSenseAreRefused(t *testing.T) {
	with := func(change func(*client.StartActivityOptions), activity any, args ...any) func(context.Context, client.Client) error {
		return func(ctx context.Context, c client.Client) error {
			options := client.StartActivityOptions{ID: "a", TaskQueue: "tq", StartToCloseTimeout: time.Minute}
			change(&options)
			_, err := c.ExecuteActivity(ctx, options, activity, args...)
			return err
		}
	}
	as := func(*client.StartActivityOptions) {}
	wantRefused(t, map[string]func(context.Context, client.Client) error{
		"no id":            with(func(o *client.StartActivityOptions) { o.ID = "" }, "a"),
		"no task queue":    with(func(o *client.StartActivityOptions) { o.TaskQueue = "" }, "a"),
		"no timeout":       with(func(o *client.StartActivityOptions) { o.StartToCloseTimeout = 0 }, "a"),
		"negative timeout": with(func(o *client.StartActivityOptions) { o.ScheduleToCloseTimeout = -1 }, "a"),
		"not an activity":  with(as, 7),
		"wrong arguments":  with(as, activityGreet, 1, 2, 3),
		"no change": func(ctx context.Context, c client.Client) error {
			_, err := c.GetActivityHandle(client.GetActivityHandleOptions{}).UpdateOptions(ctx, client.ActivityOptionsUpdate{})
			return err
		},
	})
}

// spy records which methods of the chain are called.
type spy struct {
	interceptor.ClientInterceptorBase
	interceptor.ClientOutboundInterceptorBase
	seen []string
}

func (s *spy) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	s.Next = next
	return s
}

func (s *spy) ExecuteActivity(ctx context.Context, in *interceptor.ClientExecuteActivityInput) (client.ActivityHandle, error) {
	s.seen = append(s.seen, "execute "+in.ActivityType)
	interceptor.Header(ctx)["h"] = jsonPayload("1")
	return s.ClientOutboundInterceptorBase.ExecuteActivity(ctx, in)
}

func (s *spy) PollActivityResult(ctx context.Context, in *interceptor.ClientPollActivityResultInput) (*interceptor.ClientPollActivityResultOutput, error) {
	s.seen = append(s.seen, "poll "+in.ActivityID)
	return &interceptor.ClientPollActivityResultOutput{Error: errors.New("from the interceptor")}, nil
}

func TestInterceptorsSeeActivities(t *testing.T) {
	s := newFakeServer(t)
	s.answer(&workflowservice.StartActivityExecutionRequest{}, nil)
	i := &spy{}
	c := s.client(client.Options{Interceptors: []interceptor.ClientInterceptor{i}})
	h, err := c.ExecuteActivity(t.Context(), client.StartActivityOptions{ID: "a", TaskQueue: "tq", StartToCloseTimeout: time.Minute}, "act")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Get(t.Context(), nil); err == nil || err.Error() != "from the interceptor" {
		t.Errorf("got %v", err)
	}
	if len(i.seen) != 2 || i.seen[0] != "execute act" || i.seen[1] != "poll a" {
		t.Errorf("seen %q", i.seen)
	}
	wantProto(t, request[*workflowservice.StartActivityExecutionRequest](s, 0).GetHeader().GetFields()["h"], jsonPayload("1"))
}
