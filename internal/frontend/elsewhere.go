package frontend

import (
	"context"
	"errors"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runtime"
)

// Elsewhere is what other nodes of a cluster do for calls that arrive here. Package peer
// implements it.
type Elsewhere interface {
	// Carry has a call carried out by the node that holds the owner: by here, if that is
	// this one, again and again if the owner moves meanwhile.
	Carry(ctx context.Context, method string, owner entity.Key, req proto.Message, here func() (any, error)) (any, error)
	// CarryTo is Carry to the node with the id; here, if that is gone.
	CarryTo(ctx context.Context, node, method string, req proto.Message, here func() (any, error)) (any, error)
	// CarrySticky has a poll of a sticky queue answered by the node that its worker polls: by here, if that is this one, or
	// nobody knows of another.
	CarrySticky(ctx context.Context, method, namespaceID, sticky string, req proto.Message, here func() (any, error)) (any, error)
	// Register has the node with the entity, the deployments of the namespace of a poll, register the
	// version of the worker that polls.
	Register(ctx context.Context, deployments entity.Key, method string, poll proto.Message) error
	// Reserve has the node with the gate keep a place for a start with the ticket (flow.Gate.Reserve), and says when
	// it was asked; GiveUp gives it up.
	Reserve(ctx context.Context, gate entity.Key, ticket *records.FlowTicket) (kept bool, asked time.Time, err error)
	GiveUp(ctx context.Context, gate entity.Key, ticket *records.FlowTicket) error
	// Told waits, not for long, until the other nodes have heard of what was changed here of what all nodes look up.
	Told(ctx context.Context)
	// Away reports whether the work that a poll has been given has to be started by
	// another node.
	Away(work *matching.Work) bool
	// Start has that node answer the poll, and returns the answer if the work is Taken.
	Start(ctx context.Context, method string, req proto.Message, work *matching.Work) (resp any, outcome Outcome, err error)
	// Nodes is how many nodes there are, this one included, as far as is known.
	Nodes() int
}

// NotHereTrailer says of a call that was forwarded that nothing was done, because its owner
// is not here.
const NotHereTrailer = "perdure-not-here"

// forwardedKey marks the context of a call that another node has forwarded: it has been
// let in there, and is not forwarded again.
type forwardedKey struct{}

// IsForwarded reports whether another node has forwarded the call.
func IsForwarded(ctx context.Context) bool { return ctx.Value(forwardedKey{}) != nil }

// InterceptForwarded is Intercept for the calls that other nodes forward.
func (i *interceptor) InterceptForwarded(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	return i.Intercept(context.WithValue(ctx, forwardedKey{}, true), req, info, handler)
}

// carryOut has the call carried out where its owner is.
func (i *interceptor) carryOut(ctx context.Context, c *call, req any, handler grpc.UnaryHandler) (any, error) {
	message := req.(proto.Message)
	c.request = message
	here := func() (any, error) {
		resp, err := handler(ctx, req)
		var given *answer
		if errors.As(err, &given) {
			return given.resp, nil
		}
		return resp, err
	}
	if _, node, ok := strings.Cut(c.token.GetNexusTaskId(), nexus.AtNode); ok && !IsForwarded(ctx) {
		return i.elsewhere.CarryTo(ctx, node, c.method.Full(), message, here)
	}
	owner, ok := ownerOf(c, message)
	if !ok {
		return here()
	}
	if lookedUp(owner.Kind) {
		handle := here
		here = func() (any, error) {
			// Whoever has changed something, or has been told that it has changed, finds it so wherever he makes his next call.
			defer i.elsewhere.Told(ctx)
			return handle()
		}
	}
	if IsForwarded(ctx) {
		resp, err := here()
		var notHeld *runtime.NotHeldError
		if errors.As(err, &notHeld) {
			_ = grpc.SetTrailer(ctx, metadata.Pairs(NotHereTrailer, "1"))
		}
		return resp, err
	}
	if poll, ok := message.(*workflowservice.PollWorkflowTaskQueueRequest); ok && poll.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
		return i.elsewhere.CarrySticky(ctx, c.method.Full(), owner.Namespace, poll.GetTaskQueue().GetName(), message, here)
	}
	return i.elsewhere.Carry(ctx, c.method.Full(), owner, message, here)
}

// lookedUp reports whether all nodes have a copy of what entities of the kind hold.
func lookedUp(kind entity.Kind) bool {
	switch kind {
	case entity.KindNamespaces, entity.KindEndpoints, entity.KindDeployments, entity.KindFlowPolicies:
		return true
	}
	return false
}

// ownerOf is the entity that the call is about, as the method's row says; false if anyone
// can answer.
func ownerOf(c *call, req proto.Message) (owner entity.Key, ok bool) {
	kind, id := c.method.OwnerOf(req)
	inNamespace := func(kind entity.Kind, id string) (entity.Key, bool) {
		if c.namespace == nil {
			return entity.Key{}, false
		}
		return entity.Key{Kind: kind, Namespace: c.namespace.ID, ID: id}, true
	}
	switch kind {
	case methods.OwnerWorkflow:
		return inNamespace(entity.KindWorkflow, id)
	case methods.OwnerActivity:
		return inNamespace(entity.KindActivity, id)
	case methods.OwnerNexusOperation:
		return inNamespace(entity.KindNexusOperation, id)
	case methods.OwnerToken:
		switch token := c.token; {
		case token.GetWorkflowId() != "":
			return inNamespace(entity.KindWorkflow, token.GetWorkflowId())
		case token.GetActivityId() != "":
			return inNamespace(entity.KindActivity, token.GetActivityId())
		}
	case methods.OwnerTaskQueue:
		return inNamespace(entity.KindTaskQueue, id)
	case methods.OwnerSchedule:
		return inNamespace(entity.KindSchedule, id)
	case methods.OwnerBatch:
		return inNamespace(entity.KindBatch, id)
	case methods.OwnerDeployment, methods.OwnerDeploymentVersion, methods.OwnerDeployments:
		if c.namespace != nil {
			return deployment.Key(c.namespace.ID), true
		}
	case methods.OwnerNamespace, methods.OwnerCluster:
		return namespace.Key, true
	case methods.OwnerEndpoints:
		return endpoint.Key, true
	case methods.OwnerFlowPolicies:
		if c.namespace != nil {
			return flow.PoliciesKey(c.namespace.ID), true
		}
	case methods.OwnerFlowGate:
		if gate, ok := req.(interface {
			GetPolicy() string
			GetKey() string
		}); ok && c.namespace != nil {
			return flow.GateKey(c.namespace.ID, gate.GetPolicy(), gate.GetKey()), true
		}
	}
	return entity.Key{}, false
}

// registerOnlyKey marks the context of a poll that another node has, and of which only the version of the
// worker is to be registered here.
type registerOnlyKey struct{}

// RegisterOnly is the context for the poll that is to be registered and no more (Elsewhere.Register).
func RegisterOnly(ctx context.Context) context.Context {
	return context.WithValue(ctx, registerOnlyKey{}, true)
}

// answer is the answer to a poll that another node has given. It goes through the handler
// as an error, and past it.
type answer struct{ resp any }

func (*answer) Error() string { return "frontend: another node has answered the poll" }

// forwardedError is an error that another node has made for the client.
type forwardedError struct{ error }

func (e forwardedError) Unwrap() error { return e.error }

// Forwarded marks an error as one that another node has made for the client: it is passed
// on as it is.
func Forwarded(err error) error { return forwardedError{err} }

// Outcome is what has become of work that a poll was given.
type Outcome int

const (
	// Taken: the answer has it.
	Taken Outcome = iota + 1
	// Stale: nobody needs it any more.
	Stale
	// Aside: it cannot be started, for a reason that will not pass.
	Aside
)

// Given is work that a poll is given in place of what waits in its queue.
type Given struct {
	work    *matching.Work
	outcome Outcome
	err     error
}

// Give makes a Given of the work.
func Give(work *matching.Work) *Given { return &Given{work: work} }

type givenKey struct{}

// Context is that of the poll.
func (g *Given) Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, givenKey{}, g)
}

// Outcome is what has become of the work; 0 if the poll has failed, with the error, which
// is nil if it was refused before it had come to the work.
func (g *Given) Outcome() (Outcome, error) { return g.outcome, g.err }

// takeGiven has a poll take the work that it was given.
func (g *Given) takeGiven(take func(*matching.Work) (bool, error)) error {
	taken, err := take(g.work)
	switch {
	case taken:
		g.outcome = Taken
		return nil
	case err == nil, errors.Is(err, entity.ErrStaleTask):
		g.outcome = Stale
		return nil
	case errors.Is(err, errPollerGone), passes(err):
		g.err = err
	default:
		g.outcome = Aside
	}
	return err
}
