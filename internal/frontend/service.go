// Package frontend is the door of the server: the gRPC services of the public
// Temporal API. It trusts nothing that comes in.
//
// Every call passes Service.Intercept first, which checks the client's version,
// finds the namespace, and at the end turns errors into what the API promises.
// A handler then checks the form of its request (validation.go; all limits are
// in limits.go), fills in defaults, and runs one step of the workflow's state
// machine through the runtime:
//
//	handler -> Runtime.Update -> Chain.Signal(step, request)
//
// What the state machine refuses comes back as a service error and is passed on.
// Long polls (a worker's wait for a task, a client's wait for a history event)
// hold no lock and no goroutine but their own, and end with an empty reply: after
// their time, shortly before the caller's deadline, or when the server drains.
//
// There is one file per area of the API. What is not implemented is not there:
// the embedded Unimplemented servers answer for it.
package frontend

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/namespace"
)

// Runtime is what the frontend needs of package runtime.
type Runtime interface {
	// Step runs a step of the entity and returns when it is durable.
	Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error
	// View reads an entity as of its last durable step.
	View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.Reader) error) error
	// Await calls ready at once and after every durable change of the entity until
	// it reports true or ctx ends.
	Await(ctx context.Context, key entity.Key, ready func(entity.Entity) bool) error
	// Failed is why the store no longer accepts writes, or nil.
	Failed() error
}

// Matching is what the frontend needs of package matching.
type Matching interface {
	// Poll waits for work; nil if there was none.
	Poll(ctx context.Context, request matching.PollRequest) (*matching.Work, error)
	// Return puts a task back that was polled but not started.
	Return(task *entity.Task)
	// DispatchQuery returns when a poll has taken the query.
	DispatchQuery(ctx context.Context, query *matching.QueryTask) error
	// Describe describes a queue, or the sticky queue of that name.
	Describe(ctx context.Context, queue entity.Queue, sticky string) (matching.Description, error)
	// ShutdownSticky ends the polls of a sticky queue and empties it.
	ShutdownSticky(namespace, sticky string)
	// CancelPolls ends the polls of one worker.
	CancelPolls(namespace, instanceKey string) int
	// PollerGone says that the caller of a poll that returned work has gone.
	PollerGone(matching.PollRequest)
}

// eagerStart: the first workflow task can be returned with the start.
const eagerStart = true

// Options are what a Service is made of. Runtime, Matching and Namespaces are
// required.
type Options struct {
	Runtime    Runtime
	Matching   Matching
	Namespaces *namespace.Registry
	// Logger gets what clients must not see: panics, internal errors. Default:
	// slog.Default.
	Logger *slog.Logger

	// What GetClusterInfo says: the version of Perdure and when it was released,
	// the id of this installation, its number of shards, the kind of its store.
	Version     string
	ReleaseTime time.Time
	ClusterID   string
	Shards      int
	StoreName   string

	// Failure is called once, as soon as a request has found out that the store
	// accepts no more writes.
	Failure func(error)
}

// Service implements the WorkflowService. Its methods may be called only through
// Intercept, and from many goroutines at once.
type Service struct {
	workflowservice.UnimplementedWorkflowServiceServer

	options    Options
	runtime    Runtime
	matching   Matching
	namespaces *namespace.Registry
	logger     *slog.Logger

	queries queries

	// lastClient is the last client version that was accepted: the next call most
	// likely says the same.
	lastClient atomic.Pointer[clientVersion]

	// draining ends when the server begins to shut down, and all long polls with it.
	draining context.Context
	drain    context.CancelFunc
	// longPolls counts those open.
	longPolls atomic.Int64
	failed    atomic.Bool
}

// New returns a Service that is ready for calls.
func New(options Options) *Service {
	s := &Service{
		options:    options,
		runtime:    options.Runtime,
		matching:   options.Matching,
		namespaces: options.Namespaces,
		logger:     cmp.Or(options.Logger, slog.Default()),
	}
	s.draining, s.drain = context.WithCancel(context.Background())
	return s
}

// Register adds the services to a gRPC server or to an in-process channel. Both
// must be set up to call Intercept.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	workflowservice.RegisterWorkflowServiceServer(registrar, s)
	operatorservice.RegisterOperatorServiceServer(registrar, operator{service: s})
}

// Drain ends all long polls with empty replies, now and from now on. Other calls
// go on as before.
func (s *Service) Drain() { s.drain() }

// noteFailure tells the owner of the service once if the store has failed.
func (s *Service) noteFailure() {
	if err := s.runtime.Failed(); err != nil && s.failed.CompareAndSwap(false, true) {
		s.logger.Error("The store has failed; the server accepts no more writes until it is restarted.", "error", err)
		if s.options.Failure != nil {
			s.options.Failure(err)
		}
	}
}

// workflowKey is the key of a workflow of the request's namespace.
func workflowKey(ctx context.Context, workflowID string) entity.Key {
	return entity.Key{Kind: entity.KindWorkflow, Namespace: callOf(ctx).namespace.ID, ID: workflowID}
}

// viewWorkflow looks at a workflow of the request's namespace.
func (s *Service) viewWorkflow(ctx context.Context, workflowID string, fn func(chain, entity.Reader) error) error {
	return s.runtime.View(ctx, workflowKey(ctx, workflowID), func(e entity.Entity, reader entity.Reader) error {
		return fn(e.(chain), reader)
	})
}

// updateWorkflow runs one step of a workflow of the request's namespace.
func (s *Service) updateWorkflow(ctx context.Context, workflowID string, fn func(*entity.Step, chain) error) error {
	return s.runtime.Step(ctx, workflowKey(ctx, workflowID), func(step *entity.Step, e entity.Entity) error {
		return fn(step, e.(chain))
	})
}
