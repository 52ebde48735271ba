package methods

import "time"

// table has one row for each RPC, area by area. The columns are those of Method:
// service, name, scope, access, namespace, states, owner, wait, limit, and whether
// it is implemented.
var table = []*Method{
	// Namespaces and the cluster.
	row(ws, "RegisterNamespace", ScopeNamespace, Admin, NamespaceNew, Registered, cluster, never, namespaceLimit(1), there),
	row(ws, "DescribeNamespace", ScopeNamespace, Read, NamespaceNameOrID, AnyState, anyone, never, execution(0), there),
	row(ws, "ListNamespaces", ScopeCluster, Read, NamespaceNone, nil, anyone, never, execution(0), there),
	row(ws, "UpdateNamespace", ScopeNamespace, Admin, NamespaceRequired, Usable, cluster, never, namespaceLimit(1), there),
	row(ws, "DeprecateNamespace", ScopeNamespace, Admin, NamespaceRequired, Usable, cluster, never, execution(0), there),
	row(ws, "GetSearchAttributes", ScopeCluster, Read, NamespaceNone, nil, anyone, never, execution(0), there),
	row(ws, "GetClusterInfo", ScopeCluster, Read, NamespaceNone, nil, anyone, never, execution(0), there),
	row(ws, "GetSystemInfo", ScopeCluster, Open, NamespaceNone, nil, anyone, never, execution(0), there),

	// Workflows.
	row(ws, "StartWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Registered, workflow("workflow_id"), never, execution(1), there),
	row(ws, "SignalWithStartWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Registered, workflow("workflow_id"), never, execution(1), there),
	row(ws, "ExecuteMultiOperation", ScopeNamespace, Write, NamespaceRequired, Registered, workflow("operations.start_workflow.workflow_id", "operations.update_workflow.workflow_execution.workflow_id"), untilUpdated, execution(1), there),
	row(ws, "SignalWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("workflow_execution.workflow_id"), never, execution(1), there),
	row(ws, "RequestCancelWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("workflow_execution.workflow_id"), never, execution(2), there),
	row(ws, "TerminateWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("workflow_execution.workflow_id"), never, execution(2), there),
	row(ws, "DeleteWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("workflow_execution.workflow_id"), never, execution(2), there),
	row(ws, "ResetWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("workflow_execution.workflow_id"), never, execution(2), there),
	row(ws, "PauseWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("workflow_id"), never, execution(2), there),
	row(ws, "UnpauseWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("workflow_id"), never, execution(2), there),
	row(ws, "UpdateWorkflowExecutionOptions", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("workflow_execution.workflow_id"), never, execution(2), there),
	row(ws, "UpdateWorkflowExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("workflow_execution.workflow_id"), untilUpdated, execution(1), there),
	row(ws, "PollWorkflowExecutionUpdate", ScopeNamespace, Read, NamespaceRequired, Usable, workflow("update_ref.workflow_execution.workflow_id"), untilUpdated, execution(4), there),
	row(ws, "PollWorkflowExecutionTimeSkipping", ScopeNamespace, Read, NamespaceRequired, Usable, workflow("workflow_execution.workflow_id"), eventPoll, execution(5), there),
	row(ws, "DescribeWorkflowExecution", ScopeNamespace, Read, NamespaceRequired, Usable, workflow("execution.workflow_id"), never, execution(3), there),
	row(ws, "GetWorkflowExecutionHistory", ScopeNamespace, Read, NamespaceRequired, Usable, workflow("execution.workflow_id"), untilEvent, execution(2), there),
	row(ws, "GetWorkflowExecutionHistoryReverse", ScopeNamespace, Read, NamespaceRequired, Usable, workflow("execution.workflow_id"), never, execution(4), there),
	row(ws, "QueryWorkflow", ScopeNamespace, Read, NamespaceRequired, Usable, workflow("execution.workflow_id"), untilAnswered, execution(3), there),
	row(ws, "TriggerWorkflowRule", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("execution.workflow_id"), never, execution(2), there),

	// Workflow tasks.
	row(ws, "PollWorkflowTaskQueue", ScopeNamespace, Write, NamespaceRequired, Usable, queue("task_queue.normal_name", "task_queue.name"), taskPoll, execution(4), there),
	row(ws, "RespondWorkflowTaskCompleted", ScopeNamespace, Write, NamespaceByToken, Usable, token("task_token"), never, execution(1), there),
	row(ws, "RespondWorkflowTaskFailed", ScopeNamespace, Write, NamespaceByToken, Usable, token("task_token"), never, execution(3), there),
	row(ws, "RespondQueryTaskCompleted", ScopeNamespace, Write, NamespaceByToken, Usable, token("task_token"), never, execution(1), there),
	row(ws, "ResetStickyTaskQueue", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("execution.workflow_id"), never, execution(4), there),

	// Activity tasks.
	row(ws, "PollActivityTaskQueue", ScopeNamespace, Write, NamespaceRequired, Usable, queue("task_queue.name"), taskPoll, execution(4), there),
	row(ws, "RecordActivityTaskHeartbeat", ScopeNamespace, Write, NamespaceByToken, Usable, token("task_token"), never, execution(1), there),
	row(ws, "RecordActivityTaskHeartbeatById", ScopeNamespace, Write, NamespaceRequired, Usable, workflowOrActivity("workflow_id", "activity_id"), never, execution(1), there),
	row(ws, "RespondActivityTaskCompleted", ScopeNamespace, Write, NamespaceByToken, Usable, token("task_token"), never, execution(1), there),
	row(ws, "RespondActivityTaskCompletedById", ScopeNamespace, Write, NamespaceRequired, Usable, workflowOrActivity("workflow_id", "activity_id"), never, execution(1), there),
	row(ws, "RespondActivityTaskFailed", ScopeNamespace, Write, NamespaceByToken, Usable, token("task_token"), never, execution(3), there),
	row(ws, "RespondActivityTaskFailedById", ScopeNamespace, Write, NamespaceRequired, Usable, workflowOrActivity("workflow_id", "activity_id"), never, execution(3), there),
	row(ws, "RespondActivityTaskCanceled", ScopeNamespace, Write, NamespaceByToken, Usable, token("task_token"), never, execution(3), there),
	row(ws, "RespondActivityTaskCanceledById", ScopeNamespace, Write, NamespaceRequired, Usable, workflowOrActivity("workflow_id", "activity_id"), never, execution(3), there),
	row(ws, "UpdateActivityOptions", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("execution.workflow_id"), never, execution(2), there),
	row(ws, "PauseActivity", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("execution.workflow_id"), never, execution(2), there),
	row(ws, "UnpauseActivity", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("execution.workflow_id"), never, execution(2), there),
	row(ws, "ResetActivity", ScopeNamespace, Write, NamespaceRequired, Usable, workflow("execution.workflow_id"), never, execution(2), there),

	// Activities of their own.
	row(ws, "StartActivityExecution", ScopeNamespace, Write, NamespaceRequired, Usable, activity("activity_id"), never, execution(1), there),
	row(ws, "DescribeActivityExecution", ScopeNamespace, Read, NamespaceRequired, Usable, activity("activity_id"), untilActivity, execution(3), there),
	row(ws, "PollActivityExecution", ScopeNamespace, Read, NamespaceRequired, Usable, activity("activity_id"), untilActivity, execution(4), there),
	row(ws, "RequestCancelActivityExecution", ScopeNamespace, Write, NamespaceRequired, Usable, activity("activity_id"), never, execution(2), there),
	row(ws, "TerminateActivityExecution", ScopeNamespace, Write, NamespaceRequired, Usable, activity("activity_id"), never, execution(2), there),
	row(ws, "DeleteActivityExecution", ScopeNamespace, Write, NamespaceRequired, Usable, activity("activity_id"), never, execution(2), there),
	row(ws, "PauseActivityExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflowOrActivity("workflow_id", "activity_id"), never, execution(2), there),
	row(ws, "UnpauseActivityExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflowOrActivity("workflow_id", "activity_id"), never, execution(2), there),
	row(ws, "ResetActivityExecution", ScopeNamespace, Write, NamespaceRequired, Usable, workflowOrActivity("workflow_id", "activity_id"), never, execution(2), there),
	row(ws, "UpdateActivityExecutionOptions", ScopeNamespace, Write, NamespaceRequired, Usable, workflowOrActivity("workflow_id", "activity_id"), never, execution(2), there),
	row(ws, "ListActivityExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),
	row(ws, "CountActivityExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),

	// Nexus.
	row(ws, "PollNexusTaskQueue", ScopeNamespace, Write, NamespaceRequired, Usable, queue("task_queue.name"), taskPoll, execution(4), there),
	row(ws, "RespondNexusTaskCompleted", ScopeNamespace, Write, NamespaceByToken, Usable, token("task_token"), never, execution(1), there),
	row(ws, "RespondNexusTaskFailed", ScopeNamespace, Write, NamespaceByToken, Usable, token("task_token"), never, execution(3), there),
	row(ns, "DispatchNexusTask", ScopeNamespace, Write, NamespaceRequired, Usable, queue("task_queue"), never, execution(1), there),
	row(ns, "CompleteNexusOperation", ScopeNamespace, Write, NamespaceRequired, Usable, Owner{{OwnerWorkflow, "workflow_id"}, {OwnerNexusOperation, "operation_id"}}, never, execution(1), there),
	row(ws, "StartNexusOperationExecution", ScopeNamespace, Write, NamespaceRequired, Usable, operation("operation_id"), never, execution(1), there),
	row(ws, "DescribeNexusOperationExecution", ScopeNamespace, Read, NamespaceRequired, Usable, operation("operation_id"), untilActivity, execution(3), there),
	row(ws, "PollNexusOperationExecution", ScopeNamespace, Read, NamespaceRequired, Usable, operation("operation_id"), untilActivity, execution(4), there),
	row(ws, "RequestCancelNexusOperationExecution", ScopeNamespace, Write, NamespaceRequired, Usable, operation("operation_id"), never, execution(2), there),
	row(ws, "TerminateNexusOperationExecution", ScopeNamespace, Write, NamespaceRequired, Usable, operation("operation_id"), never, execution(2), there),
	row(ws, "DeleteNexusOperationExecution", ScopeNamespace, Write, NamespaceRequired, Usable, operation("operation_id"), never, execution(2), there),
	row(ws, "ListNexusOperationExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),
	row(ws, "CountNexusOperationExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),

	// Searches.
	row(ws, "ListOpenWorkflowExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),
	row(ws, "ListClosedWorkflowExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),
	row(ws, "ListWorkflowExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),
	row(ws, "ListArchivedWorkflowExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),
	row(ws, "ScanWorkflowExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),
	row(ws, "CountWorkflowExecutions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),

	// Task queues.
	row(ws, "DescribeTaskQueue", ScopeNamespace, Read, NamespaceRequired, Usable, queue("task_queue.normal_name", "task_queue.name"), never, execution(3), there),
	row(ws, "ListTaskQueuePartitions", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, execution(3), there),
	row(ws, "UpdateTaskQueueConfig", ScopeNamespace, Write, NamespaceRequired, Usable, queue("task_queue"), never, namespaceLimit(2), there),
	row(ws, "UpdateWorkerBuildIdCompatibility", ScopeNamespace, Write, NamespaceRequired, Usable, queue("task_queue"), never, namespaceLimit(2), there),
	row(ws, "GetWorkerBuildIdCompatibility", ScopeNamespace, Read, NamespaceRequired, Usable, queue("task_queue"), never, execution(3), there),
	row(ws, "UpdateWorkerVersioningRules", ScopeNamespace, Write, NamespaceRequired, Usable, queue("task_queue"), never, namespaceLimit(2), there),
	row(ws, "GetWorkerVersioningRules", ScopeNamespace, Read, NamespaceRequired, Usable, queue("task_queue"), never, execution(3), there),
	row(ws, "GetWorkerTaskReachability", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),

	// Workers.
	row(ws, "ShutdownWorker", ScopeNamespace, Write, NamespaceRequired, Usable, namespaceWide, never, execution(4), there),
	row(ws, "RecordWorkerHeartbeat", ScopeNamespace, Write, NamespaceRequired, Usable, namespaceWide, never, execution(4), there),
	row(ws, "ListWorkers", ScopeNamespace, Read, NamespaceRequired, Usable, namespaceWide, never, execution(3), there),
	row(ws, "CountWorkers", ScopeNamespace, Read, NamespaceRequired, Usable, namespaceWide, never, execution(3), there),
	row(ws, "DescribeWorker", ScopeNamespace, Read, NamespaceRequired, Usable, namespaceWide, never, execution(3), there),
	row(ws, "FetchWorkerConfig", ScopeNamespace, Read, NamespaceRequired, Usable, namespaceWide, never, execution(4), there),
	row(ws, "UpdateWorkerConfig", ScopeNamespace, Write, NamespaceRequired, Usable, namespaceWide, never, execution(4), there),

	// Schedules.
	row(ws, "CreateSchedule", ScopeNamespace, Write, NamespaceRequired, Usable, schedule("schedule_id"), never, execution(1), there),
	row(ws, "DescribeSchedule", ScopeNamespace, Read, NamespaceRequired, Usable, schedule("schedule_id"), never, execution(3), there),
	row(ws, "UpdateSchedule", ScopeNamespace, Write, NamespaceRequired, Usable, schedule("schedule_id"), never, execution(2), there),
	row(ws, "PatchSchedule", ScopeNamespace, Write, NamespaceRequired, Usable, schedule("schedule_id"), never, execution(2), there),
	row(ws, "ListScheduleMatchingTimes", ScopeNamespace, Read, NamespaceRequired, Usable, schedule("schedule_id"), never, execution(3), there),
	row(ws, "DeleteSchedule", ScopeNamespace, Write, NamespaceRequired, Usable, schedule("schedule_id"), never, execution(2), there),
	row(ws, "ListSchedules", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),
	row(ws, "CountSchedules", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),

	// Batch operations.
	row(ws, "StartBatchOperation", ScopeNamespace, Write, NamespaceRequired, Usable, batch("job_id"), never, execution(1), there),
	row(ws, "StopBatchOperation", ScopeNamespace, Write, NamespaceRequired, Usable, batch("job_id"), never, execution(2), there),
	row(ws, "DescribeBatchOperation", ScopeNamespace, Read, NamespaceRequired, Usable, batch("job_id"), never, execution(3), there),
	row(ws, "ListBatchOperations", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),

	// Worker deployments.
	row(ws, "CreateWorkerDeployment", ScopeNamespace, Write, NamespaceRequired, Usable, deployment("deployment_name"), never, execution(2), there),
	row(ws, "DescribeWorkerDeployment", ScopeNamespace, Read, NamespaceRequired, Usable, deployment("deployment_name"), never, execution(3), there),
	row(ws, "DeleteWorkerDeployment", ScopeNamespace, Write, NamespaceRequired, Usable, deployment("deployment_name"), never, execution(2), there),
	row(ws, "SetWorkerDeploymentCurrentVersion", ScopeNamespace, Write, NamespaceRequired, Usable, deployment("deployment_name"), never, namespaceLimit(2), there),
	row(ws, "SetWorkerDeploymentRampingVersion", ScopeNamespace, Write, NamespaceRequired, Usable, deployment("deployment_name"), never, namespaceLimit(2), there),
	row(ws, "SetWorkerDeploymentManager", ScopeNamespace, Write, NamespaceRequired, Usable, deployment("deployment_name"), never, execution(2), there),
	row(ws, "ListWorkerDeployments", ScopeNamespace, Read, NamespaceRequired, Usable, deployments, never, visibility(1), there),
	row(ws, "CreateWorkerDeploymentVersion", ScopeNamespace, Write, NamespaceRequired, Usable, deployment("deployment_version.deployment_name"), never, execution(2), there),
	row(ws, "DescribeWorkerDeploymentVersion", ScopeNamespace, Read, NamespaceRequired, Usable, version("deployment_version.deployment_name", "version"), never, execution(3), there),
	row(ws, "DeleteWorkerDeploymentVersion", ScopeNamespace, Write, NamespaceRequired, Usable, version("deployment_version.deployment_name", "version"), never, namespaceLimit(2), there),
	row(ws, "UpdateWorkerDeploymentVersionMetadata", ScopeNamespace, Write, NamespaceRequired, Usable, version("deployment_version.deployment_name", "version"), never, execution(2), there),
	row(ws, "UpdateWorkerDeploymentVersionComputeConfig", ScopeNamespace, Write, NamespaceRequired, Usable, deployment("deployment_version.deployment_name"), never, execution(2), there),
	row(ws, "ValidateWorkerDeploymentVersionComputeConfig", ScopeNamespace, Read, NamespaceRequired, Usable, deployment("deployment_version.deployment_name"), never, execution(3), there),

	// Deployments in their first form.
	row(ws, "DescribeDeployment", ScopeNamespace, Read, NamespaceRequired, Usable, deployment("deployment.series_name"), never, execution(3), there),
	row(ws, "GetDeploymentReachability", ScopeNamespace, Read, NamespaceRequired, Usable, deployment("deployment.series_name"), never, visibility(1), there),
	row(ws, "GetCurrentDeployment", ScopeNamespace, Read, NamespaceRequired, Usable, deployment("series_name"), never, execution(3), there),
	row(ws, "SetCurrentDeployment", ScopeNamespace, Write, NamespaceRequired, Usable, deployment("deployment.series_name"), never, execution(2), there),
	row(ws, "ListDeployments", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),

	// Workflow rules.
	row(ws, "CreateWorkflowRule", ScopeNamespace, Write, NamespaceRequired, Usable, namespaceWide, never, execution(2), there),
	row(ws, "DescribeWorkflowRule", ScopeNamespace, Read, NamespaceRequired, Usable, namespaceWide, never, execution(2), there),
	row(ws, "DeleteWorkflowRule", ScopeNamespace, Write, NamespaceRequired, Usable, namespaceWide, never, execution(2), there),
	row(ws, "ListWorkflowRules", ScopeNamespace, Read, NamespaceRequired, Usable, namespaceWide, never, execution(2), there),

	// Flow control.
	row(fs, "SetPolicy", ScopeNamespace, Admin, NamespaceRequired, Usable, flowPolicies, never, namespaceLimit(2), there),
	row(fs, "GetPolicy", ScopeNamespace, Read, NamespaceRequired, Usable, flowPolicies, never, execution(3), there),
	row(fs, "ListPolicies", ScopeNamespace, Read, NamespaceRequired, Usable, flowPolicies, never, execution(3), there),
	row(fs, "DeletePolicy", ScopeNamespace, Admin, NamespaceRequired, Usable, flowPolicies, never, namespaceLimit(2), there),
	row(fs, "DescribeGate", ScopeNamespace, Read, NamespaceRequired, Usable, flowGate, never, execution(3), there),
	row(fs, "ListGates", ScopeNamespace, Read, NamespaceRequired, Usable, anyone, never, visibility(1), there),
	row(fs, "DescribeWorkflow", ScopeNamespace, Read, NamespaceRequired, Usable, workflow("workflow_id"), never, execution(3), there),

	// Operators.
	row(as, "RebuildVisibility", ScopeCluster, Admin, NamespaceNone, nil, cluster, never, unlimited, there),
	row(as, "DescribeVisibility", ScopeCluster, Admin, NamespaceNone, nil, anyone, never, unlimited, there),
	row(as, "StartBackup", ScopeCluster, Admin, NamespaceNone, nil, anyone, never, unlimited, there),
	row(as, "DescribeBackup", ScopeCluster, Admin, NamespaceNone, nil, anyone, never, unlimited, there),
	row(as, "CancelBackup", ScopeCluster, Admin, NamespaceNone, nil, anyone, never, unlimited, there),
	row(as, "ImportEvents", ScopeNamespace, Admin, NamespaceRequired, Usable, workflow("workflow_id"), never, unlimited, there),
	row(as, "CheckImport", ScopeNamespace, Admin, NamespaceRequired, Usable, workflow("workflow_id"), never, unlimited, there),
	row(as, "ActivateImport", ScopeNamespace, Admin, NamespaceRequired, Usable, workflow("workflow_id"), never, unlimited, there),
	row(as, "DiscardImport", ScopeNamespace, Admin, NamespaceRequired, Usable, workflow("workflow_id"), never, unlimited, there),
	row(as, "DescribeImport", ScopeNamespace, Admin, NamespaceRequired, Usable, workflow("workflow_id"), never, unlimited, there),
	row(as, "ListImports", ScopeNamespace, Admin, NamespaceRequired, Usable, anyone, never, unlimited, there),
	row(as, "DescribeCluster", ScopeCluster, Admin, NamespaceNone, nil, anyone, never, unlimited, there),
	row(as, "DrainNode", ScopeCluster, Admin, NamespaceNone, nil, anyone, never, unlimited, there),
	row(as, "ReshardCluster", ScopeCluster, Admin, NamespaceNone, nil, anyone, never, unlimited, there),
	row(os, "AddSearchAttributes", ScopeNamespace, Admin, NamespaceOptional, Usable, cluster, never, unlimited, there),
	row(os, "RemoveSearchAttributes", ScopeNamespace, Admin, NamespaceOptional, Usable, cluster, never, unlimited, there),
	row(os, "ListSearchAttributes", ScopeNamespace, Read, NamespaceOptional, Usable, anyone, never, unlimited, there),
	row(os, "DeleteNamespace", ScopeNamespace, Admin, NamespaceNameOrID, AnyState, cluster, never, unlimited, there),
	row(os, "AddOrUpdateRemoteCluster", ScopeCluster, Admin, NamespaceNone, nil, cluster, never, unlimited, there),
	row(os, "RemoveRemoteCluster", ScopeCluster, Admin, NamespaceNone, nil, cluster, never, unlimited, there),
	row(os, "ListClusters", ScopeCluster, Admin, NamespaceNone, nil, anyone, never, unlimited, there),
	row(os, "CreateNexusEndpoint", ScopeCluster, Admin, NamespaceNone, nil, endpoints, never, unlimited, there),
	row(os, "GetNexusEndpoint", ScopeCluster, Admin, NamespaceNone, nil, endpoints, never, unlimited, there),
	row(os, "UpdateNexusEndpoint", ScopeCluster, Admin, NamespaceNone, nil, endpoints, never, unlimited, there),
	row(os, "DeleteNexusEndpoint", ScopeCluster, Admin, NamespaceNone, nil, endpoints, never, unlimited, there),
	row(os, "ListNexusEndpoints", ScopeCluster, Admin, NamespaceNone, nil, endpoints, never, unlimited, there),
}

func row(service, name string, scope Scope, access Access, namespace NamespaceRule, states States, owner Owner, wait Wait, limit Limit, implemented bool) *Method {
	return &Method{
		Service: service, Name: name, Scope: scope, Access: access, Namespace: namespace,
		States: states, Owner: owner, Wait: wait, Limit: limit, Implemented: implemented,
	}
}

// The words of the table.

const (
	ws = WorkflowService
	os = OperatorService
	as = AdminService
	ns = NexusService
	fs = FlowService

	there = true
	//lint:ignore U1000 for the RPCs that the next release of the API brings
	absent = false
)

var (
	never = Wait{}
	// taskPoll waits for a task.
	taskPoll = Wait{Always, 60 * time.Second}
	// eventPoll waits for something to happen to an execution.
	eventPoll = Wait{Always, 20 * time.Second}
	// untilActivity waits for something to happen to an activity without a workflow.
	untilActivity = Wait{Sometimes, 60 * time.Second}
	// untilEvent is eventPoll, if the request wants it.
	untilEvent = Wait{Sometimes, 20 * time.Second}
	// untilUpdated waits for a worker to take in an update, or to carry it out.
	untilUpdated = Wait{Sometimes, 20 * time.Second}
	// untilAnswered waits for a worker to answer a query.
	untilAnswered = Wait{Sometimes, 30 * time.Second}
)

var unlimited = Limit{}

func execution(priority int8) Limit      { return Limit{BudgetExecution, priority} }
func visibility(priority int8) Limit     { return Limit{BudgetVisibility, priority} }
func namespaceLimit(priority int8) Limit { return Limit{BudgetNamespace, priority} }

var (
	anyone        Owner
	namespaceWide = Owner{{Kind: OwnerNamespace}}
	cluster       = Owner{{Kind: OwnerCluster}}
	endpoints     = Owner{{Kind: OwnerEndpoints}}
	deployments   = Owner{{Kind: OwnerDeployments}}
	flowPolicies  = Owner{{Kind: OwnerFlowPolicies}}
	flowGate      = Owner{{Kind: OwnerFlowGate}}
)

func places(kind OwnerKind, paths []string) Owner {
	owner := make(Owner, len(paths))
	for i, path := range paths {
		owner[i] = Place{kind, path}
	}
	return owner
}

func workflow(paths ...string) Owner { return places(OwnerWorkflow, paths) }
func queue(paths ...string) Owner    { return places(OwnerTaskQueue, paths) }
func token(path string) Owner        { return Owner{{OwnerToken, path}} }
func activity(path string) Owner     { return Owner{{OwnerActivity, path}} }
func operation(path string) Owner    { return Owner{{OwnerNexusOperation, path}} }
func schedule(path string) Owner     { return Owner{{OwnerSchedule, path}} }
func batch(path string) Owner        { return Owner{{OwnerBatch, path}} }
func deployment(path string) Owner   { return Owner{{OwnerDeployment, path}} }

// workflowOrActivity: an activity of a workflow is the workflow's.
func workflowOrActivity(workflowID, activityID string) Owner {
	return Owner{{OwnerWorkflow, workflowID}, {OwnerActivity, activityID}}
}

// version: older clients name the version by one text.
func version(deployment, text string) Owner {
	return Owner{{OwnerDeployment, deployment}, {OwnerDeploymentVersion, text}}
}
