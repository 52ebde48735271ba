package differ

import (
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// workers are what workers say of themselves, and what is said of them and of their
// task queues.
var workers = []Scenario{
	{"workers tell of themselves and are listed", func(w *World) {
		w.beat("one", "sdk_name=go", "sdk_version=1.2.3", "host_info.host_name="+w.Prefix+"-host", "status=RUNNING", "deployment_version.deployment_name=d", "deployment_version.build_id=b")
		w.beat("two", "sdk_name=java", "status=SHUTTING_DOWN", "task_queue="+w.Queue("other"))
		mine := `WorkerIdentity = "` + w.Prefix + `-id"`
		for _, query := range []string{mine, mine + ` AND SdkName = "go"`, mine + ` AND SdkVersion = "1.2.3"`, mine + ` AND HostName = "` + w.Prefix + `-host"`,
			mine + ` AND TaskQueue = "` + w.Queue("other") + `"`, mine + ` AND DeploymentName = "d"`, mine + ` AND BuildId = "b"`,
			mine + ` AND WorkerStatus = "Running"`, mine + ` AND Status = "ShuttingDown"`, mine + ` AND SdkName STARTS_WITH "j"`,
			mine + ` AND (SdkName = "go" OR SdkName = "java")`, mine + ` AND SdkName != "go"`, mine + ` AND SdkName IN ("go", "php")`,
			mine + ` AND WorkerInstanceKey = "` + w.Prefix + `-one"`, mine + ` AND StartTime > "2020-01-01T00:00:00Z"`,
			mine + ` AND HeartbeatTime BETWEEN "2020-01-01T00:00:00Z" AND "2021-01-01T00:00:00Z"`} {
			w.Say("%s", w.renderer.n.Text(query))
			_, _ = w.API.CountWorkers(w.Ctx, &workflowservice.CountWorkersRequest{Namespace: Namespace, Query: query})
		}
		w.beat("two", "status=SHUTDOWN", "task_queue="+w.Queue("other"))
		_, _ = w.API.ListWorkers(w.Ctx, &workflowservice.ListWorkersRequest{Namespace: Namespace, Query: mine})
		_, _ = w.API.DescribeWorker(w.Ctx, &workflowservice.DescribeWorkerRequest{Namespace: Namespace, WorkerInstanceKey: w.Prefix + "-one"})
		_, _ = w.API.DescribeWorker(w.Ctx, &workflowservice.DescribeWorkerRequest{Namespace: Namespace, WorkerInstanceKey: w.Prefix + "-two"})
	}},
	{"questions about workers that make no sense", func(w *World) {
		for _, query := range []string{"Nonsense = 1", "SdkName", "SdkName = ", "NOT SdkName = \"go\"", "SdkName = \"go\" LIMIT 1", "SdkName = \"go\" ORDER BY SdkName",
			"StartTime = 'yesterday'", "WorkerStatus = 'Nonsense'", "SdkName LIKE 'g%'", "SdkName = 1", "SdkName IS NULL"} {
			w.Say("%s", query)
			_, err := w.Quiet.ListWorkers(w.Ctx, &workflowservice.ListWorkersRequest{Namespace: Namespace, Query: query})
			w.Say("  refused: %t", err != nil)
		}
		_, _ = w.API.DescribeWorker(w.Ctx, &workflowservice.DescribeWorkerRequest{Namespace: Namespace, WorkerInstanceKey: "no such worker"})
		_, _ = w.API.ListWorkers(w.Ctx, &workflowservice.ListWorkersRequest{Namespace: "no-such-namespace"})
		_, _ = w.API.ListWorkers(w.Ctx, &workflowservice.ListWorkersRequest{Namespace: Namespace, Query: `WorkerIdentity = "nobody"`, NextPageToken: []byte("garbage")})
	}},
	{"heartbeats of workers that make no sense", func(w *World) {
		beats := func(all ...*workerpb.WorkerHeartbeat) {
			_, _ = w.API.RecordWorkerHeartbeat(w.Ctx, &workflowservice.RecordWorkerHeartbeatRequest{Namespace: Namespace, Identity: "worker", WorkerHeartbeat: all})
		}
		beats()
		beats(nil)
		beats(&workerpb.WorkerHeartbeat{})
		_, _ = w.API.DescribeWorker(w.Ctx, &workflowservice.DescribeWorkerRequest{Namespace: Namespace})
		_, _ = w.API.RecordWorkerHeartbeat(w.Ctx, &workflowservice.RecordWorkerHeartbeatRequest{Namespace: "no-such-namespace"})
	}},
	{"workers are not configured from outside", func(w *World) {
		_, _ = w.API.FetchWorkerConfig(w.Ctx, &workflowservice.FetchWorkerConfigRequest{Namespace: Namespace})
		_, _ = w.API.UpdateWorkerConfig(w.Ctx, &workflowservice.UpdateWorkerConfigRequest{Namespace: Namespace})
	}},
	{"a worker shuts down", func(w *World) {
		w.beat("one")
		for _, settings := range [][]string{{"sticky_task_queue="}, {"sticky_task_queue=" + w.Queue("sticky")}, {"worker_instance_key=" + w.Prefix + "-one", "task_queue=" + w.Queue("w")},
			{"worker_heartbeat.worker_instance_key=" + w.Prefix + "-one", "worker_heartbeat.status=SHUTDOWN"}, {"namespace=no-such-namespace"}} {
			_, _ = w.API.ShutdownWorker(w.Ctx, Set(&workflowservice.ShutdownWorkerRequest{Namespace: Namespace, Identity: "worker", Reason: "test"}, settings...))
		}
		_, _ = w.API.DescribeWorker(w.Ctx, &workflowservice.DescribeWorkerRequest{Namespace: Namespace, WorkerInstanceKey: w.Prefix + "-one"})
	}},
	{"task queues are described in the old detailed way", func(w *World) {
		for _, settings := range [][]string{
			{"task_queue.kind=STICKY"}, {"task_queue.name=/_sys/x/1"}, {"task_queue.name="}, {"task_queue=none"}, {"api_mode=99"},
			{"task_queue_types=WORKFLOW", "task_queue_types=ACTIVITY", "report_pollers=true"},
			{"versions.build_ids=a", "versions.build_ids=b", "versions.build_ids=c", "versions.build_ids=d", "versions.build_ids=e", "versions.build_ids=f", "report_task_reachability=true"},
		} {
			w.Say("%s", w.renderer.n.Text(settings[0]))
			request := &workflowservice.DescribeTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue("w")}
			//lint:ignore SA1019 older clients send it
			request.ApiMode = enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED
			_, err := w.Quiet.DescribeTaskQueue(w.Ctx, Set(request, settings...))
			if err != nil {
				w.Say("  %s", w.renderer.failure(err))
			} else {
				w.Say("  OK")
			}
		}
	}},
	{"partitions of task queues that cannot be", func(w *World) {
		for _, queue := range []*taskqueuepb.TaskQueue{nil, {}, {Name: "/_sys/x/1"}} {
			_, err := w.Quiet.ListTaskQueuePartitions(w.Ctx, &workflowservice.ListTaskQueuePartitionsRequest{Namespace: Namespace, TaskQueue: queue})
			if err != nil {
				w.Say("%s", w.renderer.failure(err))
			} else {
				w.Say("OK")
			}
		}
	}},
	{"old forms of versions of workers are refused", func(w *World) {
		_, _ = w.API.UpdateWorkerBuildIdCompatibility(w.Ctx, &workflowservice.UpdateWorkerBuildIdCompatibilityRequest{Namespace: Namespace, TaskQueue: "q"})
		_, _ = w.API.GetWorkerBuildIdCompatibility(w.Ctx, &workflowservice.GetWorkerBuildIdCompatibilityRequest{Namespace: Namespace, TaskQueue: "q"})
		_, _ = w.API.UpdateWorkerVersioningRules(w.Ctx, &workflowservice.UpdateWorkerVersioningRulesRequest{Namespace: Namespace, TaskQueue: "q"})
		_, _ = w.API.GetWorkerVersioningRules(w.Ctx, &workflowservice.GetWorkerVersioningRulesRequest{Namespace: Namespace, TaskQueue: "q"})
		_, _ = w.API.GetWorkerTaskReachability(w.Ctx, &workflowservice.GetWorkerTaskReachabilityRequest{Namespace: Namespace})
	}},
}

// beat sends the heartbeat of the worker of that name.
func (w *World) beat(name string, settings ...string) {
	beat := Set(&workerpb.WorkerHeartbeat{WorkerInstanceKey: w.Prefix + "-" + name, WorkerIdentity: w.Prefix + "-id", TaskQueue: w.Queue("w")}, "start_time=2024-01-01T00:00:00Z", "heartbeat_time=2024-01-02T00:00:00Z")
	_, _ = w.API.RecordWorkerHeartbeat(w.Ctx, &workflowservice.RecordWorkerHeartbeatRequest{Namespace: Namespace, Identity: "worker",
		WorkerHeartbeat: []*workerpb.WorkerHeartbeat{Set(beat, settings...)}})
}
