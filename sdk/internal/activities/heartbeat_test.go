package activities

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/log"
)

// fakeService answers what activities call and records it.
type fakeService struct {
	workflowservice.WorkflowServiceClient // nil: a call of anything else panics

	// reply answers heartbeats. Nil for an empty answer.
	reply func(n int) (*workflowservice.RecordActivityTaskHeartbeatResponse, error)

	mu        sync.Mutex
	beats     []string
	responses []any
}

func (f *fakeService) RecordActivityTaskHeartbeat(_ context.Context, in *workflowservice.RecordActivityTaskHeartbeatRequest, _ ...grpc.CallOption) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
	f.mu.Lock()
	f.beats = append(f.beats, text(in.GetDetails()))
	n := len(f.beats)
	f.mu.Unlock()
	if f.reply == nil {
		return &workflowservice.RecordActivityTaskHeartbeatResponse{}, nil
	}
	return f.reply(n)
}

func (f *fakeService) sent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.beats)
}

func (f *fakeService) add(response any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.responses = append(f.responses, response)
}

func (f *fakeService) RespondActivityTaskCompleted(_ context.Context, in *workflowservice.RespondActivityTaskCompletedRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
	f.add(in)
	return &workflowservice.RespondActivityTaskCompletedResponse{}, nil
}

func (f *fakeService) RespondActivityTaskFailed(_ context.Context, in *workflowservice.RespondActivityTaskFailedRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskFailedResponse, error) {
	f.add(in)
	return &workflowservice.RespondActivityTaskFailedResponse{}, nil
}

func (f *fakeService) RespondActivityTaskCanceled(_ context.Context, in *workflowservice.RespondActivityTaskCanceledRequest, _ ...grpc.CallOption) (*workflowservice.RespondActivityTaskCanceledResponse, error) {
	f.add(in)
	return &workflowservice.RespondActivityTaskCanceledResponse{}, nil
}

func text(p *commonpb.Payloads) string {
	if len(p.GetPayloads()) == 0 {
		return ""
	}
	return string(p.GetPayloads()[0].GetData())
}

func details(s string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: []byte(s)}}}
}

// beating runs test with a heartbeat of a 10 second interval, in virtual time.
func beating(t *testing.T, service *fakeService, test func(t *testing.T, h *heartbeat, activity context.Context, stop context.CancelFunc)) {
	synctest.Test(t, func(t *testing.T) {
		activity, cancel := context.WithCancelCause(context.Background())
		stopping, stop := context.WithCancel(context.Background())
		defer stop()
		h := &heartbeat{service: service, interval: 10 * time.Second, logger: func() log.Logger { return logger.Discard{} }, stopping: stopping, ctx: t.Context(), cancel: cancel}
		test(t, h, activity, stop)
		h.close(false)
		synctest.Wait()
	})
}

func TestTheFirstHeartbeatIsSentAtOnceAndLaterOnesAreGathered(t *testing.T) {
	f := &fakeService{}
	beating(t, f, func(t *testing.T, h *heartbeat, _ context.Context, _ context.CancelFunc) {
		for _, s := range []string{"1", "2", "3"} {
			h.record(details(s))
		}
		if got := f.sent(); !slices.Equal(got, []string{"1"}) {
			t.Fatalf("sent %q at once, want only the first", got)
		}
		time.Sleep(11 * time.Second)
		if got := f.sent(); !slices.Equal(got, []string{"1", "3"}) {
			t.Fatalf("sent %q after the interval, want the first and the last", got)
		}
		h.record(details("4"))
		if got := f.sent(); len(got) != 2 {
			t.Fatalf("sent %q: the gathered heartbeat opened no interval of its own", got)
		}
	})
}

func TestAHeartbeatAfterAQuietIntervalIsSentAtOnce(t *testing.T) {
	f := &fakeService{}
	beating(t, f, func(t *testing.T, h *heartbeat, _ context.Context, _ context.CancelFunc) {
		h.record(details("1"))
		time.Sleep(11 * time.Second)
		h.record(details("2"))
		if got := f.sent(); !slices.Equal(got, []string{"1", "2"}) {
			t.Fatalf("sent %q, want both", got)
		}
	})
}

func TestDetailsHeldBackAreSentWhenTheAttemptFails(t *testing.T) {
	f := &fakeService{}
	beating(t, f, func(t *testing.T, h *heartbeat, _ context.Context, _ context.CancelFunc) {
		h.record(details("1"))
		h.record(details("2"))
		h.close(true)
		if got := f.sent(); !slices.Equal(got, []string{"1", "2"}) {
			t.Fatalf("sent %q, want the details held back as well", got)
		}
		h.record(details("3"))
		if got := f.sent(); len(got) != 2 {
			t.Fatalf("sent %q: a heartbeat after the end", got)
		}
	})
}

func TestDetailsHeldBackAreSentWhenTheWorkerBeginsToStop(t *testing.T) {
	f := &fakeService{}
	beating(t, f, func(t *testing.T, h *heartbeat, _ context.Context, stop context.CancelFunc) {
		h.record(details("1"))
		h.record(details("2"))
		stop()
		synctest.Wait()
		if got := f.sent(); !slices.Equal(got, []string{"1", "2"}) {
			t.Fatalf("sent %q, want the details held back as well", got)
		}
	})
}

func TestWhatAHeartbeatLearnsEndsTheActivitysContext(t *testing.T) {
	notFound := serviceerror.NewNotFound("no such activity")
	for name, test := range map[string]struct {
		response *workflowservice.RecordActivityTaskHeartbeatResponse
		err      error
		is       func(error) bool
	}{
		"cancelled": {response: &workflowservice.RecordActivityTaskHeartbeatResponse{CancelRequested: true}, is: failure.IsCanceledError},
		"paused":    {response: &workflowservice.RecordActivityTaskHeartbeatResponse{ActivityPaused: true}, is: func(err error) bool { return err == ErrPaused }},
		"reset":     {response: &workflowservice.RecordActivityTaskHeartbeatResponse{ActivityReset: true}, is: func(err error) bool { return err == ErrReset }},
		"unknown":   {err: notFound, is: func(err error) bool { return errors.Is(err, notFound) }},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeService{reply: func(int) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
				return test.response, test.err
			}}
			beating(t, f, func(t *testing.T, h *heartbeat, activity context.Context, _ context.CancelFunc) {
				h.record(nil)
				if activity.Err() == nil {
					t.Fatal("the activity's context goes on")
				}
				if cause := context.Cause(activity); !test.is(cause) {
					t.Fatalf("the cause is %v", cause)
				}
			})
		})
	}
}

func TestAHeartbeatThatTheServerRejectsIsFollowedByTheNext(t *testing.T) {
	f := &fakeService{reply: func(n int) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
		if n == 1 {
			return nil, serviceerror.NewInvalidArgument("details too large")
		}
		return &workflowservice.RecordActivityTaskHeartbeatResponse{}, nil
	}}
	beating(t, f, func(t *testing.T, h *heartbeat, activity context.Context, _ context.CancelFunc) {
		h.record(details("1"))
		h.record(details("2"))
		if got := f.sent(); len(got) != 2 || activity.Err() != nil {
			t.Fatalf("sent %q, the activity's context: %v", got, activity.Err())
		}
	})
}

func TestHeartbeatIntervalIsMostOfTheTimeoutWithinBounds(t *testing.T) {
	for _, test := range []struct{ timeout, byDefault, longest, want time.Duration }{
		{timeout: 10 * time.Second, want: 8 * time.Second},
		{timeout: 10 * time.Minute, want: 60 * time.Second},
		{want: 30 * time.Second},
		{byDefault: 5 * time.Second, want: 5 * time.Second},
		{timeout: 10 * time.Second, longest: 2 * time.Second, want: 2 * time.Second},
	} {
		if got := heartbeatInterval(test.timeout, test.byDefault, test.longest); got != test.want {
			t.Errorf("timeout %v, default %v, longest %v: got %v, want %v", test.timeout, test.byDefault, test.longest, got, test.want)
		}
	}
}
