package telemetry

// kind is what a metric is.
type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// metric is a row of the table of metrics.
type metric struct {
	name string
	kind kind
	help string
	// service is the value of the label service_name, by which Temporal servers tell their parts
	// apart; empty: there is no such label.
	service string
	labels  []string
	buckets []float64 // of histograms
}

// The parts of a Temporal server.
const (
	frontendService = "frontend"
	historyService  = "history"
	matchingService = "matching"
	workerService   = "worker"
)

// Buckets, in seconds unless the names say otherwise.
var (
	callBuckets     = []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 20, 60}
	waitBuckets     = []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 60, 600, 3600}
	activityBuckets = []float64{.005, .01, .05, .1, .5, 1, 5, 10, 60, 600, 3600, 86400}
	workflowBuckets = []float64{.01, .1, 1, 10, 60, 600, 3600, 21600, 86400, 604800, 2592000}
	commitBuckets   = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}
	timerBuckets    = []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30, 300}
	groupBuckets    = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}
	attemptBuckets  = []float64{1, 2, 3, 5, 10, 20, 50}
	bytesBuckets    = []float64{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 50 << 20}
	countBuckets    = []float64{5, 10, 25, 50, 100, 250, 1000, 4000, 10000, 50000}
)

// Labels.
const (
	labelNamespace    = "namespace"
	labelOperation    = "operation"
	labelWorkflowType = "workflowType"
	labelActivityType = "activityType"
	labelTaskQueue    = "taskqueue"
	labelTaskType     = "task_type"
	labelPartition    = "partition"
	labelErrorType    = "error_type"
	labelCause        = "resource_exhausted_cause"
	labelScope        = "resource_exhausted_scope"
	labelFailure      = "failure"
	labelTimeoutType  = "timeout_type"
	labelCommandType  = "commandType"
	labelPollResult   = "poll_result"
	labelSynced       = "synced"
	labelKind         = "kind"
	labelPolicy       = "policy"
	labelEndpoint     = "nexus_endpoint"
	labelDestination  = "destination"
	labelMethod       = "method"
	labelOutcome      = "outcome"
	labelSetting      = "setting"
)

var (
	ofCalls    = []string{labelOperation, labelNamespace}
	ofQueues   = []string{labelNamespace, labelTaskQueue, labelTaskType, labelPartition}
	ofWorkflow = []string{labelNamespace, labelWorkflowType}
	ofActivity = []string{labelNamespace, labelActivityType}
	ofTimeouts = []string{labelNamespace, labelActivityType, labelTimeoutType}
	ofSpaces   = []string{labelNamespace}
	ofPolicies = []string{labelNamespace, labelPolicy}
	ofNexus    = []string{labelNamespace, labelEndpoint, labelWorkflowType}
)

// Calls of the API.
var (
	serviceRequests  = metric{"service_requests", counter, "Calls that have been answered, long polls included.", frontendService, ofCalls, nil}
	serviceLatency   = metric{"service_latency", histogram, "Seconds from the arrival of a call to its answer. Long polls (operations that begin with Poll) take as long as there is nothing to do.", frontendService, ofCalls, callBuckets}
	serviceErrors    = metric{"service_errors", counter, "Calls that have failed for a reason that is not the caller's: the server was overloaded, shutting down, too slow, or wrong.", frontendService, ofCalls, nil}
	serviceErrorType = metric{"service_error_with_type", counter, "Calls that have failed for whatever reason, by the type of the error.", frontendService, []string{labelOperation, labelNamespace, labelErrorType}, nil}
	serviceExhausted = metric{"service_errors_resource_exhausted", counter, "Calls that were refused because of a limit, by what was exhausted.", frontendService, []string{labelOperation, labelNamespace, labelCause, labelScope}, nil}
	servicePanics    = metric{"service_panics", counter, "Calls that were ended by a bug. The log has the stack; please report it.", frontendService, nil, nil}
	longPolls        = metric{"perdure_long_polls", gauge, "Calls that wait for something to happen.", "", nil, nil}
)

// Flow control.
var (
	flowWait   = metric{"perdure_flow_wait_seconds", histogram, "Seconds that workflows and activities have waited for a policy of flow control until it let them in.", "", ofPolicies, waitBuckets}
	flowQueued = metric{"perdure_flow_queued_total", counter, "Workflows and activities that had to wait for a policy of flow control.", "", ofPolicies, nil}
	flowWaits  = metric{"perdure_flow_waiting", gauge, "Workflows and activities that wait for a policy of flow control, at the gates that this node holds.", "", ofPolicies, nil}
	flowLeft   = metric{"perdure_flow_withdrawn_total", counter, "Workflows and activities that have ended while they waited for a policy of flow control.", "", ofPolicies, nil}
)

// Workflows.
var (
	workflowStarted    = metric{"perdure_workflow_started_total", counter, "Runs that have begun, for whatever reason: by clients, parents, schedules, retries, cron, continue as new, resets.", "", ofWorkflow, nil}
	workflowSuccess    = metric{"workflow_success", counter, "Runs that have completed.", historyService, ofWorkflow, nil}
	workflowFailed     = metric{"workflow_failed", counter, "Runs that have failed.", historyService, ofWorkflow, nil}
	workflowTimeout    = metric{"workflow_timeout", counter, "Runs that have timed out.", historyService, ofWorkflow, nil}
	workflowCancel     = metric{"workflow_cancel", counter, "Runs that have ended as cancelled.", historyService, ofWorkflow, nil}
	workflowTerminate  = metric{"workflow_terminate", counter, "Runs that were terminated.", historyService, ofWorkflow, nil}
	workflowContinued  = metric{"workflow_continued_as_new", counter, "Runs that have continued as new.", historyService, ofWorkflow, nil}
	workflowLatency    = metric{"workflow_schedule_to_close_latency", histogram, "Seconds from the start of a run to its end.", historyService, ofWorkflow, workflowBuckets}
	historySize        = metric{"history_size", histogram, "Bytes of the histories of runs that have ended.", historyService, ofSpaces, bytesBuckets}
	historyCount       = metric{"history_count", histogram, "Events in the histories of runs that have ended.", historyService, ofSpaces, countBuckets}
	grownLarge         = metric{"perdure_large_workflows_total", counter, "Warnings that something of a workflow is larger than a setting of dynamic configuration wants: limit.blobSize.warn and the like.", "", []string{labelNamespace, labelSetting}, nil}
	command            = metric{"command", counter, "Commands of workflows that have been carried out.", historyService, []string{labelNamespace, labelCommandType}, nil}
	workflowAttempt    = metric{"workflow_task_attempt", histogram, "Attempts of the workflow tasks that workers were given. More than 1 means that workflow code fails, or that workers are too slow.", historyService, ofSpaces, attemptBuckets}
	workflowTaskDone   = metric{"perdure_workflow_task_duration_seconds", histogram, "Seconds from the start of a workflow task by a worker to its completion.", "", ofSpaces, callBuckets}
	workflowTaskFailed = metric{"failed_workflow_tasks", counter, "Workflow tasks that have failed, by cause.", historyService, []string{labelNamespace, labelFailure}, nil}
	workflowTaskLate   = metric{"perdure_workflow_task_timeouts_total", counter, "Workflow tasks that have timed out. ScheduleToStart: a worker's own (sticky) queue was not polled in time, which costs a replay elsewhere. StartToClose: a worker took a task and did not answer.", "", []string{labelNamespace, labelTimeoutType}, nil}
	taskWait           = metric{"task_schedule_to_start_latency", histogram, "Seconds from the moment at which a task was ready to its start by a worker: what workflows lose because there are too few workers, or too few pollers and slots.", historyService, []string{labelNamespace, labelOperation}, waitBuckets}
)

// Activities, of workflows and without one.
var (
	activitySuccess   = metric{"activity_success", counter, "Activities that have succeeded.", historyService, ofActivity, nil}
	activityFail      = metric{"activity_fail", counter, "Activities that have failed for good.", historyService, ofActivity, nil}
	activityTaskFail  = metric{"activity_task_fail", counter, "Attempts of activities that have failed, those that are tried again included.", historyService, ofActivity, nil}
	activityCancel    = metric{"activity_cancel", counter, "Activities that have ended as cancelled.", historyService, ofActivity, nil}
	activityTerminate = metric{"activity_terminate", counter, "Activities without a workflow that were terminated.", historyService, ofActivity, nil}
	activityTimeout   = metric{"activity_timeout", counter, "Activities that have timed out for good, by what has run out.", historyService, ofTimeouts, nil}
	activityTaskLate  = metric{"activity_task_timeout", counter, "Attempts of activities that have timed out, those that are tried again included.", historyService, ofTimeouts, nil}
	activityAttempt   = metric{"activity_start_to_close_latency", histogram, "Seconds from the start of an attempt by a worker to its end, if it has not timed out.", historyService, ofActivity, activityBuckets}
	activityLatency   = metric{"activity_schedule_to_close_latency", histogram, "Seconds from the scheduling of an activity to its end, all attempts and the time between them included.", historyService, ofActivity, activityBuckets}
)

// Nexus operations, the calls that the server itself makes, schedules and deployments.
var (
	nexusSuccess      = metric{"nexus_operation_success", counter, "Nexus operations that have succeeded.", historyService, ofNexus, nil}
	nexusFail         = metric{"nexus_operation_fail", counter, "Nexus operations that have failed.", historyService, ofNexus, nil}
	nexusCancel       = metric{"nexus_operation_cancel", counter, "Nexus operations that have ended as cancelled.", historyService, ofNexus, nil}
	nexusTerminate    = metric{"nexus_operation_terminate", counter, "Nexus operations without a workflow that were terminated.", historyService, ofNexus, nil}
	nexusTimeout      = metric{"nexus_operation_timeout", counter, "Nexus operations that have timed out, by what has run out.", historyService, []string{labelNamespace, labelEndpoint, labelWorkflowType, labelTimeoutType}, nil}
	nexusLatency      = metric{"nexus_operation_schedule_to_close_latency", histogram, "Seconds from the scheduling of a Nexus operation to its end.", historyService, []string{labelNamespace, labelEndpoint, labelWorkflowType, labelOutcome}, activityBuckets}
	nexusStart        = metric{"nexus_operation_schedule_to_start_latency", histogram, "Seconds from the scheduling of a Nexus operation to its start by its handler, or to its end if there was no start. Told when it ends.", historyService, ofNexus, activityBuckets}
	nexusRun          = metric{"nexus_operation_start_to_close_latency", histogram, "Seconds from the start of a Nexus operation by its handler to its end, of those that have one.", historyService, []string{labelNamespace, labelEndpoint, labelWorkflowType, labelOutcome}, activityBuckets}
	nexusCalls        = metric{"nexus_outbound_requests", counter, "Calls that were made to start or to cancel Nexus operations, by the endpoint and what has come of them.", historyService, []string{labelNamespace, labelDestination, labelMethod, labelOutcome}, nil}
	nexusCallLatency  = metric{"nexus_outbound_latency", histogram, "Seconds that these calls have taken.", historyService, []string{labelNamespace, labelDestination, labelMethod, labelOutcome}, callBuckets}
	callbackCalls     = metric{"callback_outbound_requests", counter, "Calls of completion callbacks, by the address and what has come of them.", historyService, []string{labelNamespace, labelDestination, labelOutcome}, nil}
	callbackLatency   = metric{"callback_outbound_latency", histogram, "Seconds that these calls have taken.", historyService, []string{labelNamespace, labelDestination, labelOutcome}, callBuckets}
	deploymentCreated = metric{"worker_deployment_created", counter, "Worker deployments that were made, by workers or by clients.", workerService, ofSpaces, nil}
	versionCreated    = metric{"worker_deployment_version_created", counter, "Versions of worker deployments that were made, by workers or by clients.", workerService, ofSpaces, nil}
	scheduleActed     = metric{"schedule_action_success", counter, "Workflows that schedules have started.", historyService, ofSpaces, nil}
	scheduleMissed    = metric{"schedule_missed_catchup_window", counter, "Actions of schedules that there were not since they came too late: the server, or its timers, stood still for longer than the catch-up window.", historyService, ofSpaces, nil}
	scheduleSkipped   = metric{"schedule_overlap_skipped", counter, "Actions of schedules that there were not since the last one was still under way.", historyService, ofSpaces, nil}
	scheduleDropped   = metric{"schedule_buffer_overruns", counter, "Actions of schedules that there were not since too many waited.", historyService, ofSpaces, nil}
	transitionStarted = metric{"start_deployment_transition_count", counter, "Workflows that have set out for another version of their workers.", historyService, ofSpaces, nil}
)

// Task queues.
var (
	pollSuccess     = metric{"poll_success", counter, "Polls that got a task or a query.", matchingService, ofQueues, nil}
	pollSuccessSync = metric{"poll_success_sync", counter, "Polls that were waiting when their task came. If these are much fewer than poll_success, tasks wait for workers.", matchingService, ofQueues, nil}
	pollTimeouts    = metric{"poll_timeouts", counter, "Polls that ended with nothing. Many are no fault: they say that workers have time.", matchingService, ofQueues, nil}
	pollLatency     = metric{"poll_latency", histogram, "Seconds that polls have waited.", matchingService, []string{labelNamespace, labelTaskQueue, labelTaskType, labelPartition, labelPollResult}, callBuckets}
	taskDispatch    = metric{"task_dispatch_latency", histogram, "Seconds from the moment at which a task was ready until a poll got it.", matchingService, ofQueues, waitBuckets}
	tasksAdded      = metric{"tasks_added", counter, "Tasks that have come into a queue.", matchingService, ofQueues, nil}
	noPollerTasks   = metric{"no_poller_tasks", counter, "Tasks that came into a queue that nobody had polled for two minutes.", matchingService, ofQueues, nil}
	backlogCount    = metric{"approximate_backlog_count", gauge, "About how many tasks wait. Queues that nobody has polled or added to since the server was started are not known yet.", matchingService, ofQueues, nil}
	backlogAge      = metric{"approximate_backlog_age_seconds", gauge, "How long the oldest of the tasks in memory has waited.", matchingService, ofQueues, nil}
	pendingPolls    = metric{"pending_polls", gauge, "Polls that wait for tasks.", matchingService, ofQueues, nil}
	loadedQueues    = metric{"loaded_task_queue_count", gauge, "Task queues in memory, sticky ones included.", matchingService, nil, nil}
	unattended      = metric{"perdure_unattended_backlog_count", gauge, "About how many tasks wait in queues that nobody has polled for two minutes.", "", []string{labelNamespace, labelTaskType}, nil}
)

// Timers and messages.
var (
	timerLate       = metric{"perdure_timer_lag_seconds", histogram, "Seconds by which timers are late when they are handed to those who fire them.", "", nil, timerBuckets}
	timers          = metric{"perdure_timers", gauge, "Timers in memory: those of the next minutes.", "", nil, nil}
	timersOverdue   = metric{"perdure_timers_overdue_seconds", gauge, "How long the first timer in memory has been due; 0 if none is.", "", nil, nil}
	runtimeWork     = metric{"perdure_runtime_queue", gauge, "Timers that are due and messages to be delivered that wait for a goroutine.", "", nil, nil}
	outboxMessages  = metric{"perdure_outbox_messages", gauge, "Messages between workflows, schedules and other entities that are on their way, in memory.", "", nil, nil}
	outboxSpilled   = metric{"perdure_outbox_spilled_shards", gauge, "Shards of which more messages wait on disk, as there are too many in memory.", "", nil, nil}
	outboxStuck     = metric{"perdure_outbox_stuck_messages", gauge, "Messages that this version of the server does not know, or cannot read. They are kept; the log says what to do.", "", nil, nil}
	shardsHeld      = metric{"perdure_shards", gauge, "Shards of the store that this server works on.", "", nil, nil}
	entityCacheSize = metric{"perdure_entity_cache_bytes", gauge, "Memory that idle workflows and other entities take.", "", nil, nil}
	entityCacheMost = metric{"perdure_entity_cache_limit_bytes", gauge, "Memory that they may take.", "", nil, nil}
	entities        = metric{"perdure_entities", gauge, "Workflows and other entities in memory.", "", nil, nil}
	cacheHits       = metric{"perdure_entity_cache_hits_total", counter, "Looks for entities that were in memory.", "", nil, nil}
	cacheMisses     = metric{"perdure_entity_cache_misses_total", counter, "Looks for entities that had to be loaded, or did not exist.", "", nil, nil}
)

// The store and the index.
var (
	commitLatency    = metric{"perdure_commit_duration_seconds", histogram, "Seconds that a write of the store has taken, with its sync if it has one.", "", []string{labelSynced}, commitBuckets}
	commitGroup      = metric{"perdure_commit_group_size", histogram, "Commits that were joined into one write.", "", nil, groupBuckets}
	commitBytes      = metric{"perdure_commit_bytes_total", counter, "Bytes that were written.", "", nil, nil}
	storeFailed      = metric{"perdure_store_failed", gauge, "1 if the store accepts no more writes, and the server has to be started anew.", "", nil, nil}
	storeBytes       = metric{"perdure_store_bytes", gauge, "Bytes that the store takes: disk is all of it, log what of that is the log; memory is recent writes, cache are blocks in memory.", "", []string{labelKind}, nil}
	storeCacheHits   = metric{"perdure_store_cache_hits_total", counter, "Blocks of the store that were in memory when they were read.", "", nil, nil}
	storeCacheMisses = metric{"perdure_store_cache_misses_total", counter, "Blocks of the store that had to be read from disk.", "", nil, nil}
	storeFlushes     = metric{"perdure_store_flushes_total", counter, "Flushes of recent writes to tables.", "", nil, nil}
	storeCompactions = metric{"perdure_store_compactions_total", counter, "Compactions of tables.", "", nil, nil}
	storeDebt        = metric{"perdure_store_compaction_debt_bytes", gauge, "Bytes that are still to be compacted. If it grows for long, the disk is too slow for the load.", "", nil, nil}
	storeReadAmp     = metric{"perdure_store_read_amplification", gauge, "Places of the store that a read may have to look at.", "", nil, nil}
	indexChanges     = metric{"perdure_visibility_changes_total", counter, "Changes that were applied to the index that lists and counts are answered from.", "", nil, nil}
	indexLag         = metric{"perdure_visibility_lag_seconds", gauge, "How long ago the oldest change was made that is not in the index. A second is usual: changes are gathered, and lists do not wait for it.", "", nil, nil}
	indexBuilding    = metric{"perdure_visibility_building", gauge, "1 while the index is being built.", "", nil, nil}
	indexFailing     = metric{"perdure_visibility_failing", gauge, "1 if the index cannot be brought up to date. Workflows go on; the log says why.", "", nil, nil}
	indexSize        = metric{"perdure_visibility_bytes", gauge, "Bytes on disk of the index.", "", nil, nil}
)

// The server.
var (
	buildInfo     = metric{"perdure_build_info", gauge, "1, with the version of the server as a label.", "", []string{"version", "go_version"}, nil}
	startTime     = metric{"perdure_start_time_seconds", gauge, "When the server was started, in seconds since 1970.", "", nil, nil}
	namespaceSize = metric{"total_namespaces", gauge, "Namespaces, those being deleted included.", historyService, nil, nil}
	serverReady   = metric{"perdure_ready", gauge, "1 if the server is ready, as /readyz says.", "", nil, nil}
)

// The cluster.
var (
	clusterNodes   = metric{"perdure_cluster_nodes", gauge, "Nodes of the cluster that are alive, as this one knows.", "", nil, nil}
	clusterCutOff  = metric{"perdure_cluster_unreachable_nodes", gauge, "Nodes that are alive, and that this one cannot reach.", "", nil, nil}
	clusterPlaced  = metric{"perdure_cluster_shards_placed", gauge, "Shards that belong to this node. It gets them, or gives them away, until perdure_shards is the same.", "", nil, nil}
	clusterFree    = metric{"perdure_cluster_free_shards", gauge, "Shards that nobody holds who is alive.", "", nil, nil}
	clusterLease   = metric{"perdure_cluster_lease_seconds", gauge, "For how long this node is sure that its shards are its own. At 0 it answers nothing.", "", nil, nil}
	clusterSkew    = metric{"perdure_cluster_clock_skew_seconds", gauge, "Seconds by which the clock of this node is ahead of that of the store.", "", nil, nil}
	clusterMoves   = metric{"perdure_cluster_shard_moves_total", counter, "What this node has done to shards: acquired; released, to others in order; lost, to others that have taken them; abandoned, because it could not renew its lease in time; split, into two.", "", []string{labelKind}, nil}
	clusterForward = metric{"perdure_cluster_forwarded_calls_total", counter, "Calls that arrived here and were carried out by another node.", "", nil, nil}
	clusterHot     = metric{"perdure_cluster_hot_task_queues", gauge, "Task queues at home here that are so busy that their polls wait at the nodes where they arrive.", "", nil, nil}
	clusterHanded  = metric{"perdure_cluster_handed_out_total", counter, "Tasks and queries of queues at home here that were handed to polls which wait at another node.", "", nil, nil}
)

// section is a part of the table, as the documentation has it.
type section struct {
	title   string
	metrics []*metric
}

// table has all metrics.
var table = []section{
	{"Calls", []*metric{&serviceRequests, &serviceLatency, &serviceErrors, &serviceErrorType, &serviceExhausted, &servicePanics, &longPolls}},
	{"Workflows", []*metric{
		&flowWait, &flowQueued, &flowWaits, &flowLeft,
		&workflowStarted, &workflowSuccess, &workflowFailed, &workflowTimeout, &workflowCancel, &workflowTerminate, &workflowContinued,
		&workflowLatency, &historySize, &historyCount, &grownLarge, &command,
		&workflowAttempt, &workflowTaskDone, &workflowTaskFailed, &workflowTaskLate, &taskWait,
	}},
	{"Activities", []*metric{
		&activitySuccess, &activityFail, &activityTaskFail, &activityCancel, &activityTerminate, &activityTimeout, &activityTaskLate,
		&activityAttempt, &activityLatency,
	}},
	{"Nexus, callbacks, schedules, deployments", []*metric{
		&nexusSuccess, &nexusFail, &nexusCancel, &nexusTerminate, &nexusTimeout, &nexusLatency, &nexusStart, &nexusRun,
		&nexusCalls, &nexusCallLatency, &callbackCalls, &callbackLatency,
		&scheduleActed, &scheduleMissed, &scheduleSkipped, &scheduleDropped,
		&deploymentCreated, &versionCreated, &transitionStarted,
	}},
	{"Task queues", []*metric{
		&pollSuccess, &pollSuccessSync, &pollTimeouts, &pollLatency, &taskDispatch, &tasksAdded, &noPollerTasks,
		&backlogCount, &backlogAge, &unattended, &pendingPolls, &loadedQueues,
	}},
	{"Timers, messages, memory", []*metric{
		&timerLate, &timers, &timersOverdue, &runtimeWork, &outboxMessages, &outboxSpilled, &outboxStuck,
		&shardsHeld, &entities, &entityCacheSize, &entityCacheMost, &cacheHits, &cacheMisses,
	}},
	{"Cluster", []*metric{
		&clusterNodes, &clusterCutOff, &clusterPlaced, &clusterFree, &clusterLease, &clusterSkew, &clusterMoves, &clusterForward, &clusterHot, &clusterHanded,
	}},
	{"Store", []*metric{
		&commitLatency, &commitGroup, &commitBytes, &storeFailed, &storeBytes, &storeCacheHits, &storeCacheMisses,
		&storeFlushes, &storeCompactions, &storeDebt, &storeReadAmp,
	}},
	{"Lists and searches", []*metric{&indexChanges, &indexLag, &indexBuilding, &indexFailing, &indexSize}},
	{"The server", []*metric{&buildInfo, &startTime, &serverReady, &namespaceSize}},
}
