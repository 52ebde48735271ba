package activities

import (
	"context"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/rpc"
	"github.com/perdure/perdure/sdk/log"
)

const (
	// DefaultHeartbeatThrottle is the least time between two heartbeats sent
	// for an activity without a heartbeat timeout.
	DefaultHeartbeatThrottle = 30 * time.Second
	// MaxHeartbeatThrottle bounds the time between two heartbeats sent.
	MaxHeartbeatThrottle = 60 * time.Second

	// heartbeatFraction of the heartbeat timeout passes between two heartbeats
	// sent: late enough to spare the server, early enough to retry.
	heartbeatFraction = 0.8
	// shortestHeartbeatRPC is given to a heartbeat even if the interval is
	// shorter.
	shortestHeartbeatRPC = time.Second
)

// heartbeatInterval is how long a heartbeat that was sent keeps later ones back.
func heartbeatInterval(timeout, byDefault, longest time.Duration) time.Duration {
	if byDefault <= 0 {
		byDefault = DefaultHeartbeatThrottle
	}
	if longest <= 0 {
		longest = MaxHeartbeatThrottle
	}
	interval := byDefault
	if timeout > 0 {
		interval = time.Duration(heartbeatFraction * float64(timeout))
	}
	return min(interval, longest)
}

// heartbeat sends the heartbeats of one activity attempt.
//
// The first one goes out at once, on the caller's goroutine, so that an activity
// which heartbeats and then looks at its context sees a cancellation. It opens a
// window during which later ones only replace the details to send. When the
// window ends the last details are sent, which opens the next window; if there
// were none, the next heartbeat goes out at once again.
type heartbeat struct {
	service   workflowservice.WorkflowServiceClient
	token     []byte
	resource  string // of requests
	namespace string
	identity  string
	interval  time.Duration
	logger    func() log.Logger
	// stopping ends when the worker begins to stop: what is held back is sent
	// then, before the worker takes the context away.
	stopping context.Context
	// ctx is the parent of the activity's context. It does not end calls, which report
	// what was done: after its end they are given shortestHeartbeatRPC.
	ctx context.Context
	// cancel ends the activity's context.
	cancel context.CancelCauseFunc
	// check stores and measures what a request has before it is sent; nil for not at all.
	// What cannot be sent fails the activity at once.
	check func(context.Context, proto.Message) error
	// fail reports the activity as failed.
	fail func(error)

	mu      sync.Mutex
	window  *time.Timer // not nil: heartbeats are held back until it fires
	sending bool
	held    *commonpb.Payloads
	isHeld  bool
	closed  bool
	idle    sync.Cond // signalled when sending becomes false
	unhook  func() bool
}

// record sends the details now, or holds them back if a window is open.
func (h *heartbeat) record(details *commonpb.Payloads) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	if h.unhook == nil {
		// Only activities that heartbeat pay for it.
		h.idle.L = &h.mu
		h.unhook = context.AfterFunc(h.stopping, h.windowEnds)
	}
	if h.sending || h.window != nil {
		h.held, h.isHeld = details, true
		return
	}
	h.send(details)
}

// now sends a heartbeat without details, past the window. It is for an activity that
// records no others.
func (h *heartbeat) now() {
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if !closed {
		h.call(nil)
	}
}

// send sends details and opens a window. The caller holds mu, which send gives
// up during the call.
func (h *heartbeat) send(details *commonpb.Payloads) {
	h.sending = true
	h.mu.Unlock()
	sent := h.call(details)
	h.mu.Lock()
	h.sending = false
	if sent && !h.closed {
		h.window = time.AfterFunc(h.interval, h.windowEnds)
	} else if h.isHeld && !h.closed && !sent {
		// What was recorded meanwhile goes out with the next window, not at
		// once: the server has just failed to answer.
		h.window = time.AfterFunc(min(h.interval, shortestHeartbeatRPC), h.windowEnds)
	}
	h.idle.Broadcast()
}

// windowEnds sends what was held back. It runs on the timer's goroutine; close
// waits for it.
func (h *heartbeat) windowEnds() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flush()
}

func (h *heartbeat) flush() {
	if h.closed || h.sending {
		return
	}
	if h.window != nil {
		h.window.Stop()
		h.window = nil
	}
	if !h.isHeld {
		return
	}
	details := h.held
	h.held, h.isHeld = nil, false
	h.send(details)
}

// close stops heartbeats. With flush the last details held back are sent first,
// so that the next attempt finds them.
func (h *heartbeat) close(flush bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.unhook == nil {
		h.closed = true
		return
	}
	h.unhook()
	for h.sending {
		h.idle.Wait()
	}
	if flush {
		h.flush()
	}
	h.closed = true
	if h.window != nil {
		h.window.Stop()
		h.window = nil
	}
}

// call makes the RPC and acts on the answer. It reports whether the server
// heard the heartbeat, or will never want another.
func (h *heartbeat) call(details *commonpb.Payloads) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.ctx), max(h.interval, shortestHeartbeatRPC))
	defer cancel()
	defer context.AfterFunc(h.ctx, func() {
		if pause(ctx, shortestHeartbeatRPC) == nil {
			cancel()
		}
	})()
	request := &workflowservice.RecordActivityTaskHeartbeatRequest{
		TaskToken:  h.token,
		ResourceId: h.resource,
		Details:    details,
		Identity:   h.identity,
		Namespace:  h.namespace,
	}
	if h.check != nil {
		if err := h.check(ctx, request); err != nil {
			h.logger().Warn("The activity's heartbeat cannot be sent: the activity fails.", logtag.Error, err)
			h.fail(err)
			h.cancel(&reportedError{err})
			return true
		}
	}
	response, err := h.service.RecordActivityTaskHeartbeat(ctx, request)
	switch {
	case err == nil:
		switch {
		case response.GetCancelRequested():
			h.cancel(failure.NewCanceledError(failure.CanceledErrorOptions{}))
		case response.GetActivityPaused():
			h.cancel(ErrPaused)
		case response.GetActivityReset():
			h.cancel(ErrReset)
		}
		return true
	case endsActivity(err):
		// The server no longer knows the attempt: it timed out, was
		// completed by other means, or its workflow is closed.
		h.cancel(err)
		h.logger().Warn("The server does not take the activity's heartbeat.", logtag.Error, err)
		return true
	case rpc.IsRetryable(err):
		// Retries have gone on for as long as the heartbeat may be late:
		// the server has timed the attempt out by now.
		h.cancel(err)
		h.logger().Warn("The activity's heartbeat could not be sent.", logtag.Error, err)
		return true
	default:
		h.logger().Warn("The activity's heartbeat failed.", logtag.Error, err)
		return false
	}
}

// reportedError is the cause with which the context of an activity ends that was
// reported as failed already.
type reportedError struct{ error }

func (e *reportedError) Unwrap() error { return e.error }

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func endsActivity(err error) bool {
	switch err.(type) {
	case *serviceerror.NotFound, *serviceerror.NamespaceNotActive, *serviceerror.NamespaceNotFound:
		return true
	}
	return false
}
