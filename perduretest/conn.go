package perduretest

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/api/methods"
)

// conn is the connection of one client: the test's, or that of a worker.
type conn struct {
	env    *Env
	worker *Worker // nil for the test's
}

// Invoke implements grpc.ClientConnInterface.
func (c *conn) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	for {
		err := c.once(ctx, method, args, reply, options)
		// A poll that has lasted longer than its client meant it to: by now the
		// client would have asked again.
		if !errors.Is(err, errDown) || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return err
		}
		c.env.server.await()
	}
}

// once makes a call once.
func (c *conn) once(ctx context.Context, method string, args, reply any, options []grpc.CallOption) error {
	server, err := c.env.server.current()
	if err != nil {
		return err
	}
	call := Call{Method: method[strings.LastIndexByte(method, '/')+1:], Request: args, Worker: c.worker}
	c.env.calls.before(call)
	if err := c.cut(server); err != nil {
		return err
	}
	ctx, done := c.patient(ctx, method)
	defer done()
	err = server.invoke(ctx, method, args, reply, options)
	if err == nil {
		c.env.note(args, reply)
		c.env.calls.after(call)
	}
	return cmp.Or(c.cut(server), err)
}

// cut is the error of a call whose server or worker has crashed.
func (c *conn) cut(server *generation) error {
	switch {
	case c.worker != nil && c.worker.crashed.Err() != nil:
		return status.Error(codes.Canceled, "perduretest: the worker has crashed")
	case server.alive.Err() != nil:
		if _, err := c.env.server.current(); err != nil {
			return err
		}
		return errDown
	}
	return nil
}

// NewStream implements grpc.ClientConnInterface. The API has no streams.
func (c *conn) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Errorf(codes.Unimplemented, "streaming method %s cannot be called inside the process", method)
}

// patient is the context of a call. It ends with the worker whose call it is. That of
// a long poll does not end with the deadline that its client has set, a minute or so:
// what clients want of it is to notice a dead connection, and there is none.
func (c *conn) patient(ctx context.Context, method string) (context.Context, func()) {
	base := ctx
	row := methods.Lookup(method)
	if row != nil && row.Wait.When != methods.Never && !strings.HasSuffix(method, "/QueryWorkflow") {
		base = context.WithoutCancel(ctx)
	}
	call, cancel := context.WithCancel(base)
	givenUp := context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel()
		}
	})
	if c.worker == nil {
		return call, func() { givenUp(); cancel() }
	}
	crashed := context.AfterFunc(c.worker.crashed, cancel)
	return call, func() { givenUp(); crashed(); cancel() }
}

// Call is a call of a client to the server.
type Call struct {
	// Method is the name of the RPC: "RespondWorkflowTaskCompleted".
	Method string
	// Request is the request message.
	Request any
	// Worker is whose call it is; nil for the test's client.
	Worker *Worker
}

// Before runs f before the server gets the nth call of a method from now on, the
// first if n is 1. A server or worker that f crashes is gone before the call has had
// any effect.
func (e *Env) Before(method string, n int, f func(Call)) { e.calls.add(point{method, n, f, false}) }

// After runs f after the server has carried out the nth call of a method from now
// on and before the caller has its reply, which a crash in f takes away.
func (e *Env) After(method string, n int, f func(Call)) { e.calls.add(point{method, n, f, true}) }

// calls runs what is to happen at calls.
type calls struct {
	mu     sync.Mutex
	points []*point
}

type point struct {
	method string
	left   int
	run    func(Call)
	after  bool
}

func newCalls() *calls { return &calls{} }

func (c *calls) add(p point) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.points = append(c.points, &p)
}

func (c *calls) before(call Call) { c.reach(call, false) }
func (c *calls) after(call Call)  { c.reach(call, true) }

func (c *calls) reach(call Call, after bool) {
	var due []func(Call)
	c.mu.Lock()
	for _, p := range c.points {
		if p.method != call.Method || p.after != after {
			continue
		}
		if p.left--; p.left == 0 {
			due = append(due, p.run)
		}
	}
	c.mu.Unlock()
	for _, run := range due {
		run(call)
	}
}

// note remembers the workflows that the test starts.
func (e *Env) note(request, reply any) {
	var started execution
	switch request := request.(type) {
	case *workflowservice.StartWorkflowExecutionRequest:
		started = execution{request.GetWorkflowId(), reply.(*workflowservice.StartWorkflowExecutionResponse).GetRunId()}
	case *workflowservice.SignalWithStartWorkflowExecutionRequest:
		started = execution{request.GetWorkflowId(), reply.(*workflowservice.SignalWithStartWorkflowExecutionResponse).GetRunId()}
	case *workflowservice.ExecuteMultiOperationRequest:
		for i, operation := range request.GetOperations() {
			if start := operation.GetStartWorkflow(); start != nil {
				response := reply.(*workflowservice.ExecuteMultiOperationResponse).GetResponses()[i]
				started = execution{start.GetWorkflowId(), response.GetStartWorkflow().GetRunId()}
			}
		}
	default:
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.workflows = append(e.workflows, started)
}
