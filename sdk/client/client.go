// Package client starts workflows and talks to them.
//
// A [Client] is a connection to a server, seen from one namespace. Make one per process
// and share it: it is safe for concurrent use, and workers take it as well.
//
//	c, err := client.Dial(client.Options{HostPort: "temporal.internal:7233"})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//
//	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
//		ID:        "order-" + order.ID, // a second start with it finds the first
//		TaskQueue: "orders",
//	}, OrderWorkflow, order)
//	if err != nil {
//		return err
//	}
//	var receipt Receipt
//	err = run.Get(ctx, &receipt)
//
// # Servers in the same process
//
// A server that runs inside the program needs no port: hand its connection to the
// client, which then makes calls without a network.
//
//	c, err := client.Dial(client.Options{
//		ConnectionOptions: client.ConnectionOptions{Conn: conn},
//	})
//
// conn is any [google.golang.org/grpc.ClientConnInterface]; the client uses it, with the
// same headers, retries and errors as a connection of its own, and leaves closing it to
// its owner.
//
// # Calls, deadlines and errors
//
// Methods that talk to the server retry what may pass, such as a server that restarts.
// They take at most 10 seconds, or half of the context's deadline if that is shorter (but
// at least a second); those that wait for a workflow take as long as the context allows.
// Errors of the server are those of package [go.temporal.io/api/serviceerror]; test for
// them with errors.As:
//
//	var notFound *serviceerror.NotFound
//	if errors.As(err, &notFound) { ... }
//
// What any method may fail with, besides what is said at it:
//
//   - [*serviceerror.InvalidArgument]: a field that is missing, malformed or too long, or
//     payloads that are larger than the namespace allows. The latter fail before
//     anything is sent.
//   - [*serviceerror.NamespaceNotFound]: the client's namespace does not exist.
//   - [*serviceerror.PermissionDenied]: the client's credentials do not allow it.
//   - [*serviceerror.ResourceExhausted]: the server limits how often it is called, and
//     still did when the time for retries was over.
//   - [*serviceerror.Unavailable], [*serviceerror.DeadlineExceeded]: the server could not
//     be reached, or did not answer in time. Whether it has carried the call out is not
//     known then. Starting a workflow again with the same ID finds it.
//   - [*serviceerror.Unimplemented]: the server is one that does not have what was asked for.
//   - The error of the data converter, for arguments that it cannot convert.
//
// # Limits
//
// Servers bound what they are sent. The usual limits, which an operator may have set
// otherwise, are 1,000 bytes for an id, a name, a type or a reason; 2 MiB for the
// arguments of a call together, for a result, and for a memo; 4 MiB for a request;
// 2 KiB for the value of a search attribute, and 40 KiB for all of a workflow.
// [Options].ExternalStorage keeps large payloads elsewhere.
package client

import (
	"context"

	"github.com/perdure/perdure/sdk/converter"
	iclient "github.com/perdure/perdure/sdk/internal/client"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// Client talks to a server about the workflows of one namespace. It is safe for
// concurrent use.
type Client interface {
	// ExecuteWorkflow starts a workflow and returns as soon as the server has recorded
	// it. workflow is the workflow's function or the name it is registered under, args
	// are its arguments. Given a function, the arguments are checked against its
	// parameters before anything is sent, and the workflow goes by the function's Go
	// name: if workers have registered it under another, give that name.
	//
	// If a workflow with the id is running, or has closed and options do not allow the
	// id again, the run of that one is returned, unless
	// options.WorkflowExecutionErrorWhenAlreadyStarted asks for the error, which is a
	// [*serviceerror.WorkflowExecutionAlreadyStarted].
	//
	// That no worker polls the task queue is no error: the workflow waits for one. To
	// wait for the result, call Get of the run.
	ExecuteWorkflow(ctx context.Context, options StartWorkflowOptions, workflow any, args ...any) (WorkflowRun, error)

	// GetWorkflow returns the run of a workflow that was started elsewhere. An empty
	// runID stands for the current run. Whether it exists is found out when the run is
	// used.
	GetWorkflow(ctx context.Context, workflowID string, runID string) WorkflowRun

	// SignalWorkflow sends a signal with one argument to a running workflow. An empty
	// runID stands for the current run. It returns when the signal is in the history; a
	// signal for which the workflow has no code stays there without effect. A nil arg is
	// a signal whose argument is nil. It fails with [*serviceerror.NotFound] if the
	// workflow does not exist or has closed, and with [*serviceerror.InvalidArgument] if
	// the run has had as many signals as the server allows, by default 10,000.
	SignalWorkflow(ctx context.Context, workflowID string, runID string, signalName string, arg any) error

	// SignalWithStartWorkflow sends a signal to the workflow with the id, which it starts
	// first if it is not running, both or neither. options.ID must be empty or the same;
	// an empty workflowID is replaced by a random UUID. The run is that of the workflow
	// that got the signal. It fails with
	// [*serviceerror.WorkflowExecutionAlreadyStarted] if the workflow has closed and
	// options.WorkflowIDReusePolicy does not allow another with its id.
	SignalWithStartWorkflow(ctx context.Context, workflowID string, signalName string, signalArg any,
		options StartWorkflowOptions, workflow any, workflowArgs ...any) (WorkflowRun, error)

	// CancelWorkflow asks a workflow to stop: its context is canceled, and it can clean
	// up. An empty runID stands for the current run. It returns when the request is
	// recorded: the workflow may still run, and may decide not to stop. To cancel it a
	// second time is no error. It fails with [*serviceerror.NotFound] if the workflow does
	// not exist or has closed.
	CancelWorkflow(ctx context.Context, workflowID string, runID string) error

	// CancelWorkflowWithOptions is CancelWorkflow with all there is to choose.
	CancelWorkflowWithOptions(ctx context.Context, options CancelWorkflowOptions) error

	// TerminateWorkflow stops a workflow at once, without giving it a chance to clean up.
	// Activities that are running learn of it by their next heartbeat; child workflows go
	// by their ParentClosePolicy. An empty runID stands for the current run. reason and
	// details are recorded in the history. It fails with [*serviceerror.NotFound] if the
	// workflow does not exist or has closed.
	TerminateWorkflow(ctx context.Context, workflowID string, runID string, reason string, details ...any) error

	// TerminateWorkflowWithOptions is TerminateWorkflow with all there is to choose.
	TerminateWorkflowWithOptions(ctx context.Context, options TerminateWorkflowOptions) error

	// GetWorkflowHistory returns an iterator over a workflow's history. With isLongPoll it
	// waits for events until the workflow closes; without, it ends with the last event
	// that there is. An empty runID stands for the run that is current at the first call
	// of the iterator. filterType selects all events or only the one that closed the
	// workflow. Errors come from the iterator: a [*serviceerror.NotFound] if the workflow
	// does not exist, or its retention is over.
	//
	//	iter := c.GetWorkflowHistory(ctx, workflowID, runID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	//	for iter.HasNext() {
	//		event, err := iter.Next()
	//		if err != nil {
	//			return err
	//		}
	//		...
	//	}
	GetWorkflowHistory(ctx context.Context, workflowID string, runID string, isLongPoll bool, filterType enumspb.HistoryEventFilterType) HistoryEventIterator

	// CompleteActivity ends an activity that returned activity.ErrResultPending.
	// taskToken is from its activity.GetInfo. A nil err completes it with result; a
	// [*temporal.CanceledError] or a context.Canceled reports that it was canceled; any
	// other error fails the attempt, and the activity's retry policy says what follows.
	// It fails with [*serviceerror.NotFound] if that attempt is over already: completed,
	// timed out, or its workflow closed.
	CompleteActivity(ctx context.Context, taskToken []byte, result any, err error) error

	// CompleteActivityWithOptions is CompleteActivity with all there is to choose.
	CompleteActivityWithOptions(ctx context.Context, opts CompleteActivityOptions) error

	// CompleteActivityByID is CompleteActivity for those who know the activity by the
	// ids of its workflow and its own. It completes the attempt that is running,
	// whichever it is. An empty runID stands for the current run; the namespace, the
	// workflowID and the activityID are required.
	CompleteActivityByID(ctx context.Context, namespace, workflowID, runID, activityID string, result any, err error) error

	// CompleteActivityByIDWithOptions is CompleteActivityByID with all there is to choose.
	CompleteActivityByIDWithOptions(ctx context.Context, opts CompleteActivityByIDOptions) error

	// CompleteActivityByActivityID is CompleteActivity for an activity that does not
	// belong to a workflow. An empty activityRunID stands for the current run. The
	// namespace and the activityID are required.
	CompleteActivityByActivityID(ctx context.Context, namespace, activityID, activityRunID string, result any, err error) error

	// CompleteActivityByActivityIDWithOptions is CompleteActivityByActivityID with all
	// there is to choose.
	CompleteActivityByActivityIDWithOptions(ctx context.Context, opts CompleteActivityByActivityIDOptions) error

	// RecordActivityHeartbeat reports that an activity, known by the token from its
	// activity.GetInfo, is alive. details are what the activity gets if it is tried
	// again. The call is made at once and each time: unlike activity.RecordHeartbeat, it
	// does not gather heartbeats. The error is a [*temporal.CanceledError] if the activity
	// is to stop because it was canceled, activity.ErrActivityPaused or
	// activity.ErrActivityReset if because of that, and [*serviceerror.NotFound] if it is
	// over already.
	RecordActivityHeartbeat(ctx context.Context, taskToken []byte, details ...any) error

	// RecordActivityHeartbeatWithOptions is RecordActivityHeartbeat with all there is to
	// choose.
	RecordActivityHeartbeatWithOptions(ctx context.Context, opts RecordActivityHeartbeatOptions) error

	// RecordActivityHeartbeatByID is RecordActivityHeartbeat for those who know the
	// activity by the ids of its workflow and its own.
	RecordActivityHeartbeatByID(ctx context.Context, namespace, workflowID, runID, activityID string, details ...any) error

	// RecordActivityHeartbeatByIDWithOptions is RecordActivityHeartbeatByID with all there
	// is to choose.
	RecordActivityHeartbeatByIDWithOptions(ctx context.Context, opts RecordActivityHeartbeatByIDOptions) error

	// ListClosedWorkflow lists workflows that have closed, by simple filters. ListWorkflow
	// can do more. An empty namespace in the request is set to the client's, here and in
	// the following methods.
	ListClosedWorkflow(ctx context.Context, request *workflowservice.ListClosedWorkflowExecutionsRequest) (*workflowservice.ListClosedWorkflowExecutionsResponse, error)

	// ListOpenWorkflow lists workflows that are running, by simple filters. ListWorkflow
	// can do more.
	ListOpenWorkflow(ctx context.Context, request *workflowservice.ListOpenWorkflowExecutionsRequest) (*workflowservice.ListOpenWorkflowExecutionsResponse, error)

	// ListWorkflow lists the workflows that the request's query selects, a page at a
	// time, the latest first. What was started or has changed a moment ago may be
	// missing. The response's NextPageToken, put into the next request, asks for the next
	// page; it is empty after the last one. An empty query selects all workflows. It
	// fails with [*serviceerror.InvalidArgument], which says where, if the query cannot
	// be read or names a search attribute that there is not.
	//
	//	request := &workflowservice.ListWorkflowExecutionsRequest{
	//		Query: "WorkflowType = 'Order' AND ExecutionStatus = 'Running'",
	//	}
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)

	// ListArchivedWorkflow lists workflows in the archive. It may take up to 3 minutes.
	ListArchivedWorkflow(ctx context.Context, request *workflowservice.ListArchivedWorkflowExecutionsRequest) (*workflowservice.ListArchivedWorkflowExecutionsResponse, error)

	// ScanWorkflow lists the workflows that the request's query selects, in no order.
	//
	// Deprecated: use ListWorkflow.
	//
	//lint:ignore SA1019 the API keeps it, so the client does
	ScanWorkflow(ctx context.Context, request *workflowservice.ScanWorkflowExecutionsRequest) (*workflowservice.ScanWorkflowExecutionsResponse, error)

	// CountWorkflow counts the workflows that the request's query selects, or those of
	// each group if the query ends with GROUP BY ExecutionStatus. What was started a
	// moment ago may be missing.
	CountWorkflow(ctx context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error)

	// GetSearchAttributes returns the names and types of the search attributes that the
	// server knows, those of its own included.
	GetSearchAttributes(ctx context.Context) (*workflowservice.GetSearchAttributesResponse, error)

	// QueryWorkflow asks a workflow, running or closed, and returns its answer. A worker
	// of the workflow must be there to give it. An empty runID stands for the current
	// run. A query leaves no trace in the history. Besides the workflow's own there are
	// [QueryTypeStackTrace], [QueryTypeOpenSessions] and [QueryTypeWorkflowMetadata].
	//
	// Errors are [*serviceerror.QueryFailed] if the workflow answers with an error or has
	// no handler for the query, [*serviceerror.NotFound] if it does not exist,
	// [*serviceerror.WorkflowNotReady] if it has not begun yet, and
	// [*serviceerror.DeadlineExceeded] if no worker answered in time.
	QueryWorkflow(ctx context.Context, workflowID string, runID string, queryType string, args ...any) (converter.EncodedValue, error)

	// QueryWorkflowWithOptions is QueryWorkflow with all there is to choose.
	QueryWorkflowWithOptions(ctx context.Context, request *QueryWorkflowWithOptionsRequest) (*QueryWorkflowWithOptionsResponse, error)

	// DescribeWorkflowExecution returns what the server knows about a workflow, as the
	// API has it: what is pending included. An empty runID stands for the current run. It
	// fails with [*serviceerror.NotFound] if the workflow does not exist.
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)

	// DescribeWorkflow returns what the server knows about a workflow, decoded. An empty
	// runID stands for the current run. It fails with [*serviceerror.NotFound] if the
	// workflow does not exist.
	DescribeWorkflow(ctx context.Context, workflowID, runID string) (*WorkflowExecutionDescription, error)

	// DescribeTaskQueue returns the workers that have polled a task queue in the last few
	// minutes.
	DescribeTaskQueue(ctx context.Context, taskqueue string, taskqueueType enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error)

	// DescribeTaskQueueEnhanced describes a task queue by builds and types of tasks: who
	// polls, and what waits.
	DescribeTaskQueueEnhanced(ctx context.Context, options DescribeTaskQueueEnhancedOptions) (TaskQueueDescription, error)

	// UpdateWorkerBuildIdCompatibility changes the version sets of a task queue.
	//
	// Deprecated: use WorkerDeploymentClient.
	UpdateWorkerBuildIdCompatibility(ctx context.Context, options *UpdateWorkerBuildIdCompatibilityOptions) error

	// GetWorkerBuildIdCompatibility returns the version sets of a task queue.
	//
	// Deprecated: use WorkerDeploymentClient.
	GetWorkerBuildIdCompatibility(ctx context.Context, options *GetWorkerBuildIdCompatibilityOptions) (*WorkerBuildIDVersionSets, error)

	// GetWorkerTaskReachability tells which builds may still get tasks, and where.
	//
	// Deprecated: use DescribeTaskQueueEnhanced.
	GetWorkerTaskReachability(ctx context.Context, options *GetWorkerTaskReachabilityOptions) (*WorkerTaskReachability, error)

	// UpdateWorkerVersioningRules changes the versioning rules of a task queue, and returns
	// what they are then.
	//
	// Deprecated: use WorkerDeploymentClient.
	UpdateWorkerVersioningRules(ctx context.Context, options UpdateWorkerVersioningRulesOptions) (*WorkerVersioningRules, error)

	// GetWorkerVersioningRules returns the versioning rules of a task queue.
	//
	// Deprecated: use WorkerDeploymentClient.
	GetWorkerVersioningRules(ctx context.Context, options GetWorkerVersioningOptions) (*WorkerVersioningRules, error)

	// ResetWorkflowExecution ends the current run of a workflow and begins a new one from
	// a point in its history: the request's WorkflowTaskFinishEventId, the id of a
	// WorkflowTaskCompleted, WorkflowTaskFailed or WorkflowTaskTimedOut event. What comes
	// before it is kept, what comes after is done again; signals and updates that came
	// after are applied again, unless the request excludes them. The request gets a
	// request id if it has none. It fails with [*serviceerror.InvalidArgument] for an
	// event at which a run cannot begin, and [*serviceerror.NotFound] if the workflow does
	// not exist.
	ResetWorkflowExecution(ctx context.Context, request *workflowservice.ResetWorkflowExecutionRequest) (*workflowservice.ResetWorkflowExecutionResponse, error)

	// NewWithStartWorkflowOperation returns the start of a workflow for
	// UpdateWithStartWorkflow. options.WorkflowIDConflictPolicy must be set: it says what
	// happens if the workflow is running; options.StartDelay must not be. What is wrong
	// with the options or the arguments is reported when it is used. It can be used once.
	NewWithStartWorkflowOperation(options StartWorkflowOptions, workflow any, args ...any) WithStartWorkflowOperation

	// UpdateWorkflow sends an update to a running workflow and waits for the stage that the
	// options ask for. A worker of the workflow must be there. An update that a validator
	// rejects or a handler fails is not an error here: the handle's Get returns it. Sent
	// again with the same options.UpdateID, it is the same update.
	//
	// Errors are [*serviceerror.NotFound] if the workflow does not exist or has closed,
	// [*serviceerror.ResourceExhausted] if the run has as many updates under way as the
	// server allows (by default 10, and 2,000 in all), and
	// [*WorkflowUpdateServiceTimeoutOrCanceledError] if the wait ended before the stage was
	// reached: what became of the update is open then.
	UpdateWorkflow(ctx context.Context, options UpdateWorkflowOptions) (WorkflowUpdateHandle, error)

	// UpdateWithStartWorkflow sends an update to a workflow, which it starts first if it is
	// not running, both or neither. The run is that of options.StartWorkflowOperation.Get.
	// Errors are those of ExecuteWorkflow and UpdateWorkflow, among them
	// [*serviceerror.WorkflowExecutionAlreadyStarted] if the conflict policy is to fail.
	UpdateWithStartWorkflow(ctx context.Context, options UpdateWithStartWorkflowOptions) (WorkflowUpdateHandle, error)

	// GetWorkflowUpdateHandle returns the handle of an update that was sent elsewhere.
	// Whether it exists is found out when the handle is used.
	GetWorkflowUpdateHandle(ref GetWorkflowUpdateHandleOptions) WorkflowUpdateHandle

	// UpdateWorkflowExecutionOptions changes on which version a workflow runs, and returns
	// what holds then.
	UpdateWorkflowExecutionOptions(ctx context.Context, options UpdateWorkflowExecutionOptionsRequest) (WorkflowExecutionOptions, error)

	// ScheduleClient returns the client for schedules of the namespace.
	ScheduleClient() ScheduleClient

	// ExecuteActivity starts an activity that belongs to no workflow and returns at once with
	// its handle. The activity is a function or a name. It fails with
	// [*serviceerror.ActivityExecutionAlreadyStarted] if the id is taken and the options do
	// not say what to do then.
	ExecuteActivity(ctx context.Context, options StartActivityOptions, activity any, args ...any) (ActivityHandle, error)

	// GetActivityHandle returns the handle of an activity that was started elsewhere. Whether
	// it exists is found out when the handle is used.
	GetActivityHandle(options GetActivityHandleOptions) ActivityHandle

	// ListActivities lists the activities without a workflow that a query selects. What was
	// started a moment ago may be missing. Errors come from the sequence.
	ListActivities(ctx context.Context, options ListActivitiesOptions) (ListActivitiesResult, error)

	// CountActivities counts the activities without a workflow that a query selects.
	CountActivities(ctx context.Context, options CountActivitiesOptions) (*CountActivitiesResult, error)

	// NewNexusClient returns a client that starts operations of a Nexus service without a
	// workflow.
	NewNexusClient(options NexusClientOptions) (NexusClient, error)

	// GetNexusOperationHandle returns the handle of an operation that was started elsewhere.
	// Whether it exists is found out when the handle is used.
	GetNexusOperationHandle(options GetNexusOperationHandleOptions) NexusOperationHandle

	// ListNexusOperations lists the Nexus operations without a workflow that a query selects.
	// What was started a moment ago may be missing. Errors come from the sequence.
	ListNexusOperations(ctx context.Context, options ListNexusOperationsOptions) (ListNexusOperationsResult, error)

	// CountNexusOperations counts the Nexus operations without a workflow that a query
	// selects.
	CountNexusOperations(ctx context.Context, options CountNexusOperationsOptions) (*CountNexusOperationsResult, error)

	// WorkerDeploymentClient returns the client for worker deployments of the namespace.
	WorkerDeploymentClient() WorkerDeploymentClient

	// DeploymentClient returns the client for deployments of the namespace.
	//
	// Deprecated: use WorkerDeploymentClient.
	DeploymentClient() DeploymentClient

	// CheckHealth asks the server whether it is serving, by gRPC's health checks. The
	// request may be nil. It fails if the server cannot be reached, or says that it is not
	// serving.
	CheckHealth(ctx context.Context, request *CheckHealthRequest) (*CheckHealthResponse, error)

	// WorkflowService returns the server's API as it is, for what the methods above do not
	// cover. Calls carry the client's headers and return errors of package serviceerror,
	// but are made once, for as long as the context allows, and the namespace has to be in
	// the request. No interceptor, data converter or payload limit of the client applies.
	WorkflowService() workflowservice.WorkflowServiceClient

	// OperatorService returns the server's operator API as it is, like WorkflowService.
	OperatorService() operatorservice.OperatorServiceClient

	// Close gives up the client's connection, which ends once all clients that share it
	// are closed. Workers that use the client must be stopped before. Calls of a closed
	// connection fail.
	Close()
}

// NamespaceClient registers, describes and updates namespaces. It is safe for concurrent
// use.
type NamespaceClient interface {
	// Register creates a namespace. The request's Namespace and
	// WorkflowExecutionRetentionPeriod, which is at least an hour, are required. Servers of
	// many nodes may take some seconds until all know it. It fails with
	// [*serviceerror.NamespaceAlreadyExists] if there is one of that name.
	Register(ctx context.Context, request *workflowservice.RegisterNamespaceRequest) error

	// Describe returns what the server knows about a namespace. It fails with
	// [*serviceerror.NamespaceNotFound] if there is none of that name.
	Describe(ctx context.Context, name string) (*workflowservice.DescribeNamespaceResponse, error)

	// Update changes a namespace: those fields of it that the request has. It fails with
	// [*serviceerror.NamespaceNotFound] if there is none of that name.
	Update(ctx context.Context, request *workflowservice.UpdateNamespaceRequest) error

	// Close closes the connection.
	Close()
}

var (
	_ Client          = (*iclient.Client)(nil)
	_ NamespaceClient = (*iclient.NamespaceClient)(nil)
)
