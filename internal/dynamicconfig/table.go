package dynamicconfig

import (
	"time"

	"github.com/perdure/perdure/internal/api/check"
)

// The settings, by what they are about. Keys, types and defaults are those of
// Temporal servers, unless the line says why not. A sentence of documentation names
// the error or the effect, not the way there.

// Sizes, in bytes, and lengths of what clients and workers send.
var (
	BlobSize = byNamespace("limit.blobSize.error", check.MaxBlob, number(1),
		"Most bytes of one set of payloads: an input, a result, a failure. Requests beyond it are refused; a workflow whose command is beyond it is terminated.")
	MemoSize = byNamespace("limit.memoSize.error", check.MaxMemo, number(1),
		"Most bytes of the memo of a workflow.")
	TaskPagesSize = byNamespace("history.workflowTaskCompletionBufferSizeLimit", 40<<20, number(0),
		"Most bytes of commands of one workflow task in all requests but the last; a workflow whose worker sends more is terminated. 0 is no limit.")
	PagesSize = global("history.workflowTaskCompletionBufferTotalSizeLimit", 1<<30, number(0),
		"Most bytes of commands that wait in memory for the last request of their workflow tasks; what is beyond is refused, and sent again. 0 is no limit.")
	NamespacePages = byNamespace("history.workflowTaskCompletionBufferNamespaceRatio", 0.5, fraction(0, 1),
		"Which part of history.workflowTaskCompletionBufferTotalSizeLimit one namespace may have.")
	UserSummarySize = byNamespace("limit.userMetadataSummarySize", 400, number(0),
		"Most bytes of the summary that people read of an activity without a workflow.")
	UserDetailsSize = byNamespace("limit.userMetadataDetailsSize", 20_000, number(0),
		"Most bytes of the details that people read of an activity without a workflow.")
	LinksPerRequest = byNamespace("frontend.maxlinksPerRequest", check.MaxLinks, number(0),
		"How many links one request may have.")
	LinkSize = byNamespace("frontend.linkMaxSize", check.MaxLink, number(1),
		"Most bytes of one link.")
	SearchAttributeKeys = byNamespace("frontend.searchAttributesNumberOfKeysLimit", check.MaxSearchAttributeCount, number(0),
		"How many search attributes one request or command may set.")
	SearchAttributeSize = byNamespace("frontend.searchAttributesSizeOfValueLimit", check.MaxSearchAttribute, number(1),
		"Most bytes of the value of one search attribute.")
	SearchAttributesSize = byNamespace("frontend.searchAttributesTotalSizeLimit", check.MaxSearchAttributes, number(1),
		"Most bytes of all search attributes of a workflow, with their names.")
	IDLength = global("limit.maxIDLength", check.MaxID, numberBetween(1, check.MaxID),
		"Most bytes of a name or an id: of namespaces, task queues, workflows, activities and timers, of their types, of signals and markers, identities, request ids. What has a longer one already stays, and cannot be named any more. From 1 to 1000.")
	BuildIDSize = global("limit.workerBuildIdSize", check.MaxBuildID, number(1),
		"Most bytes of the build id that a worker says it is of.")
	VisibilityPageSize = byNamespace("frontend.visibilityMaxPageSize", 1000, number(1),
		"Most workflows of one page of a list. Who asks for more gets a page of so many.")
)

// What one workflow may grow to.
var (
	HistoryEvents = byNamespace("limit.historyCount.error", 50<<10, number(1),
		"How many events a history may have. A workflow whose history has more is terminated.")
	HistorySize = byNamespace("limit.historySize.error", 50<<20, number(1),
		"Most bytes of a history. A workflow whose history has more is terminated.")
	StateSize = global("limit.mutableStateSize.error", 8<<20, number(1),
		"About how many bytes the state of a workflow may have besides its history: memo, search attributes, and what is pending with the details of heartbeats. A workflow that has more is terminated.")
	SuggestEvents = byNamespace("limit.historyCount.suggestContinueAsNew", 4<<10, number(1),
		"From how many events on workers are told to continue the workflow as new.")
	SuggestSize = byNamespace("limit.historySize.suggestContinueAsNew", 4<<20, number(1),
		"From how many bytes of history on workers are told to continue the workflow as new.")
	PendingActivities = byNamespace("limit.numPendingActivities.error", 2000, number(0),
		"How many activities a workflow may have pending. A workflow task that asks for more fails; 0 is no limit.")
	PendingChildren = byNamespace("limit.numPendingChildExecutions.error", 2000, number(0),
		"How many child workflows a workflow may have pending. A workflow task that asks for more fails; 0 is no limit.")
	PendingSignals = byNamespace("limit.numPendingSignals.error", 2000, number(0),
		"How many signals of a workflow to others may be pending. A workflow task that asks for more fails; 0 is no limit.")
	PendingCancels = byNamespace("limit.numPendingCancelRequests.error", 2000, number(0),
		"How many cancel requests of a workflow to others may be pending. A workflow task that asks for more fails; 0 is no limit.")
	Signals = byNamespace("history.maximumSignalsPerExecution", 10_000, number(0),
		"How many signals one run accepts; 0 is no limit.")
	InFlightUpdates = byNamespace("history.maxInFlightUpdates", 10, number(0),
		"How many updates of one run may be under way at once; 0 is no limit.")
	InFlightUpdateSize = byNamespace("history.maxInFlightUpdatePayloads", 20<<20, number(0),
		"Most bytes of the requests of all updates of one run that are under way; 0 is no limit.")
	TotalUpdates = byNamespace("history.maxTotalUpdates", 2000, number(0),
		"How many updates one run takes in, completed ones included; 0 is no limit.")
	SuggestUpdates = byNamespace("history.maxTotalUpdates.suggestContinueAsNewThreshold", 0.9, fraction(0, 1),
		"From which part of history.maxTotalUpdates on workers are told to continue the workflow as new.")
	BufferedEvents = global("history.maximumBufferedEventsBatch", 100, number(1),
		"How many events may wait for the end of a workflow task before the task is failed.")
	BufferedSize = global("history.maximumBufferedEventsSizeInBytes", 2<<20, number(1),
		"How many bytes of events may wait for the end of a workflow task before the task is failed.")
	WaitingQueries = global("history.MaxBufferedQueryCount", 1, number(1),
		"How many queries may wait for the next workflow task of one workflow.")
)

// From which sizes on operators are warned: by a line in the log, of which there are not more than five a
// second, and by the metric perdure_large_workflows_total. Nothing is refused.
var (
	BlobWarn = byNamespace("limit.blobSize.warn", 512<<10, number(1),
		"From how many bytes of one event on, with what was sent in it, operators are warned.")
	MemoWarn = byNamespace("limit.memoSize.warn", 2<<10, number(1),
		"From how many bytes of a memo on operators are warned.")
	HistoryEventsWarn = byNamespace("limit.historyCount.warn", 10<<10, number(1),
		"Operators are warned of a history that gets more events.")
	HistorySizeWarn = byNamespace("limit.historySize.warn", 10<<20, number(1),
		"Operators are warned of a history that grows beyond so many bytes.")
	StateWarn = global("limit.mutableStateSize.warn", 1<<20, number(1),
		"From how many bytes of the state of a workflow besides its history on operators are warned, whenever it changes.")
)

// Defaults.
var (
	ActivityRetryPolicy = byNamespace("history.defaultActivityRetryPolicy", check.UnboundedRetries, retryDefaults,
		"What completes the retry policy of an activity that leaves something open, or has none.")
	WorkflowTaskTimeout = byNamespace("history.defaultWorkflowTaskTimeout", 10*time.Second, duration(time.Millisecond),
		"How long a worker may have a workflow task of a workflow that names no timeout.")
	WorkflowRetryPolicy = byNamespace("history.defaultWorkflowRetryPolicy", check.UnboundedRetries, retryDefaults,
		"What completes the retry policy of a workflow that leaves something open.")
)

// Switches.
var (
	ReportedProblems = byNamespace("system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute", 5, number(0),
		"From how many failures of workflow tasks in a row on the search attribute TemporalReportedProblems tells of them; 0 is never.")
	EagerWorkflowStart = byNamespace("system.enableEagerWorkflowStart", true, boolean,
		"The first workflow task may be returned with the start of the workflow.")
	EagerActivities = byNamespace("system.enableActivityEagerExecution", true, boolean,
		"An activity may be returned with the completion that schedules it.")
	WorkflowPause = byNamespace("frontend.WorkflowPauseEnabled", false, boolean,
		"Workflows can be paused.")
	TimeSkipping = byNamespace("frontend.WorkflowTimeSkippingEnabled", false, boolean,
		"Workflows can skip time. Those that do go on when this is switched off.")
	TimeSkips = byNamespace("frontend.WorkflowTimeSkippingMaxSkipPerSession", 200, number(1),
		"How often a workflow skips time, if its start or its options do not say.")
	DisallowQuery = byNamespace("system.disallowQuery", false, boolean,
		"Queries are refused.")
	Updates = byNamespace("frontend.enableUpdateWorkflowExecution", true, boolean,
		"Workflows can be updated.")
	UpdatesAccepted = byNamespace("frontend.enableUpdateWorkflowExecutionAsyncAccepted", true, boolean,
		"Updates may be waited for until they are accepted.")
	CancelPollsOnShutdown = byNamespace("frontend.enableCancelWorkerPollsOnShutdown", true, boolean,
		"The polls of a worker that shuts down are answered at once, so that no task gets lost on its way to it. Off by default on Temporal servers.")
	PagedCompletions = byNamespace("history.enableWorkflowTaskCompletionPagination", true, boolean,
		"A worker may send the commands of a workflow task in several requests. Off by default on Temporal servers.")
	CancelCommands = byNamespace("system.enableCancelActivityWorkerCommand", false, boolean,
		"Workers that take commands are told at once of an activity to be cancelled, and need not heartbeat for it. frontend.WorkerCommandsEnabled has them take commands.")
	WorkerCommands = byNamespace("frontend.WorkerCommandsEnabled", false, boolean,
		"Workers are asked to take commands from the server, at a queue of their own.")
	AutoscalePollers = byNamespace("frontend.pollerAutoscalingAutoEnroll", false, boolean,
		"Workers that do not say how many polls they make change that number by themselves, as the server advises.")
	WorkerHeartbeats = byNamespace("frontend.WorkerHeartbeatsEnabled", true, boolean,
		"The heartbeats of workers are kept, so that workers can be listed. Otherwise they are answered, and thrown away.")
)

// Activities without a workflow.
var (
	StandaloneActivities = byNamespace("activity.enableStandalone", true, boolean,
		"Activities without a workflow can be started and worked with.")
	ActivityStartDelay = byNamespace("activity.startDelayEnabled", true, boolean,
		"Activities without a workflow may be started with a delay.")
	ActivityCallbacks = byNamespace("activity.enableCallbacks", false, boolean,
		"Activities without a workflow may have completion callbacks.")
	ActivityOperators = byNamespace("history.enableStandaloneActivityOperatorCommands", false, boolean,
		"Activities without a workflow can be paused, unpaused and reset, and their options changed.")
	ActivityLinks = byNamespace("chasm.maxLinksPerComponent", 2000, number(0),
		"How many links may be attached to an activity without a workflow.")
)

// Task queues.
var (
	Fairness = byTaskQueue("matching.enableFairness", true, boolean,
		"Tasks of one priority are handed out in turns of their fairness keys, rather than in the order in which they came. Off by default on Temporal servers.")
	HotQueue = byTaskQueue("matching.hotQueuePollsPerSecond", 1000, number(0),
		"On several nodes: from how many polls a second on that other nodes forward to the home of a task queue its polls wait where they arrive, and the home hands tasks out to them. 0 is never. Temporal servers have no such setting.")
	ScalingWait = byTaskQueue("matching.pollerScalingWaitTime", time.Second, duration(0),
		"How long a poll waits before a worker that scales its pollers is told that it has one too many.")
	ScalingAge = byTaskQueue("matching.pollerScalingMinimumBacklog", 200*time.Millisecond, duration(0),
		"How long a task waits before workers that scale their pollers are told that there are too few.")
	ScalingRatio = byTaskQueue("matching.pollerScalingTaskAddToDispatchRatio", 1.2, fraction(0, 1000),
		"By how many times more tasks have to come than go for there to be too few pollers.")
	ScalingRate = byTaskQueue("matching.pollerScalingDecisionsPerSecond", 10.0, fraction(0, 1e6),
		"How many times a second the workers of a task queue are told that there are too few pollers, for each poller.")
)

// Worker deployments.
var (
	DeploymentVersions = byNamespace("system.enableDeploymentVersions", true, boolean,
		"There are worker deployments. Where there are none, their calls are refused, as are the polls of workers with versions.")
	MaxDeployments = byNamespace("matching.maxDeployments", 100, number(1),
		"How many worker deployments a namespace may have.")
	MaxDeploymentVersions = byNamespace("matching.maxVersionsInDeployment", 100, number(1),
		"How many versions a worker deployment may have. One more makes room for itself if an old one is not needed, else it is refused.")
	MaxVersionQueues = byNamespace("matching.maxTaskQueuesInDeploymentVersion", 100, number(1),
		"How many task queues the workers of one version may poll.")
	MaxQueueVersions = byNamespace("matching.maxVersionsInTaskQueue", 200, number(1),
		"How many versions may have workers of one task queue.")
	DrainageGrace = byNamespace("matching.wv.VersionDrainageStatusVisibilityGracePeriod", 3*time.Minute, duration(0),
		"How long after a version has become neither current nor ramping it is first looked whether workflows are pinned to it.")
	DrainageInterval = byNamespace("matching.wv.VersionDrainageStatusRefreshInterval", 3*time.Minute, duration(time.Millisecond),
		"How often it is looked whether workflows are still pinned to a version that drains.")
)

// Starting workflows.
var (
	ReuseInterval = byNamespace("history.workflowIdReuseMinimalInterval", time.Second, duration(0),
		"The shortest time between the start of a run and that of the next one of its workflow: a run that continues another one is put off so long.")
	CheckReuse = byNamespace("history.enableWorkflowIdReuseStartTimeValidation", false, boolean,
		"A start that comes sooner after that of the last run than history.workflowIdReuseMinimalInterval is refused.")
)

// Namespaces.
var (
	MinRetention = global("system.namespaceMinRetentionLocal", time.Hour, duration(0),
		"The shortest retention that a namespace may have.")
	MaxBadBinaries = byNamespace("frontend.maxBadBinaries", 10, number(0),
		"How many builds of a namespace may be marked as bad.")
	ProtectedNamespaces = global("worker.protectedNamespaces", []string(nil), names,
		"Namespaces that cannot be deleted: a list of names.")
	NamespaceDeleteDelay = global("frontend.deleteNamespaceNamespaceDeleteDelay", time.Duration(0), duration(0),
		"How long a namespace whose contents have been deleted is still described, if the request does not say.")
	NamespaceDeleteRate = global("frontend.deleteNamespaceDeleteActivityRPS", 100, number(1),
		"How many workflows a second are deleted or looked at by each of the four that do so, when a namespace is deleted or its retention gets shorter.")
	WorkflowRules = byNamespace("frontend.workflowRulesAPIsEnabled", false, boolean,
		"Workflow rules can be made, looked at and deleted. Those that there are apply in any case.")
	MaxWorkflowRules = byNamespace("frontend.maxWorkflowRulesPerNamespace", 10, number(0),
		"How many workflow rules a namespace may have.")
)

// Rates of requests, and requests that wait. What is beyond is refused with ResourceExhausted.
// There is no limit by default: those of Temporal servers are below what one node does.
var (
	Requests = global("frontend.rps", 0, number(0),
		"How many requests a second a node answers, of those about executions, and as many searches; at once twice as many. Those that matter most go first. 0 is no limit; 2400 by default on Temporal servers.")
	AllRequests = global("frontend.globalRPS", 0, number(0),
		"How many requests a second all nodes of a cluster answer together, each an equal part of them, in place of frontend.rps. 0: frontend.rps holds.")
	NamespaceChanges = global("frontend.rps.namespaceReplicationInducingAPIs", 0, number(0),
		"How many changes of namespaces and of the configuration of task queues a second a node carries out; at once twice as many. 0 is no limit; 20 by default on Temporal servers.")
	NamespaceRequests = byNamespace("frontend.namespaceRPS", 0, number(0),
		"How many requests about its executions a second a node answers to a namespace. 0 is no limit; 2400 by default on Temporal servers.")
	AllNamespaceRequests = byNamespace("frontend.globalNamespaceRPS", 0, number(0),
		"How many requests about its executions a second all nodes of a cluster answer to a namespace together, each an equal part of them, in place of frontend.namespaceRPS. 0: frontend.namespaceRPS holds.")
	NamespaceBurst = byNamespace("frontend.namespaceBurstRatio", 2.0, fraction(1, 1e6),
		"How many times frontend.namespaceRPS may come at once.")
	NamespaceSearches = byNamespace("frontend.namespaceRPS.visibility", 0, number(0),
		"How many searches a second a node answers to a namespace. 0 is no limit; 10 by default on Temporal servers.")
	AllNamespaceSearches = byNamespace("frontend.globalNamespaceRPS.visibility", 0, number(0),
		"How many searches a second all nodes of a cluster answer to a namespace together, each an equal part of them, in place of frontend.namespaceRPS.visibility. 0: that holds.")
	NamespaceSearchBurst = byNamespace("frontend.namespaceBurstRatio.visibility", 1.0, fraction(1, 1e6),
		"How many times frontend.namespaceRPS.visibility may come at once.")
	ChangesOfNamespace = byNamespace("frontend.namespaceRPS.namespaceReplicationInducingAPIs", 0, number(0),
		"How many changes of it and of the configuration of its task queues a second a node carries out for a namespace. 0 is no limit; 1 by default on Temporal servers.")
	AllChangesOfNamespace = byNamespace("frontend.globalNamespaceRPS.namespaceReplicationInducingAPIs", 0, number(0),
		"How many changes of it and of the configuration of its task queues a second all nodes of a cluster carry out for a namespace together, each an equal part of them, in place of frontend.namespaceRPS.namespaceReplicationInducingAPIs. 0: that holds; 10 by default on Temporal servers.")
	ChangesOfNamespaceBurst = byNamespace("frontend.namespaceBurstRatio.namespaceReplicationInducingAPIs", 10.0, fraction(1, 1e6),
		"How many times frontend.namespaceRPS.namespaceReplicationInducingAPIs may come at once.")
	AllWaitingRequests = byNamespace("frontend.globalNamespaceCount", 0, number(0),
		"How many requests of one kind that wait, such as polls for tasks, a namespace may have open on all nodes of a cluster together, an equal part of them on each, in place of frontend.namespaceCount. 0: that holds.")
	WaitingRequests = byNamespace("frontend.namespaceCount", 0, number(0),
		"How many requests of one kind that wait, such as polls for tasks, a namespace may have open on a node. 0 is no limit; 1200 by default on Temporal servers.")
)

// Schedules.
var (
	Schedules = byNamespace("frontend.enableSchedules", true, boolean,
		"There are schedules. If not, calls that are about them are refused; those that there are go on.")
	ScheduleStartRate = byNamespace("worker.schedulerNamespaceStartWorkflowRPS", 30.0, fraction(0.001, 1e6),
		"How many workflows a second all schedules of a namespace start together. What comes at once beyond that is put off.")
)

// Completion callbacks.
var (
	CallbackAddresses = byNamespace("callback.allowedAddresses", Addresses(nil), addresses,
		"Where completion callbacks may go: a list of {Pattern, AllowInsecure}. In a pattern, of host:port, * is any text; without AllowInsecure it has to be https.")
	CallbacksPerWorkflow = byNamespace("callback.maxPerExecution", 2000, number(0),
		"How many completion callbacks a workflow may have.")
	UpdateCallbacks = byNamespace("history.enableUpdateCallbacks", false, boolean,
		"Completion callbacks of updates are called. Otherwise they are recorded with the update, and no more.")
	CallbacksPerUpdate = byNamespace("system.maxCallbacksPerUpdateID", 32, number(1),
		"How many completion callbacks an update may have.")
	CallbackURLLength = byNamespace("frontend.callbackURLMaxLength", 1000, number(1),
		"Most bytes of the URL of a callback.")
	CallbackHeaderSize = byNamespace("frontend.callbackHeaderMaxLength", 8<<10, number(0),
		"Most bytes of the header of a callback.")
)

// HTTP.
var (
	HTTPHosts = global("frontend.httpAllowedHosts", Hosts(nil), hosts,
		"To which hosts requests to the HTTP API and the web UI may be addressed: a list of names, with their ports if they are in the Host header, in which * is any text. Without it, to any; but ports on loopback addresses only to IP addresses and to names that nobody can register, such as localhost.")
)

// Batch operations.
var (
	Batches = byNamespace("frontend.enableBatcher", true, boolean,
		"There are batch operations.")
	ConcurrentBatches = byNamespace("frontend.MaxConcurrentBatchOperationPerNamespace", 1, number(1),
		"How many batch operations of a namespace may be running at once. A start beyond it is refused.")
	BatchExecutions = byNamespace("frontend.MaxExecutionCountBatchOperationPerNamespace", 1000, number(1),
		"How many executions the request for a batch operation may name. Temporal servers do not look at it.")
	BatchesOfActivities = byNamespace("frontend.enableBatchOperationsForStandaloneActivities", false, boolean,
		"Batch operations may cancel, terminate and delete activities that have no workflow.")
	BatchRate = byNamespace("worker.batcherRPS", 50, number(1),
		"How many executions a second one batch operation acts on, if its request does not ask for fewer.")
	BatchConcurrency = byNamespace("worker.batcherConcurrency", 5, number(1),
		"How many executions one batch operation acts on at once.")
)

// Nexus endpoints.
var (
	EndpointName = global("limit.endpointNameMaxLength", 200, number(1),
		"Most bytes of the name of a Nexus endpoint.")
	EndpointURL = global("limit.endpointExternalURLMaxLength", 4<<10, number(1),
		"Most bytes of the URL that is the target of a Nexus endpoint.")
	EndpointDescription = global("limit.endpointDescriptionMaxSize", 20_000, number(0),
		"Most bytes of the description of a Nexus endpoint.")
	EndpointPage = global("limit.endpointListDefaultPageSize", 100, number(1),
		"How many Nexus endpoints a page of the list has, if the request does not say.")
	EndpointPageSize = global("limit.endpointListMaxPageSize", 1000, number(1),
		"How many Nexus endpoints a request may ask for. More is refused.")
	DeleteEndpointTargets = global("frontend.allowDeleteNamespaceIfNexusEndpointTarget", false, boolean,
		"A namespace may be deleted although it is the target of a Nexus endpoint.")
)

// Nexus operations.
var (
	NexusOperations = byNamespace("component.nexusoperations.limit.operation.concurrency", 2000, number(0),
		"How many Nexus operations a workflow may have pending. A workflow task that asks for more fails; 0 is no limit. 30 on Temporal servers.")
	NexusServiceName = byNamespace("component.nexusoperations.limit.service.name.length", 1000, number(1),
		"Most bytes of the name of the service of a Nexus operation.")
	NexusOperationName = byNamespace("component.nexusoperations.limit.operation.name.length", 1000, number(1),
		"Most bytes of the name of a Nexus operation.")
	NexusOperationToken = byNamespace("component.nexusoperations.limit.operation.token.length", 4<<10, number(1),
		"Most bytes of the token under which a handler has started a Nexus operation.")
	NexusHeaderSize = byNamespace("component.nexusoperations.limit.header.size", 8<<10, number(0),
		"Most bytes of the header of a Nexus operation.")
	NexusDisallowedHeaders = global("component.nexusoperations.disallowedHeaders", []string{
		"request-timeout", "xdc-redirection-api", "xdc-redirection-source-cell", "xdc-redirection",
		"caller-name", "caller-type", "call-initiation", "temporal-principal-type", "temporal-principal-name",
	}, names,
		"Names that the header of a Nexus operation must not have, in lower case: a list.")
	NexusTimeout = byNamespace("component.nexusoperations.limit.scheduleToCloseTimeout", time.Duration(0), duration(0),
		"The longest that a Nexus operation may take; 0 is any time.")
	NexusCallTimeout = byNamespace("component.nexusoperations.request.timeout", 10*time.Second, duration(time.Millisecond),
		"How long one call may take that starts or cancels a Nexus operation.")
	NexusMinCallTimeout = byNamespace("component.nexusoperations.limit.request.timeout.min", 1500*time.Millisecond, duration(0),
		"How much time a Nexus operation must have left for another call to be made.")
	NexusCallbackURL = global("component.nexusoperations.callback.endpoint.template", "unset", text,
		"Where other servers report the end of Nexus operations: a URL, in which {{.NamespaceName}} and {{.NamespaceID}} stand for the namespace. Operations of endpoints that are other servers need it.")
	NexusSystemCallback = global("component.nexusoperations.useSystemCallbackURL", true, boolean,
		"Workers report the end of Nexus operations by the URL temporal://system, which their server knows what to do with. If not, they get the URL that other servers get: for handlers that make the report themselves, by HTTP.")
	NexusFirstRest = global("component.nexusoperations.retryPolicy.initialInterval", time.Second, duration(time.Millisecond),
		"How long a call of a Nexus operation that has failed waits before it is made again, the first time; twice as long each time after that.")
	NexusMostRest = global("component.nexusoperations.retryPolicy.maxInterval", time.Hour, duration(time.Millisecond),
		"The longest that a call of a Nexus operation waits before it is made again.")
	NexusCancelEvents = global("component.nexusoperations.recordCancelRequestCompletionEvents", true, boolean,
		"What comes of a request to cancel a Nexus operation is an event of the workflow.")
	StandaloneNexus = byNamespace("nexusoperation.enableStandalone", false, boolean,
		"There are Nexus operations without a workflow. If not, calls that are about them are refused; those that there are go on.")
	NexusReason = byNamespace("nexusoperation.limit.reasonLength", 1000, number(0),
		"Most bytes of the reason of a request about a Nexus operation without a workflow.")
)
