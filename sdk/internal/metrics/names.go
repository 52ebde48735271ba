package metrics

// Names of metrics.
const (
	prefix = "temporal_"

	// Workflow executions that this worker closed, and how long they took.
	WorkflowCompleted       = prefix + "workflow_completed"
	WorkflowCanceled        = prefix + "workflow_canceled"
	WorkflowFailed          = prefix + "workflow_failed"
	WorkflowContinueAsNew   = prefix + "workflow_continue_as_new"
	WorkflowEndToEndLatency = prefix + "workflow_endtoend_latency"

	// Workflow tasks.
	WorkflowTaskReplayLatency          = prefix + "workflow_task_replay_latency"
	WorkflowTaskQueuePollEmpty         = prefix + "workflow_task_queue_poll_empty"
	WorkflowTaskQueuePollSucceed       = prefix + "workflow_task_queue_poll_succeed"
	WorkflowTaskScheduleToStartLatency = prefix + "workflow_task_schedule_to_start_latency"
	WorkflowTaskExecutionLatency       = prefix + "workflow_task_execution_latency"
	WorkflowTaskExecutionFailed        = prefix + "workflow_task_execution_failed"
	WorkflowTaskNoCompletion           = prefix + "workflow_task_no_completion"

	// Activity tasks.
	ActivityPollNoTask             = prefix + "activity_poll_no_task"
	ActivityScheduleToStartLatency = prefix + "activity_schedule_to_start_latency"
	ActivityExecutionFailed        = prefix + "activity_execution_failed"
	UnregisteredActivityInvocation = prefix + "unregistered_activity_invocation"
	ActivityExecutionLatency       = prefix + "activity_execution_latency"
	ActivitySucceedEndToEndLatency = prefix + "activity_succeed_endtoend_latency"
	ActivityTaskError              = prefix + "activity_task_error"

	// Local activities. Canceled and Failed are older names of ExecutionCancelled and
	// ExecutionFailed; both are recorded.
	LocalActivityTotal                  = prefix + "local_activity_total"
	LocalActivityCanceled               = prefix + "local_activity_canceled"
	LocalActivityExecutionCancelled     = prefix + "local_activity_execution_cancelled"
	LocalActivityFailed                 = prefix + "local_activity_failed"
	LocalActivityExecutionFailed        = prefix + "local_activity_execution_failed"
	LocalActivityError                  = prefix + "local_activity_error"
	LocalActivityExecutionLatency       = prefix + "local_activity_execution_latency"
	LocalActivitySucceedEndToEndLatency = prefix + "local_activity_succeed_endtoend_latency"

	// Signals whose argument a workflow could not decode.
	CorruptedSignals = prefix + "corrupted_signals"

	// Workers.
	WorkerStart              = prefix + "worker_start"
	WorkerTaskSlotsAvailable = prefix + "worker_task_slots_available"
	WorkerTaskSlotsUsed      = prefix + "worker_task_slots_used"
	PollerStart              = prefix + "poller_start"
	NumPollers               = prefix + "num_pollers"

	// Calls of the server, and those of them that wait. The names of attempts, of
	// which a call may make several, end in AttemptSuffix besides.
	Request                      = prefix + "request"
	RequestFailure               = Request + "_failure"
	RequestLatency               = Request + "_latency"
	RequestResourceExhausted     = Request + "_resource_exhausted"
	LongRequest                  = prefix + "long_request"
	LongRequestFailure           = LongRequest + "_failure"
	LongRequestLatency           = LongRequest + "_latency"
	LongRequestResourceExhausted = LongRequest + "_resource_exhausted"
	AttemptSuffix                = "_attempt"

	// The sticky cache.
	StickyCacheHit                 = prefix + "sticky_cache_hit"
	StickyCacheMiss                = prefix + "sticky_cache_miss"
	StickyCacheTotalForcedEviction = prefix + "sticky_cache_total_forced_eviction"
	StickyCacheSize                = prefix + "sticky_cache_size"

	WorkflowActiveThreadCount = prefix + "workflow_active_thread_count"

	// Nexus tasks.
	NexusPollNoTask                 = prefix + "nexus_poll_no_task"
	NexusTaskScheduleToStartLatency = prefix + "nexus_task_schedule_to_start_latency"
	NexusTaskExecutionFailed        = prefix + "nexus_task_execution_failed"
	NexusTaskExecutionLatency       = prefix + "nexus_task_execution_latency"
	NexusTaskEndToEndLatency        = prefix + "nexus_task_endtoend_latency"

	// What a resource-based tuner sees, in percent.
	ResourceSlotsCPUUsage    = prefix + "resource_slots_cpu_usage"
	ResourceSlotsMemoryUsage = prefix + "resource_slots_mem_usage"
)
