package frontend

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/api/nexusdoor"
	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/nexus"
)

// Runtime is what the frontend needs of package runtime.
type Runtime interface {
	stepper
	viewer
	awaiter
	peeker
	flow.Records
	// Failed is why the store no longer accepts writes, or nil.
	Failed() error
}

// Matching is what the frontend needs of package matching, which documents it.
type Matching interface {
	Poll(ctx context.Context, request matching.PollRequest) (*matching.Work, error)
	Return(task *entity.Task)
	LeaveAside(task *entity.Task)
	Unspent(task *entity.Task)
	Configured(queue entity.Queue)
	DispatchQuery(ctx context.Context, query *matching.QueryTask) error
	Describe(ctx context.Context, queue entity.Queue, sticky string) (matching.Description, error)
	ShutdownSticky(namespace, sticky string)
	CancelPolls(namespace, instanceKey string) int
	PollerGone(matching.PollRequest)
}

// Options are what a Service is made of. Runtime, Matching and Namespaces are
// required.
type Options struct {
	Runtime    Runtime
	Matching   Matching
	Namespaces *namespace.Registry
	// Deployments knows the versions of workers of task queues; nil: there are none.
	Deployments *deployment.Registry
	// Flows has the policies of flow control; nil: there are none.
	Flows *flow.Registry
	// Endpoints has the Nexus endpoints for who only looks them up; nil: there are none.
	Endpoints *endpoint.Registry
	// Logger gets what clients must not see: panics, internal errors. Default:
	// slog.Default.
	Logger *slog.Logger
	// Config has the settings that can change; nil has the defaults.
	Config *dynamicconfig.Config
	// LongPoll replaces how long the table of methods lets calls wait, if it is not
	// zero.
	LongPoll time.Duration
	// Auth finds out who makes calls, and whether he may. Nil: everybody may do everything.
	Auth *auth.Authenticator
	// Cluster is what GetClusterInfo says.
	Cluster Cluster
	// Visibility finds workflows. Without it they cannot be found.
	Visibility Visibility
	// Rebuilder is the same index as operators see it. Optional.
	Rebuilder Rebuilder
	// Backups makes backups of the store; nil if that cannot be done here.
	Backups Backups
	// Observer is told of all calls. Optional.
	Observer CallObserver
	// Nexus hands Nexus requests to workers. Default: by Matching.
	Nexus *nexus.Dispatcher
	// Elsewhere are the other nodes of a cluster; nil if there are none.
	Elsewhere Elsewhere
	// Nodes are the nodes of the cluster as operators see them; nil if there are none.
	Nodes Nodes
	// Failure is called once, as soon as a request has found out that the store
	// accepts no more writes.
	Failure func(error)
}

// Service is the services of the API, and the interceptor in front of them.
// Handlers may be called only through Intercept, and from many goroutines at once.
type Service struct {
	interceptor
	waits    *waits
	workflow *workflowService
	operator *operatorService
	admin    *adminService
	nexus    *nexusDoor
	flow     *flowHandlers
}

// workflowService is the WorkflowService: the handlers of all areas.
type workflowService struct {
	notImplemented
	executionHandlers
	historyHandlers
	*queryHandlers
	updateHandlers
	workflowTaskHandlers
	activityTaskHandlers
	nexusTaskHandlers
	nexusOperationHandlers
	activityHandlers
	activityOperatorHandlers
	pauseHandlers
	timeSkippingHandlers
	taskQueueHandlers
	workerHandlers
	namespaceHandlers
	ruleHandlers
	scheduleHandlers
	clusterHandlers
	visibilityHandlers
	batchHandlers
	deploymentHandlers
	retiredVersioningHandlers
}

// operatorService is the OperatorService.
type operatorService struct {
	notOperated
	searchAttributeHandlers
	namespaceDeletionHandlers
	endpointHandlers
	remoteClusterHandlers
}

// notImplemented and notOperated answer for what no area implements. They are one
// embedding deeper than the areas, whose methods hence go before theirs.
type (
	notImplemented struct {
		workflowservice.UnimplementedWorkflowServiceServer
	}
	notOperated struct {
		operatorservice.UnimplementedOperatorServiceServer
	}
)

// New returns a Service that is ready for calls.
func New(options Options) *Service {
	logger := cmp.Or(options.Logger, slog.Default())
	runtime, match, waits := options.Runtime, options.Matching, newWaits(options.LongPoll)
	queries := &queryHandlers{runtime: runtime, matching: match, waits: waits, logger: logger}
	polls := &polls{runtime: runtime, matching: match, deployments: options.Deployments, waits: waits, logger: logger, elsewhere: options.Elsewhere}
	lists := &visibilityHandlers{index: options.Visibility}
	kept := newPlaces(runtime, options.Flows, options.Elsewhere)
	dispatcher := options.Nexus
	if dispatcher == nil {
		dispatcher = nexus.NewDispatcher(match)
	}
	workers := workerHandlers{matching: match, workers: newWorkerRegistry(), dispatcher: dispatcher, logger: logger}
	return &Service{
		interceptor: interceptor{namespaces: options.Namespaces, settings: newSettings(options.Config), store: runtime, auth: options.Auth, failure: options.Failure, observer: options.Observer, logger: logger, elsewhere: options.Elsewhere, limits: rateLimits{nodes: nodesOf(options.Elsewhere)}},
		waits:       waits,
		workflow: &workflowService{
			executionHandlers:        executionHandlers{runtime: runtime, places: kept},
			historyHandlers:          historyHandlers{runtime: runtime, waits: waits},
			queryHandlers:            queries,
			updateHandlers:           updateHandlers{runtime: runtime, waits: waits, places: kept},
			workflowTaskHandlers:     workflowTaskHandlers{runtime: runtime, polls: polls, queries: queries, pages: newCompletionPages()},
			activityTaskHandlers:     activityTaskHandlers{runtime: runtime, polls: polls},
			activityHandlers:         activityHandlers{runtime: runtime, waits: waits, lists: lists},
			activityOperatorHandlers: activityOperatorHandlers{runtime: runtime},
			pauseHandlers:            pauseHandlers{runtime: runtime},
			timeSkippingHandlers:     timeSkippingHandlers{runtime: runtime, waits: waits},
			taskQueueHandlers:        taskQueueHandlers{runtime: runtime, matching: match},
			workerHandlers:           workers,
			nexusOperationHandlers:   nexusOperationHandlers{runtime: runtime, waits: waits, lists: lists, endpoints: options.Endpoints},
			nexusTaskHandlers:        nexusTaskHandlers{polls: polls, dispatcher: dispatcher, heartbeats: workers.record, logger: logger},
			namespaceHandlers:        namespaceHandlers{namespaces: options.Namespaces},
			ruleHandlers:             ruleHandlers{namespaces: options.Namespaces, runtime: runtime},
			scheduleHandlers:         scheduleHandlers{runtime: runtime, visibility: visibilityHandlers{index: options.Visibility}, elsewhere: options.Elsewhere},
			clusterHandlers:          clusterHandlers{cluster: options.Cluster},
			visibilityHandlers:       *lists,
			batchHandlers:            batchHandlers{runtime: runtime, index: options.Visibility, starting: make(chan struct{}, 1)},
			deploymentHandlers:       deploymentHandlers{runtime: runtime, matching: match},
		},
		admin: &adminService{visibilityAdmin{options.Rebuilder}, backupAdmin{options.Backups}, importAdmin{runtime: runtime, lists: lists}, clusterAdmin{options.Nodes}},
		nexus: &nexusDoor{runtime: runtime, dispatcher: dispatcher},
		flow:  &flowHandlers{runtime: runtime},
		operator: &operatorService{
			searchAttributeHandlers:   searchAttributeHandlers{namespaces: options.Namespaces},
			namespaceDeletionHandlers: namespaceDeletionHandlers{namespaces: options.Namespaces, runtime: runtime},
			endpointHandlers:          endpointHandlers{namespaces: options.Namespaces, runtime: runtime},
			remoteClusterHandlers:     remoteClusterHandlers{cluster: options.Cluster},
		},
	}
}

// Register adds the services to a gRPC server or to an in-process channel. Both
// must be set up to call Intercept.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	workflowservice.RegisterWorkflowServiceServer(registrar, s.workflow)
	operatorservice.RegisterOperatorServiceServer(registrar, s.operator)
	registrar.RegisterService(&admin.ServiceDesc, s.admin)
	registrar.RegisterService(&nexusdoor.ServiceDesc, s.nexus)
	registrar.RegisterService(&flowv1.ServiceDesc, s.flow)
}

// Drain ends all long polls with empty replies, now and from now on. Other calls
// go on as before.
func (s *Service) Drain() {
	s.waits.drain()
	s.waits.parking.park()
}
