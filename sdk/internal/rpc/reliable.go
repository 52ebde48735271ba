package rpc

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

const (
	// defaultTimeout bounds a call and its retries. A caller with a deadline gets half
	// of what is left, within the minimum and the default, so that it has time for
	// another attempt of its own.
	defaultTimeout = 10 * time.Second
	minTimeout     = time.Second

	// historyPollTimeout bounds one wait for new history events, which the server ends
	// earlier if there are none.
	historyPollTimeout = 65 * time.Second
	// outcomePollTimeout bounds one wait for the outcome of an update, an activity or an
	// operation.
	outcomePollTimeout = 60 * time.Second
	// archiveTimeout bounds a search of the archive.
	archiveTimeout = 3 * time.Minute

	retryInitialInterval = 200 * time.Millisecond
	retryCoefficient     = 2.0
	retryJitter          = 0.2
	// retryExpiration stands in for the deadline of callers that have none, where the
	// longest wait between attempts is a tenth of it.
	retryExpiration = time.Minute
)

// Reliable returns the connection with time limits and retries.
//
// Calls end after 10 seconds, or after half of the caller's deadline if that is
// shorter, but not shorter than a second; waits for history or for an outcome have
// limits of their own, longer than the server lets them last. Calls that fail in a way
// that may pass are made again within that limit, with growing pauses from 200
// milliseconds. Polls for tasks are neither bounded nor retried: workers have their own
// ways.
//
// Before the first call, the server is asked for its capabilities.
func (c *Conn) Reliable() grpc.ClientConnInterface { return reliable{conn: c} }

type reliable struct {
	conn    *Conn
	metrics *Metrics
}

func (r reliable) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return r.conn.NewStream(ctx, desc, method, opts...)
}

func (r reliable) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	limit, bounded := limitOf(ctx, request)
	if !bounded {
		return direct(r).Invoke(ctx, method, request, reply, opts...)
	}
	m := r.metrics.of(ctx, method, request)
	begun := m.beginCall()
	err := r.retry(ctx, limit, m, method, request, reply, opts)
	m.endCall(begun, err)
	return err
}

// retry makes a call, again if need be, within the limit.
func (r reliable) retry(ctx context.Context, limit time.Duration, m *callMetrics, method string, request, reply any, opts []grpc.CallOption) error {
	maxPause := maxPauseOf(ctx)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var last error // of the attempt before, converted
	for attempt := 0; ; attempt++ {
		// A server that cannot be asked is as good as one that fails.
		convert := r.conn.unreachable
		err := r.conn.loadCapabilities(ctx)
		if err == nil {
			convert = convertError
			begun := m.beginAttempt()
			err = r.conn.invoke(ctx, method, request, reply, opts)
			m.endAttempt(begun, err)
		}
		if err == nil {
			return nil
		}
		var local localError
		if errors.As(err, &local) {
			return convert(err)
		}
		// When time runs out, what went wrong before says more than that it did.
		if last != nil && statusOf(err).Code() == codes.DeadlineExceeded {
			return &outOfTime{last: last}
		}
		last = convert(err)
		if !isRetryableStatus(statusOf(err), r.conn.internalDiffers()) {
			return last
		}
		if !pause(ctx, pauseOf(attempt, maxPause)) {
			if errors.Is(ctx.Err(), context.Canceled) {
				return last
			}
			return &outOfTime{last: last}
		}
	}
}

// outOfTime is the error of a call that was made again until its time was over. It is a DeadlineExceeded, as of the Temporal
// Go SDK, and the error of the last attempt, which its text has as well if it is one with a name: errors of which
// only that they are errors is known do not say what kept the server from answering.
type outOfTime struct{ last error }

func (e *outOfTime) Error() string {
	if statusOf(e.last).Code() == codes.Unknown {
		return deadlineExceeded.Error()
	}
	return deadlineExceeded.Error() + ": " + e.last.Error()
}

// Unwrap returns both errors.
func (e *outOfTime) Unwrap() []error { return []error{e.last, deadlineExceeded} }

var deadlineExceeded = serviceerror.NewDeadlineExceeded("context deadline exceeded")

// limitOf returns how long a call and its retries may take, and false for calls that
// are made as the caller says.
func limitOf(ctx context.Context, request any) (time.Duration, bool) {
	switch r := request.(type) {
	case *workflowservice.PollWorkflowTaskQueueRequest,
		*workflowservice.PollActivityTaskQueueRequest,
		*workflowservice.PollNexusTaskQueueRequest,
		*workflowservice.GetSystemInfoRequest:
		return 0, false
	case *workflowservice.GetWorkflowExecutionHistoryRequest:
		if r.GetWaitNewEvent() {
			return historyPollTimeout, true
		}
	case *workflowservice.UpdateWorkflowExecutionRequest,
		*workflowservice.ExecuteMultiOperationRequest,
		*workflowservice.PollWorkflowExecutionUpdateRequest,
		*workflowservice.PollActivityExecutionRequest,
		*workflowservice.PollNexusOperationExecutionRequest:
		return outcomePollTimeout, true
	case *workflowservice.ListArchivedWorkflowExecutionsRequest:
		return archiveTimeout, true
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return defaultTimeout, true
	}
	return min(max(time.Until(deadline)/2, minTimeout), defaultTimeout), true
}

func maxPauseOf(ctx context.Context) time.Duration {
	left := retryExpiration
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	return max(left/10, retryInitialInterval)
}

// pauseOf returns the wait after an attempt, the first being 0, spread by the jitter
// so that clients that failed together do not come back together.
func pauseOf(attempt int, maxPause time.Duration) time.Duration {
	d := min(float64(retryInitialInterval)*math.Pow(retryCoefficient, float64(attempt)), float64(maxPause))
	return time.Duration(d * (1 + retryJitter*(2*rand.Float64()-1)))
}

// pause waits, and tells whether there is time left afterwards.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
