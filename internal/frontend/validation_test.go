package frontend

//lint:file-ignore SA1019 older clients still send what is deprecated

import (
	"math"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	querypb "go.temporal.io/api/query/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/api/check"
	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/records"
)

type startRequest = workflowservice.StartWorkflowExecutionRequest

func validStart() *startRequest {
	return &startRequest{
		Namespace:    "default",
		WorkflowId:   "w",
		WorkflowType: &commonpb.WorkflowType{Name: "t"},
		TaskQueue:    &taskqueuepb.TaskQueue{Name: "q"},
	}
}

func withCallback(url string) func(*startRequest) {
	return func(r *startRequest) {
		r.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: url}}}}
	}
}

func TestStartIsRefusedForBadForm(t *testing.T) {
	link := func(n int) *commonpb.Link {
		return &commonpb.Link{Variant: &commonpb.Link_BatchJob_{BatchJob: &commonpb.Link_BatchJob{JobId: long(n)}}}
	}
	for name, c := range map[string]struct {
		change func(*startRequest)
		code   codes.Code
		says   string
	}{
		"no workflow id":        {func(r *startRequest) { r.WorkflowId = "" }, codes.InvalidArgument, "WorkflowId is not set on request."},
		"long workflow id":      {func(r *startRequest) { r.WorkflowId = long(1001) }, codes.InvalidArgument, "WorkflowId exceeds maximum allowed length (1001/1000)"},
		"no workflow type":      {func(r *startRequest) { r.WorkflowType = nil }, codes.InvalidArgument, "WorkflowType is not set on request."},
		"long workflow type":    {func(r *startRequest) { r.WorkflowType.Name = long(1001) }, codes.InvalidArgument, "WorkflowType length exceeds limit."},
		"no task queue":         {func(r *startRequest) { r.TaskQueue = nil }, codes.InvalidArgument, "taskQueue is not set"},
		"no task queue name":    {func(r *startRequest) { r.TaskQueue.Name = "" }, codes.InvalidArgument, "missing task queue name"},
		"long task queue name":  {func(r *startRequest) { r.TaskQueue.Name = long(1001) }, codes.InvalidArgument, "taskQueue length exceeds limit"},
		"reserved task queue":   {func(r *startRequest) { r.TaskQueue.Name = "/_sys/q/1" }, codes.InvalidArgument, "reserved prefix"},
		"internal task queue":   {func(r *startRequest) { r.TaskQueue.Name = check.InternalQueue }, codes.InvalidArgument, "internal per-namespace"},
		"long request id":       {func(r *startRequest) { r.RequestId = long(1001) }, codes.InvalidArgument, "RequestId length exceeds limit."},
		"negative timeout":      {func(r *startRequest) { r.WorkflowExecutionTimeout = seconds(-1) }, codes.InvalidArgument, "An invalid WorkflowExecutionTimeoutSeconds"},
		"malformed timeout":     {func(r *startRequest) { r.WorkflowRunTimeout = seconds(1); r.WorkflowRunTimeout.Nanos = -5 }, codes.InvalidArgument, "An invalid WorkflowRunTimeoutSeconds"},
		"negative task timeout": {func(r *startRequest) { r.WorkflowTaskTimeout = seconds(-1) }, codes.InvalidArgument, "An invalid WorkflowTaskTimeoutSeconds"},
		"negative start delay":  {func(r *startRequest) { r.WorkflowStartDelay = seconds(-1) }, codes.InvalidArgument, "An invalid WorkflowStartDelaySeconds"},
		"cron and start delay":  {func(r *startRequest) { r.CronSchedule = "@daily"; r.WorkflowStartDelay = seconds(1) }, codes.InvalidArgument, "may not be used together"},
		"low backoff":           {func(r *startRequest) { r.RetryPolicy = &commonpb.RetryPolicy{BackoffCoefficient: 0.5} }, codes.InvalidArgument, "BackoffCoefficient cannot be less than 1"},
		"backoff not a number":  {func(r *startRequest) { r.RetryPolicy = &commonpb.RetryPolicy{BackoffCoefficient: math.NaN()} }, codes.InvalidArgument, "BackoffCoefficient cannot be less than 1"},
		"negative attempts":     {func(r *startRequest) { r.RetryPolicy = &commonpb.RetryPolicy{MaximumAttempts: -1} }, codes.InvalidArgument, "MaximumAttempts cannot be negative"},
		"negative interval":     {func(r *startRequest) { r.RetryPolicy = &commonpb.RetryPolicy{InitialInterval: seconds(-1)} }, codes.InvalidArgument, "invalid InitialInterval"},
		"low maximum interval": {func(r *startRequest) {
			r.RetryPolicy = &commonpb.RetryPolicy{InitialInterval: seconds(5), MaximumInterval: seconds(2)}
		}, codes.InvalidArgument, "MaximumInterval cannot be less"},
		"unknown timeout type": {func(r *startRequest) {
			r.RetryPolicy = &commonpb.RetryPolicy{NonRetryableErrorTypes: []string{"TemporalTimeout:Never"}}
		}, codes.InvalidArgument, "Invalid timeout type value: Never."},
		"terminate and conflict": {func(r *startRequest) {
			r.WorkflowIdReusePolicy = 4
			r.WorkflowIdConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
		}, codes.InvalidArgument, "TERMINATE_IF_RUNNING cannot be used together"},
		"terminate and reject": {func(r *startRequest) {
			r.WorkflowIdReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
			r.WorkflowIdConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
		}, codes.InvalidArgument, "REJECT_DUPLICATE cannot be used together"},
		"unknown reuse policy": {func(r *startRequest) { r.WorkflowIdReusePolicy = 99 }, codes.InvalidArgument, "Unknown WorkflowIDReusePolicy"},
		"unknown conflict":     {func(r *startRequest) { r.WorkflowIdConflictPolicy = 99 }, codes.InvalidArgument, "Unknown WorkflowIDConflictPolicy"},
		"attach without id": {func(r *startRequest) {
			r.OnConflictOptions = &workflowpb.OnConflictOptions{AttachCompletionCallbacks: true}
		}, codes.InvalidArgument, "attaching request ID is required"},
		"negative priority":   {func(r *startRequest) { r.Priority = &commonpb.Priority{PriorityKey: -1} }, codes.InvalidArgument, "priority key can't be negative"},
		"long fairness key":   {func(r *startRequest) { r.Priority = &commonpb.Priority{FairnessKey: long(65)} }, codes.InvalidArgument, "fairness key length exceeds limit"},
		"weight not a number": {func(r *startRequest) { r.Priority = &commonpb.Priority{FairnessWeight: float32(math.NaN())} }, codes.InvalidArgument, "must be greater than zero"},
		"many links": {func(r *startRequest) {
			r.Links = []*commonpb.Link{link(1), link(1), link(1), link(1), link(1), link(1), link(1), link(1), link(1), link(1), link(1)}
		}, codes.InvalidArgument, "cannot attach more than 10 links per request, got 11"},
		"big link":        {func(r *startRequest) { r.Links = []*commonpb.Link{link(4000)} }, codes.InvalidArgument, "link exceeds allowed size of 4000"},
		"empty link":      {func(r *startRequest) { r.Links = []*commonpb.Link{{}} }, codes.InvalidArgument, "unsupported link variant"},
		"link to nothing": {func(r *startRequest) { r.Links = []*commonpb.Link{link(0)} }, codes.InvalidArgument, "batch job link must not have an empty job ID"},
		"big input":       {func(r *startRequest) { r.Input = bytesPayload(2 << 20) }, codes.InvalidArgument, "Blob data size exceeds limit."},
		"big memo": {func(r *startRequest) {
			r.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{"k": {Data: make([]byte, 2<<20)}}}
		}, codes.InvalidArgument, "Memo size exceeds limit."},
		"callback of no kind":          {func(r *startRequest) { r.CompletionCallbacks = []*commonpb.Callback{{}} }, codes.Unimplemented, "unknown callback variant"},
		"callback to nowhere":          {withCallback("http://"), codes.InvalidArgument, "missing host"},
		"callback by another scheme":   {withCallback("ftp://example.org/"), codes.InvalidArgument, "unknown scheme"},
		"callback that is not allowed": {withCallback("https://example.org/"), codes.InvalidArgument, "does not match any configured callback address"},
		"callback with a long URL":     {withCallback("https://example.org/" + long(1000)), codes.InvalidArgument, "url length longer"},
		"callback to the inside":       {withCallback("temporal://internal"), codes.InvalidArgument, "reserved"},
		"callback with a broken URL":   {withCallback("http://a b"), codes.InvalidArgument, "invalid callback url"},
		"versioning override":          {func(r *startRequest) { r.VersioningOverride = &workflowpb.VersioningOverride{} }, codes.InvalidArgument, "override behavior is required"},
		"time skipping":                {func(r *startRequest) { r.TimeSkippingConfig = &commonpb.TimeSkippingConfig{} }, codes.Unimplemented, "Time-Skipping"},
		"eager on a version": {func(r *startRequest) {
			r.EagerWorkerDeploymentOptions = &deploymentpb.WorkerDeploymentOptions{DeploymentName: "d.e", BuildId: "b", WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED}
		}, codes.InvalidArgument, "cannot contain '.'"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			req := validStart()
			c.change(req)
			d.refused(req, c.code, c.says)
		})
	}
}

func TestStartFillsInDefaults(t *testing.T) {
	d := newDoor(t)
	req := validStart()
	req.RetryPolicy = &commonpb.RetryPolicy{InitialInterval: seconds(2)}
	req.WorkflowExecutionTimeout = seconds(int64(200 * 365 * 24 * time.Hour / time.Second))
	if _, err := d.call(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	got := d.chain.last.(*startRequest)
	if got.RequestId == "" || got.TaskQueue.Kind != enumspb.TASK_QUEUE_KIND_NORMAL ||
		got.WorkflowIdReusePolicy != enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE ||
		got.WorkflowIdConflictPolicy != enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL {
		t.Errorf("got %v", got)
	}
	if p := got.RetryPolicy; p.BackoffCoefficient != 2 || p.MaximumInterval.AsDuration() != 200*time.Second {
		t.Errorf("retry policy is %v", p)
	}
	if got.WorkflowExecutionTimeout.AsDuration() != check.MaxDuration {
		t.Errorf("execution timeout is %v, want a hundred years", got.WorkflowExecutionTimeout.AsDuration())
	}
}

func TestTheOldTerminatePolicyBecomesAConflictPolicy(t *testing.T) {
	d := newDoor(t)
	req := validStart()
	req.WorkflowIdReusePolicy = 4 // TERMINATE_IF_RUNNING
	if _, err := d.call(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	got := d.chain.last.(*startRequest)
	if got.WorkflowIdReusePolicy != enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE ||
		got.WorkflowIdConflictPolicy != enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING {
		t.Errorf("got %v and %v", got.WorkflowIdReusePolicy, got.WorkflowIdConflictPolicy)
	}
}

func TestOneAttemptMakesTheRestOfARetryPolicyImmaterial(t *testing.T) {
	d := newDoor(t)
	req := validStart()
	req.RetryPolicy = &commonpb.RetryPolicy{MaximumAttempts: 1, BackoffCoefficient: 0.1}
	if _, err := d.call(t.Context(), req); err != nil {
		t.Error(err)
	}
}

func TestOtherRequestsAreRefusedForBadForm(t *testing.T) {
	d := newDoor(t)
	token := d.token()
	ok := &commonpb.WorkflowExecution{WorkflowId: "w"}
	badRun := &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "1"}
	q := &taskqueuepb.TaskQueue{Name: "q"}
	signalWithStart := func(change func(*workflowservice.SignalWithStartWorkflowExecutionRequest)) proto.Message {
		req := &workflowservice.SignalWithStartWorkflowExecutionRequest{Namespace: "default", WorkflowId: "w",
			WorkflowType: &commonpb.WorkflowType{Name: "t"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}, SignalName: "s"}
		change(req)
		return req
	}
	badlyVersioned := &deploymentpb.WorkerDeploymentOptions{DeploymentName: "d:e", BuildId: "b", WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED}
	application := &failurepb.ApplicationFailureInfo{NextRetryDelay: seconds(-1)}
	options := &workflowpb.WorkflowExecutionOptions{}
	mask := func(paths ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: paths} }
	for name, c := range map[string]struct {
		req  proto.Message
		code codes.Code
		says string
	}{
		"signal nobody":           {&workflowservice.SignalWorkflowExecutionRequest{Namespace: "default", SignalName: "s"}, codes.InvalidArgument, "Execution is not set on request."},
		"signal no id":            {&workflowservice.SignalWorkflowExecutionRequest{Namespace: "default", SignalName: "s", WorkflowExecution: &commonpb.WorkflowExecution{}}, codes.InvalidArgument, "WorkflowId is not set on request."},
		"signal bad run":          {&workflowservice.SignalWorkflowExecutionRequest{Namespace: "default", SignalName: "s", WorkflowExecution: badRun}, codes.InvalidArgument, "Invalid RunId."},
		"signal without a name":   {&workflowservice.SignalWorkflowExecutionRequest{Namespace: "default", WorkflowExecution: ok}, codes.InvalidArgument, "SignalName is not set on request."},
		"signal with a long name": {&workflowservice.SignalWorkflowExecutionRequest{Namespace: "default", WorkflowExecution: ok, SignalName: long(1001)}, codes.InvalidArgument, "SignalName length exceeds limit."},
		"signal with big input":   {&workflowservice.SignalWorkflowExecutionRequest{Namespace: "default", WorkflowExecution: ok, SignalName: "s", Input: bytesPayload(3 << 20)}, codes.InvalidArgument, "Blob data size exceeds limit."},
		"signal, long request id": {&workflowservice.SignalWorkflowExecutionRequest{Namespace: "default", WorkflowExecution: ok, SignalName: "s", RequestId: long(1001)}, codes.InvalidArgument, "RequestId length exceeds limit."},

		"signal with start: no signal":   {signalWithStart(func(r *workflowservice.SignalWithStartWorkflowExecutionRequest) { r.SignalName = "" }), codes.InvalidArgument, "signal not set"},
		"signal with start: policy FAIL": {signalWithStart(func(r *workflowservice.SignalWithStartWorkflowExecutionRequest) { r.WorkflowIdConflictPolicy = 1 }), codes.InvalidArgument, "WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported"},
		"signal with start: big signal": {signalWithStart(func(r *workflowservice.SignalWithStartWorkflowExecutionRequest) {
			r.SignalInput = bytesPayload(3 << 20)
		}), codes.InvalidArgument, "Blob data size"},
		"signal with start: override": {signalWithStart(func(r *workflowservice.SignalWithStartWorkflowExecutionRequest) {
			r.VersioningOverride = &workflowpb.VersioningOverride{}
		}), codes.InvalidArgument, "override behavior is required"},
		"options of nobody":          {&workflowservice.UpdateWorkflowExecutionOptionsRequest{Namespace: "default", WorkflowExecutionOptions: options, UpdateMask: mask("priority")}, codes.InvalidArgument, "WorkflowId is not set on request."},
		"options without a mask":     {&workflowservice.UpdateWorkflowExecutionOptionsRequest{Namespace: "default", WorkflowExecution: ok, WorkflowExecutionOptions: options}, codes.InvalidArgument, "UpdateMask is required"},
		"options, none":              {&workflowservice.UpdateWorkflowExecutionOptionsRequest{Namespace: "default", WorkflowExecution: ok, UpdateMask: mask("priority")}, codes.InvalidArgument, "WorkflowExecutionOptions is required"},
		"options, bad mask":          {&workflowservice.UpdateWorkflowExecutionOptionsRequest{Namespace: "default", WorkflowExecution: ok, WorkflowExecutionOptions: options, UpdateMask: mask("color")}, codes.InvalidArgument, "error parsing UpdateMask: "},
		"options, bad priority":      {&workflowservice.UpdateWorkflowExecutionOptionsRequest{Namespace: "default", WorkflowExecution: ok, WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{Priority: &commonpb.Priority{PriorityKey: -1}}, UpdateMask: mask("priority")}, codes.InvalidArgument, "priority key can't be negative"},
		"options with time skipping": {&workflowservice.UpdateWorkflowExecutionOptionsRequest{Namespace: "default", WorkflowExecution: ok, WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{TimeSkippingConfig: &commonpb.TimeSkippingConfig{}}, UpdateMask: mask("time_skipping_config")}, codes.Unimplemented, "Time-Skipping"},

		"cancel nobody":               {&workflowservice.RequestCancelWorkflowExecutionRequest{Namespace: "default"}, codes.InvalidArgument, "Execution is not set"},
		"cancel in a bad chain":       {&workflowservice.RequestCancelWorkflowExecutionRequest{Namespace: "default", WorkflowExecution: ok, FirstExecutionRunId: "x"}, codes.InvalidArgument, "Invalid RunId."},
		"terminate bad run":           {&workflowservice.TerminateWorkflowExecutionRequest{Namespace: "default", WorkflowExecution: badRun}, codes.InvalidArgument, "Invalid RunId."},
		"describe nobody":             {&workflowservice.DescribeWorkflowExecutionRequest{Namespace: "default"}, codes.InvalidArgument, "Execution is not set"},
		"history of nobody":           {&workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: "default"}, codes.InvalidArgument, "Execution is not set"},
		"history, bad token":          {&workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: "default", Execution: ok, NextPageToken: []byte("nonsense")}, codes.InvalidArgument, "NextPageToken"},
		"history, long token":         {&workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: "default", Execution: ok, NextPageToken: make([]byte, 10_000)}, codes.InvalidArgument, "NextPageToken"},
		"reverse, token of zero":      {&workflowservice.GetWorkflowExecutionHistoryReverseRequest{Namespace: "default", Execution: ok, NextPageToken: tokens.EncodeHistory(&records.HistoryToken{RunId: runID})}, codes.InvalidArgument, "NextPageToken"},
		"history, token's run":        {&workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: "default", Execution: ok, NextPageToken: tokens.EncodeHistory(&records.HistoryToken{RunId: "r", NextEventId: 2})}, codes.InvalidArgument, "Invalid RunId."},
		"query nobody":                {&workflowservice.QueryWorkflowRequest{Namespace: "default", Query: &querypb.WorkflowQuery{QueryType: "q"}}, codes.InvalidArgument, "Execution is not set"},
		"query without a query":       {&workflowservice.QueryWorkflowRequest{Namespace: "default", Execution: ok}, codes.InvalidArgument, "WorkflowQuery is not set on request."},
		"query without a type":        {&workflowservice.QueryWorkflowRequest{Namespace: "default", Execution: ok, Query: &querypb.WorkflowQuery{}}, codes.InvalidArgument, "QueryType is not set on request."},
		"query with big args":         {&workflowservice.QueryWorkflowRequest{Namespace: "default", Execution: ok, Query: &querypb.WorkflowQuery{QueryType: "q", QueryArgs: bytesPayload(3 << 20)}}, codes.InvalidArgument, "Blob data size"},
		"answer to no query":          {&workflowservice.RespondQueryTaskCompletedRequest{Namespace: "default", TaskToken: token}, codes.NotFound, "query task not found, or already expired"},
		"answer to a past query":      {&workflowservice.RespondQueryTaskCompletedRequest{Namespace: "default", TaskToken: d.token(func(t *records.TaskToken) { t.QueryId, t.TaskQueue = "q", "q" }), CompletedType: 1}, codes.NotFound, "query task not found"},
		"poll without a queue":        {&workflowservice.PollWorkflowTaskQueueRequest{Namespace: "default"}, codes.InvalidArgument, "taskQueue is not set"},
		"poll, long identity":         {&workflowservice.PollActivityTaskQueueRequest{Namespace: "default", TaskQueue: q, Identity: long(1001)}, codes.InvalidArgument, "Identity length exceeds limit."},
		"poll, long normal name":      {&workflowservice.PollWorkflowTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "s", Kind: 2, NormalName: long(1001)}}, codes.InvalidArgument, "taskQueue length"},
		"poll by version":             {&workflowservice.PollWorkflowTaskQueueRequest{Namespace: "default", TaskQueue: q, DeploymentOptions: badlyVersioned}, codes.InvalidArgument, "cannot contain ':'"},
		"poll by half a version":      {&workflowservice.PollWorkflowTaskQueueRequest{Namespace: "default", TaskQueue: q, DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{BuildId: "b", WorkerVersioningMode: 2}}, codes.InvalidArgument, "must be set together"},
		"complete, long checksum":     {&workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: token, BinaryChecksum: long(1001)}, codes.InvalidArgument, "BinaryChecksum length exceeds limit."},
		"complete, long build id":     {&workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: token, WorkerVersionStamp: &commonpb.WorkerVersionStamp{BuildId: long(256)}}, codes.InvalidArgument, "Build ID exceeds"},
		"complete, of a deployment":   {&workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: token, Deployment: &deploymentpb.Deployment{BuildId: long(256)}}, codes.InvalidArgument, "Build ID exceeds"},
		"complete, of its options":    {&workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: token, DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{BuildId: long(256)}}, codes.InvalidArgument, "Build ID exceeds"},
		"signal with start: bad cron": {signalWithStart(func(r *workflowservice.SignalWithStartWorkflowExecutionRequest) { r.CronSchedule = "often" }), codes.InvalidArgument, "invalid CronSchedule."},
		"poll, old versioning":        {&workflowservice.PollActivityTaskQueueRequest{Namespace: "default", TaskQueue: q, WorkerVersionCapabilities: &commonpb.WorkerVersionCapabilities{BuildId: "b", UseVersioning: true}}, codes.PermissionDenied, "disabled on this namespace"},
		"poll by deployment, old way": {&workflowservice.PollActivityTaskQueueRequest{Namespace: "default", TaskQueue: q,
			WorkerVersionCapabilities: &commonpb.WorkerVersionCapabilities{BuildId: "b", UseVersioning: true, DeploymentSeriesName: "d:e"}}, codes.InvalidArgument, "cannot contain ':'"},
		"sticky poll, no normal": {&workflowservice.PollWorkflowTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "s", Kind: 2}, DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{}}, codes.InvalidArgument, "NormalName must be set"},
		"complete with behavior": {&workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: token, VersioningBehavior: 1}, codes.InvalidArgument, "versioning behavior"},
		"complete a query":       {&workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: d.token(func(t *records.TaskToken) { t.RunId = "" })}, codes.InvalidArgument, "Invalid TaskToken."},
		"fail, long identity":    {&workflowservice.RespondWorkflowTaskFailedRequest{TaskToken: token, Identity: long(1001)}, codes.InvalidArgument, "Identity length"},
		"activity by no id":      {&workflowservice.RespondActivityTaskCompletedByIdRequest{Namespace: "default", WorkflowId: "w"}, codes.InvalidArgument, "ActivityId is not set on request."},
		"activity by bad run":    {&workflowservice.RespondActivityTaskCanceledByIdRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a", RunId: "r"}, codes.InvalidArgument, "RunId is not valid UUID."},
		"failure of no kind":     {&workflowservice.RespondActivityTaskFailedRequest{TaskToken: token, Failure: &failurepb.Failure{Message: "m"}}, codes.InvalidArgument, "Failure must have ApplicationFailureInfo."},
		"failure, bad delay":     {&workflowservice.RespondActivityTaskFailedRequest{TaskToken: token, Failure: &failurepb.Failure{FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: application}}}, codes.InvalidArgument, "NextRetryDelay"},
		"failure by id, delay":   {&workflowservice.RespondActivityTaskFailedByIdRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a", Failure: &failurepb.Failure{FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: application}}}, codes.InvalidArgument, "NextRetryDelay"},
		"two names of namespace": {&workflowservice.DescribeNamespaceRequest{Namespace: "default", Id: d.ns.ID}, codes.InvalidArgument, "Both ID and Name specified"},
		"unknown namespace id":   {&workflowservice.DescribeNamespaceRequest{Id: "nowhere"}, codes.NotFound, "nowhere"},
		"switched off":           {&workflowservice.ListNexusOperationExecutionsRequest{Namespace: "default"}, codes.Unimplemented, "Standalone Nexus operation is disabled"},
		"sticky, by version":     {&workflowservice.DescribeTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "s", Kind: 2}, ApiMode: 1}, codes.InvalidArgument, "Enhanced DescribeTaskQueue is not valid for a sticky queue"},
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			d.refused(c.req, c.code, c.says)
		})
	}
}

func TestAFailureThatIsTooBigIsCut(t *testing.T) {
	d := newDoor(t)
	_, err := d.call(t.Context(), &workflowservice.RespondWorkflowTaskFailedRequest{TaskToken: d.token(),
		Failure: &failurepb.Failure{Message: "first words " + long(3<<20), StackTrace: "stack"}})
	if err != nil {
		t.Fatal(err)
	}
	failure := d.chain.last.(*workflowservice.RespondWorkflowTaskFailedRequest).GetFailure()
	if proto.Size(failure) > check.MaxBlob || failure.GetServerFailureInfo() == nil || failure.GetCause().GetMessage()[:12] != "first words " ||
		failure.GetCause().GetStackTrace() != "" { // the message has had all the room
		t.Errorf("recorded is a failure of %d bytes: %.200v", proto.Size(failure), failure)
	}
}
