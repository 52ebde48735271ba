package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage/memory"
)

// observed are options of a server with metrics.
func observed(options server.Options) server.Options {
	options.Telemetry.Listen = "127.0.0.1:0"
	return options
}

// get reads a path of the port of metrics.
func (b *bench) get(path string, headers ...string) (status int, body, contentType string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.ctx(), http.MethodGet, "http://"+b.server.MetricsAddress()+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Header.Get("Content-Type")
}

// scrape are the metrics by their names.
type scrape map[string]*dto.MetricFamily

func (b *bench) scrape() scrape {
	b.t.Helper()
	status, body, _ := b.get("/metrics")
	if status != http.StatusOK {
		b.t.Fatalf("metrics: %d %s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	return families
}

// value adds up the series of a metric that have the labels, name and value in turns: values of
// counters and gauges, counts of histograms. found is false if there is none.
func (s scrape) value(name string, labels ...string) (sum float64, found bool) {
	for _, m := range s[name].GetMetric() {
		has := map[string]string{}
		for _, label := range m.GetLabel() {
			has[label.GetName()] = label.GetValue()
		}
		fits := true
		for i := 0; i+1 < len(labels); i += 2 {
			fits = fits && has[labels[i]] == labels[i+1]
		}
		if fits {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			found = true
		}
	}
	return sum, found
}

func (b *bench) checkMetric(s scrape, want float64, name string, labels ...string) {
	b.t.Helper()
	if got, found := s.value(name, labels...); got != want || !found {
		b.t.Errorf("%s of %v is %v (there: %v), want %v", name, labels, got, found, want)
	}
}

// runOrder runs a workflow whose activity fails once and then succeeds.
func (b *bench) runOrder(id string) {
	b.t.Helper()
	b.startWorkflow(id)
	command := scheduleActivity("a")
	command.GetScheduleActivityTaskCommandAttributes().RetryPolicy = &commonpb.RetryPolicy{InitialInterval: durationpb.New(time.Millisecond)}
	b.complete(b.pollWorkflow(), command)
	if _, err := b.client.RespondActivityTaskFailed(b.ctx(), &workflowservice.RespondActivityTaskFailedRequest{
		TaskToken: b.pollActivity().GetTaskToken(), Failure: &failurepb.Failure{Message: "once",
			FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{}}}}); err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.client.RespondActivityTaskCompleted(b.ctx(), &workflowservice.RespondActivityTaskCompletedRequest{TaskToken: b.pollActivity().GetTaskToken()}); err != nil {
		b.t.Fatal(err)
	}
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
}

func TestMetricsTellOfCallsWorkflowsActivitiesAndTasks(t *testing.T) {
	b := start(t, observed(server.Options{DataDir: filepath.Join(t.TempDir(), "data")}))
	b.runOrder("w")
	if _, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution("nobody")}); err == nil {
		t.Fatal("a workflow that does not exist is described")
	}
	s := b.scrape()
	b.checkMetric(s, 1, "service_requests", "operation", "StartWorkflowExecution", "namespace", ns, "service_name", "frontend")
	b.checkMetric(s, 2, "service_latency", "operation", "RespondWorkflowTaskCompleted", "namespace", ns)
	b.checkMetric(s, 1, "service_error_with_type", "operation", "DescribeWorkflowExecution", "error_type", "serviceerror_NotFound")
	b.checkMetric(s, 0, "service_errors", "operation", "DescribeWorkflowExecution")

	b.checkMetric(s, 1, "perdure_workflow_started_total", "namespace", ns, "workflowType", "order")
	b.checkMetric(s, 1, "workflow_success", "namespace", ns, "workflowType", "order", "service_name", "history")
	b.checkMetric(s, 0, "workflow_failed", "namespace", ns, "workflowType", "order")
	b.checkMetric(s, 1, "workflow_schedule_to_close_latency", "namespace", ns)
	b.checkMetric(s, 1, "history_count", "namespace", ns)
	b.checkMetric(s, 2, "workflow_task_attempt", "namespace", ns)
	b.checkMetric(s, 2, "perdure_workflow_task_duration_seconds", "namespace", ns)
	b.checkMetric(s, 1, "command", "commandType", enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK.String())
	b.checkMetric(s, 2, "task_schedule_to_start_latency", "operation", "RecordActivityTaskStarted")

	b.checkMetric(s, 1, "activity_success", "activityType", "charge")
	b.checkMetric(s, 1, "activity_task_fail", "activityType", "charge")
	b.checkMetric(s, 0, "activity_fail", "activityType", "charge")
	b.checkMetric(s, 2, "activity_start_to_close_latency", "activityType", "charge")
	b.checkMetric(s, 1, "activity_schedule_to_close_latency", "activityType", "charge")

	b.checkMetric(s, 2, "poll_success", "task_type", "Workflow", "taskqueue", "__omitted__", "partition", "__normal__")
	b.checkMetric(s, 2, "task_dispatch_latency", "task_type", "Activity")
	b.checkMetric(s, 0, "approximate_backlog_count", "task_type", "Workflow")

	for _, name := range []string{"perdure_commit_duration_seconds", "perdure_commit_group_size", "perdure_store_bytes", "perdure_entities", "perdure_shards", "go_goroutines"} {
		if value, found := s.value(name); !found || value <= 0 {
			t.Errorf("%s is %v (there: %v), want more than 0", name, value, found)
		}
	}
	b.checkMetric(s, 1, "perdure_ready")
	b.checkMetric(s, 0, "perdure_store_failed")
}

func TestTasksThatNobodyPollsForAreToldOf(t *testing.T) {
	b := start(t, observed(server.Options{Telemetry: server.TelemetryOptions{TaskQueues: 1}}))
	b.startWorkflow("a")
	b.startWorkflow("b")
	s := b.scrape()
	b.checkMetric(s, 2, "approximate_backlog_count", "task_type", "Workflow", "taskqueue", queue)
	b.checkMetric(s, 2, "perdure_unattended_backlog_count", "namespace", ns, "task_type", "Workflow")
	b.checkMetric(s, 2, "no_poller_tasks", "taskqueue", queue)
	b.pollWorkflow()
	s = b.scrape()
	b.checkMetric(s, 1, "approximate_backlog_count", "task_type", "Workflow", "taskqueue", queue)
	b.checkMetric(s, 0, "perdure_unattended_backlog_count", "namespace", ns, "task_type", "Workflow")
}

func TestNamespacesBeyondTheBoundAreCountedTogether(t *testing.T) {
	b := start(t, observed(server.Options{Namespaces: []string{"one", "two"}, Telemetry: server.TelemetryOptions{Namespaces: 1}}))
	for _, name := range []string{ns, "one", "two"} {
		if _, err := b.client.DescribeTaskQueue(b.ctx(), &workflowservice.DescribeTaskQueueRequest{Namespace: name, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}}); err != nil {
			t.Fatal(err)
		}
	}
	s := b.scrape()
	b.checkMetric(s, 1, "service_requests", "operation", "DescribeTaskQueue", "namespace", ns)
	b.checkMetric(s, 2, "service_requests", "operation", "DescribeTaskQueue", "namespace", "_other_")
}

func TestOpenMetricsHasTheNamesOfTheTextFormat(t *testing.T) {
	b := start(t, observed(server.Options{}))
	b.startWorkflow("w")
	status, body, contentType := b.get("/metrics", "Accept", "application/openmetrics-text;version=1.0.0")
	if status != http.StatusOK || !strings.HasPrefix(contentType, "application/openmetrics-text") {
		t.Fatalf("answer is %d, %s", status, contentType)
	}
	for _, line := range []string{"# TYPE service_requests unknown", "\nservice_requests{", "# TYPE perdure_workflow_started counter", "\nperdure_workflow_started_total{", "# EOF"} {
		if !strings.Contains(body, line) {
			t.Errorf("%q is not in it", line)
		}
	}
}

func TestHealthChecksTellAServerThatWorksFromOneThatHasToBeStartedAnew(t *testing.T) {
	store := &fullDisk{Store: memory.New(1)}
	b := start(t, server.WithStore(observed(server.Options{}), store))
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body, _ := b.get(path); status != http.StatusOK || body != "ok\n" {
			t.Errorf("%s says %d %q", path, status, body)
		}
	}
	store.full.Store(true)
	if _, err := b.client.SignalWithStartWorkflowExecution(b.ctx(), &workflowservice.SignalWithStartWorkflowExecutionRequest{
		Namespace: ns, WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, SignalName: "go",
	}); err == nil {
		t.Fatal("a workflow was started on a disk that is full")
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body, _ := b.get(path); status != http.StatusServiceUnavailable || !strings.Contains(body, "no space left on device") {
			t.Errorf("%s says %d %q", path, status, body)
		}
	}
	b.checkMetric(b.scrape(), 1, "perdure_store_failed")
}

func TestProfilesAreServedIfAskedFor(t *testing.T) {
	b := start(t, observed(server.Options{}))
	if status, _, _ := b.get("/debug/pprof/"); status != http.StatusNotFound {
		t.Errorf("profiles are answered %d, and nobody has asked for them", status)
	}
	b = start(t, observed(server.Options{Telemetry: server.TelemetryOptions{Pprof: true}}))
	if status, body, _ := b.get("/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("profiles are answered %d %.100s", status, body)
	}
}

func TestWithoutAPortNothingIsObserved(t *testing.T) {
	b := start(t, server.Options{})
	if address := b.server.MetricsAddress(); address != "" {
		t.Errorf("metrics are at %q", address)
	}
	b.startWorkflow("w")
}

func TestSpansOfCallsAndTheirStepsReachTheCollector(t *testing.T) {
	var mu sync.Mutex
	var received strings.Builder
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		received.WriteString(r.URL.Path)
		received.Write(body)
	}))
	defer collector.Close()
	b := start(t, server.Options{Telemetry: server.TelemetryOptions{Tracing: true, TraceEndpoint: collector.URL + "/v1/traces"}})
	b.startWorkflow("order-1")
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, piece := range []string{"/v1/traces", "WorkflowService/StartWorkflowExecution", "step workflow", "order-1", "applied"} {
		if !strings.Contains(received.String(), piece) {
			t.Errorf("what the collector has got has no %q", piece)
		}
	}
}
