package check

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// limits are those of a server without settings of its own.
var limits = DefaultLimits()

func text(n int) string { return strings.Repeat("x", n) }

func queue(name string) *taskqueuepb.TaskQueue { return &taskqueuepb.TaskQueue{Name: name} }

func payload(n int) *commonpb.Payload { return &commonpb.Payload{Data: make([]byte, n)} }

func attributes(n, size int) *commonpb.SearchAttributes {
	a := &commonpb.SearchAttributes{IndexedFields: make(map[string]*commonpb.Payload)}
	for i := range n {
		a.IndexedFields[fmt.Sprint(i)] = payload(size)
	}
	return a
}

func retry(change func(*commonpb.RetryPolicy)) error {
	p := new(commonpb.RetryPolicy)
	change(p)
	return RetryPolicy(p, &UnboundedRetries)
}

func keys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	return keys
}

func link(id string) *commonpb.Link {
	return &commonpb.Link{Variant: &commonpb.Link_BatchJob_{BatchJob: &commonpb.Link_BatchJob{JobId: id}}}
}

func signalWithStart(signal string) *workflowservice.SignalWithStartWorkflowExecutionRequest {
	return &workflowservice.SignalWithStartWorkflowExecutionRequest{
		WorkflowId: "w", SignalName: signal, WorkflowType: &commonpb.WorkflowType{Name: "t"}, RequestId: "r"}
}

// TestFieldsHaveTheseLimits is the table of fields: what is the last value of each
// that is accepted, and how the first beyond it is refused.
func TestFieldsHaveTheseLimits(t *testing.T) {
	command, seconds := Command("StartTimerCommand"), func(n int64) *durationpb.Duration { return &durationpb.Duration{Seconds: n} }
	for _, row := range []struct {
		field    string
		accepted error
		refused  error
		says     string
	}{
		{"workflow id", limits.CheckWorkflowID(text(MaxID), Request), limits.CheckWorkflowID(text(MaxID+1), Request), "WorkflowId length exceeds limit."},
		{"workflow id, there", limits.CheckWorkflowID("w", Request), limits.CheckWorkflowID("", Request), "WorkflowId is not set on request."},
		{"workflow type", limits.CheckWorkflowType(&commonpb.WorkflowType{Name: text(MaxID)}, Request), limits.CheckWorkflowType(nil, Request), "WorkflowType is not set on request."},
		{"signal name", limits.CheckSignalName(text(MaxID), Request), limits.CheckSignalName(text(MaxID+1), Request), "SignalName length exceeds limit."},
		{"id in a command", limits.CheckID("TimerId", text(MaxID), command), limits.CheckID("TimerId", text(MaxID+1), command), "TimerId on StartTimerCommand exceeds length limit."},
		{"id in a command, there", limits.CheckID("TimerId", "t", command), limits.CheckID("TimerId", "", command), "TimerId is not set on StartTimerCommand."},
		{"id of an activity", limits.CheckID("activityId", text(MaxID), Activity), limits.CheckID("activityId", text(MaxID+1), Activity), "activityId exceeds length limit. Length=1001 Limit=1000"},
		{"id of an activity, there", limits.CheckID("activityId", "a", Activity), limits.CheckID("activityId", "", Activity), "activityId is not set"},
		{"identity", limits.CheckIdentity(text(MaxID)), limits.CheckIdentity(text(MaxID + 1)), "Identity length exceeds limit."},
		{"request id", limits.CheckRequestID(text(MaxID)), limits.CheckRequestID(text(MaxID + 1)), "RequestId length exceeds limit."},
		{"namespace", limits.CheckNamespace(text(MaxID), Request), limits.CheckNamespace(text(MaxID+1), Request), "Namespace length exceeds limit."},
		{"namespace, there", NamespaceSet("n"), NamespaceSet(""), "Namespace not set on request."},
		{"run id", RunID("5e9ba2e4-5a23-4f2c-9d0e-1b7a5d0c8a11", Request), RunID("r", Request), "Invalid RunId."},
		{"run id, its only form", RunID("", command), RunID("{5e9ba2e4-5a23-4f2c-9d0e-1b7a5d0c8a11}", command), "Invalid RunId set on StartTimerCommand."},
		{"execution", limits.CheckExecution(&commonpb.WorkflowExecution{WorkflowId: "w"}, Request), limits.CheckExecution(nil, Request), "Execution is not set on request."},
		{"build id", limits.CheckBuildID(text(MaxBuildID)), limits.CheckBuildID(text(MaxBuildID + 1)), "Build ID exceeds"},
		{"build id, old form", limits.CheckWorkerVersion(&commonpb.WorkerVersionStamp{BuildId: text(MaxBuildID)}, nil, nil),
			limits.CheckWorkerVersion(&commonpb.WorkerVersionStamp{BuildId: text(MaxBuildID + 1)}, nil, nil), "Build ID exceeds"},
		{"build id, of a deployment", limits.CheckDeploymentOptions(&deploymentpb.WorkerDeploymentOptions{BuildId: text(MaxBuildID)}, nil),
			limits.CheckDeploymentOptions(&deploymentpb.WorkerDeploymentOptions{BuildId: text(MaxBuildID + 1)}, nil), "Build ID exceeds"},
		{"priority key", Priority(nil), Priority(&commonpb.Priority{PriorityKey: -1}), "priority key can't be negative"},
		{"fairness key", Priority(&commonpb.Priority{FairnessKey: text(MaxFairnessKey)}), Priority(&commonpb.Priority{FairnessKey: text(MaxFairnessKey + 1)}), "fairness key length exceeds limit"},
		{"fairness weight", Priority(&commonpb.Priority{FairnessWeight: 0.5}), Priority(&commonpb.Priority{FairnessWeight: -1}), "must be greater than zero"},
		{"fairness weight, a number", Priority(&commonpb.Priority{FairnessWeight: math.MaxFloat32}), Priority(&commonpb.Priority{FairnessWeight: float32(math.NaN())}), "must be greater than zero"},
		{"fairness weight, finite", Priority(&commonpb.Priority{FairnessWeight: 0}), Priority(&commonpb.Priority{FairnessWeight: float32(math.Inf(1))}), "must be greater than zero"},
		{"fairness weight, there", FairnessWeight(1), FairnessWeight(0), "must be greater than zero"},
		{"weight overrides", FairnessWeightOverrides(map[string]float32{"a": 1}, []string{"b"}), FairnessWeightOverrides(map[string]float32{"a": 1}, []string{"a"}), `key "a" present in both`},
		{"weight overrides, count", FairnessWeightOverrides(nil, keys(MaxWeightOverrides)), FairnessWeightOverrides(nil, keys(MaxWeightOverrides+1)), "too many fairness weight overrides in request: got 1001, maximum 1000"},
		{"weight overrides, keys", nil, FairnessWeightOverrides(nil, []string{""}), "key must not be empty"},
		{"weight overrides, length of keys", nil, FairnessWeightOverrides(map[string]float32{text(MaxFairnessKey + 1): 1}, nil), "fairness key length exceeds limit"},
		{"weight overrides, weights", nil, FairnessWeightOverrides(map[string]float32{"a": 0}, nil), `invalid fairness weight weight for key "a"`},
		{"rate", Rate("R", 0), Rate("R", -1), "RequestsPerSecond for R rate limit must be non-negative"},
		{"rate, a number", Rate("R", 1), Rate("R", float32(math.NaN())), "RequestsPerSecond for R rate limit must be non-negative"},
		{"rate, finite", Rate("R", math.MaxFloat32), Rate("R", float32(math.Inf(1))), "RequestsPerSecond for R rate limit must be non-negative"},
		{"reason", Reason("R", text(MaxReason)), Reason("R", text(MaxReason+1)), "R field too long (max 1000 characters)."},
		{"task queue", limits.CheckTaskQueue(queue(text(MaxID))), limits.CheckTaskQueue(queue(text(MaxID + 1))), "taskQueue length exceeds limit"},
		{"task queue, there", limits.CheckTaskQueue(queue("q")), limits.CheckTaskQueue(nil), "taskQueue is not set"},
		{"task queue, with a name", limits.CheckUserTaskQueue(queue(""), "own"), limits.CheckUserTaskQueue(queue(""), ""), "missing task queue name"},
		{"task queue, not reserved", limits.CheckTaskQueue(queue("_sys")), limits.CheckTaskQueue(queue("/_sys/q/1")), "reserved prefix"},
		{"task queue, not internal", limits.CheckUserTaskQueue(queue(""), InternalQueue), limits.CheckUserTaskQueue(queue(InternalQueue), ""), "cannot use internal"},
		{"normal queue of a sticky one", limits.CheckTaskQueue(&taskqueuepb.TaskQueue{Name: "s", Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: text(MaxID)}),
			limits.CheckTaskQueue(&taskqueuepb.TaskQueue{Name: "s", Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: text(MaxID + 1)}), "taskQueue length exceeds limit"},
		{"duration", Duration("D", seconds(0), Request), Duration("D", seconds(-1), Request), "An invalid D is set on request. cause: negative duration"},
		{"duration, one sign", Duration("D", nil, command), Duration("D", &durationpb.Duration{Seconds: 1, Nanos: -1}, command), "Invalid D on StartTimerCommand: duration has seconds and nanos with different signs"},
		{"start delay", StartDelay("", seconds(1)), StartDelay("@daily", seconds(1)), "may not be used together"},
		{"timeouts", Timeouts(&workflowservice.StartWorkflowExecutionRequest{}), Timeouts(&workflowservice.StartWorkflowExecutionRequest{WorkflowRunTimeout: seconds(-1)}), "An invalid WorkflowRunTimeoutSeconds is set on request."},
		{"next retry delay", ActivityFailure(nil), ActivityFailure(&failurepb.Failure{FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{NextRetryDelay: seconds(-1)}}}), "invalid NextRetryDelay set on ApplicationFailureInfo: negative duration"},
		{"retry: first interval", RetryPolicy(nil, &UnboundedRetries), retry(func(p *commonpb.RetryPolicy) { p.InitialInterval = seconds(-1) }), "invalid InitialInterval set on retry policy: negative duration"},
		{"retry: maximum interval", RetryPolicy(&commonpb.RetryPolicy{}, &UnboundedRetries), retry(func(p *commonpb.RetryPolicy) { p.InitialInterval, p.MaximumInterval = seconds(2), seconds(1) }), "MaximumInterval cannot be less than InitialInterval"},
		{"retry: coefficient", retry(func(p *commonpb.RetryPolicy) { p.BackoffCoefficient = 1 }), retry(func(p *commonpb.RetryPolicy) { p.BackoffCoefficient = 0.5 }), "BackoffCoefficient cannot be less than 1"},
		{"retry: coefficient, a number", nil, retry(func(p *commonpb.RetryPolicy) { p.BackoffCoefficient = math.NaN() }), "BackoffCoefficient cannot be less than 1"},
		{"retry: attempts", retry(func(p *commonpb.RetryPolicy) { p.MaximumAttempts = 1; p.BackoffCoefficient = -1 }), retry(func(p *commonpb.RetryPolicy) { p.MaximumAttempts = -1 }), "MaximumAttempts cannot be negative"},
		{"retry: types of timeouts", retry(func(p *commonpb.RetryPolicy) {
			p.NonRetryableErrorTypes = []string{"Tea", "TemporalTimeout:StartToClose"}
		}),
			retry(func(p *commonpb.RetryPolicy) { p.NonRetryableErrorTypes = []string{"TemporalTimeout:Tea"} }), "Invalid timeout type value: Tea."},
		{"cron schedule", CronSchedule("*/5 * * * *"), CronSchedule("often"), "invalid CronSchedule."},
		{"cron schedule that comes", CronSchedule("0 0 29 2 *"), CronSchedule("0 0 30 2 *"), "no time can be found to satisfy the schedule"},
		{"id of a new workflow", limits.CheckNewWorkflowID(text(MaxID)), limits.CheckNewWorkflowID(text(MaxID + 1)), "WorkflowId exceeds maximum allowed length (1001/1000)"},
		{"names of a signal with start", limits.CheckSignalWithStart(signalWithStart("s")), limits.CheckSignalWithStart(signalWithStart("")), "signal not set"},
		{"lengths of a signal with start", nil, limits.CheckSignalWithStart(signalWithStart(text(MaxID + 1))), "signal name exceeds maximum allowed length (1001/1000)"},
		{"blob", BlobSize(MaxBlob, MaxBlob), BlobSize(MaxBlob+1, MaxBlob), "Blob data size exceeds limit."},
		{"what is stored", StoredSize("X.Input", 1, 1), StoredSize("X.Input", 2, 1), "X.Input exceeds size limit."},
		{"memo", limits.CheckMemo(nil), limits.CheckMemo(&commonpb.Memo{Fields: map[string]*commonpb.Payload{"m": payload(MaxMemo)}}), "Memo size exceeds limit."},
		{"links", limits.CheckLinks(make([]*commonpb.Link, 0, MaxLinks)), limits.CheckLinks(make([]*commonpb.Link, MaxLinks+1)), "cannot attach more than 10 links per request, got 11"},
		{"link", limits.CheckLink(link("job")), limits.CheckLink(link(text(MaxLink))), "link exceeds allowed size of 4000"},
		{"link, complete", nil, limits.CheckLink(link("")), "batch job link must not have an empty job ID"},
		{"link, of a known kind", nil, limits.CheckLink(&commonpb.Link{}), "unsupported link variant"},
		{"search attribute", limits.CheckSearchAttributes(attributes(1, MaxSearchAttribute)), limits.CheckSearchAttributes(attributes(1, MaxSearchAttribute+1)), "search attribute 0 value size 2049 exceeds size limit 2048"},
		{"search attributes", limits.CheckSearchAttributes(attributes(19, MaxSearchAttribute)), limits.CheckSearchAttributes(attributes(20, MaxSearchAttribute)), "total size of search attributes"},
	} {
		t.Run(row.field, func(t *testing.T) {
			if row.accepted != nil {
				t.Errorf("the last good value is refused: %v", row.accepted)
			}
			var invalid *serviceerror.InvalidArgument
			if !errors.As(row.refused, &invalid) || !strings.Contains(row.refused.Error(), row.says) {
				t.Errorf("error is %v, want InvalidArgument: %s", row.refused, row.says)
			}
		})
	}
}

func TestLinksSayWhatIsMissing(t *testing.T) {
	for says, l := range map[string]*commonpb.Link{
		"workflow event link must not have an empty namespace field":     {Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: &commonpb.Link_WorkflowEvent{}}},
		"activity link must not have an empty activity ID field":         {Variant: &commonpb.Link_Activity_{Activity: &commonpb.Link_Activity{Namespace: "n"}}},
		"nexus operation link must not have an empty operation ID field": {Variant: &commonpb.Link_NexusOperation_{NexusOperation: &commonpb.Link_NexusOperation{Namespace: "n"}}},
		"workflow event link ref cannot have": {Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: &commonpb.Link_WorkflowEvent{Namespace: "n", WorkflowId: "w", RunId: "r",
			Reference: &commonpb.Link_WorkflowEvent_EventRef{EventRef: &commonpb.Link_WorkflowEvent_EventReference{EventId: 1}}}}},
	} {
		if err := limits.CheckLink(l); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("error is %v, want %s", err, says)
		}
	}
}

func TestARetryPolicyIsCompletedWithDefaults(t *testing.T) {
	got := &commonpb.RetryPolicy{}
	if err := RetryPolicy(got, &UnboundedRetries); err != nil {
		t.Fatal(err)
	}
	want := &commonpb.RetryPolicy{InitialInterval: durationpb.New(time.Second), BackoffCoefficient: 2, MaximumInterval: durationpb.New(100 * time.Second)}
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDurationsAreCutAtAHundredYears(t *testing.T) {
	d := &durationpb.Duration{Seconds: math.MaxInt64}
	if err := Duration("D", d, Request); err != nil || d.AsDuration() != MaxDuration {
		t.Errorf("cut to %v, error %v", d.AsDuration(), err)
	}
}

func TestATaskQueueIsCompleted(t *testing.T) {
	q := queue("")
	if err := limits.CheckUserTaskQueue(q, "own"); err != nil || q.Name != "own" || q.Kind != enumspb.TASK_QUEUE_KIND_NORMAL {
		t.Errorf("queue is %v, error %v", q, err)
	}
}

func TestARequestWithoutAnIDGetsOne(t *testing.T) {
	var id string
	if err := limits.FillRequestID(&id); err != nil || id == "" {
		t.Errorf("id is %q, error %v", id, err)
	}
}

func TestWorkersSayTheirVersionInTheFormOfDeploymentsOnly(t *testing.T) {
	var denied *serviceerror.PermissionDenied
	if err := limits.CheckWorkerVersion(&commonpb.WorkerVersionStamp{UseVersioning: true}, nil, nil); !errors.As(err, &denied) {
		t.Errorf("old form: %v, want PermissionDenied", err)
	}
	for version, want := range map[[2]string]string{
		{"d", "b"}:                      "",
		{"d", ""}:                       "Deployment name and build id must be set together.",
		{"", "b"}:                       "Deployment name and build id must be set together.",
		{"a.b", "b"}:                    "worker deployment name cannot contain '.'",
		{"a:b", "b"}:                    "worker deployment name cannot contain ':'",
		{"d", "b.c:d"}:                  "",
		{"__d", "b"}:                    "WorkerDeploymentName cannot start with '__'",
		{"d", "__unversioned__"}:        "BuildID cannot start with '__'",
		{strings.Repeat("x", 481), "b"}: "size of WorkerDeploymentName larger than the maximum allowed",
		{strings.Repeat("x", 480), "b"}: "",
	} {
		options := &deploymentpb.WorkerDeploymentOptions{WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED, DeploymentName: version[0], BuildId: version[1]}
		err := limits.CheckDeploymentOptions(options, nil)
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("version %q: %v, want %q", version, err, want)
		}
	}
}

func TestChecksThatPassAllocateNothing(t *testing.T) {
	command := Command("StartTimerCommand")
	start := &workflowservice.StartWorkflowExecutionRequest{
		WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "t"}, TaskQueue: queue("q"), RequestId: "r",
		WorkflowRunTimeout: &durationpb.Duration{Seconds: 1}, Priority: &commonpb.Priority{FairnessWeight: 1},
		RetryPolicy: &commonpb.RetryPolicy{NonRetryableErrorTypes: []string{"Tea"}}, Links: []*commonpb.Link{link("j")},
		SearchAttributes: attributes(0, 3),
	}
	allocations := testing.AllocsPerRun(100, func() {
		for _, err := range [...]error{
			limits.CheckWorkflowID(start.WorkflowId, Request), limits.CheckWorkflowType(start.WorkflowType, command), limits.CheckID("TimerId", "t", command), limits.FillRequestID(&start.RequestId),
			limits.CheckUserTaskQueue(start.TaskQueue, "q"), Timeouts(start), RetryPolicy(start.RetryPolicy, &UnboundedRetries), Priority(start.Priority), limits.CheckLinks(start.Links),
			limits.CheckSearchAttributes(start.SearchAttributes), limits.CheckBlob(start.Input), limits.CheckMemo(start.Memo), RunID("", Request),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
