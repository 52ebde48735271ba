package worker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// simple is temporal.NewSimplePlugin for options that are fine.
func simple(t *testing.T, options temporal.SimplePluginOptions) *temporal.SimplePlugin {
	t.Helper()
	options.Name = "simple"
	plugin, err := temporal.NewSimplePlugin(options)
	if err != nil {
		t.Fatal(err)
	}
	return plugin
}

// lazyWith is a client with plugins that is never used to call a server.
func lazyWith(t *testing.T, plugins ...client.Plugin) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{Logger: logger.Discard{}, Plugins: plugins})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAPluginConfiguresClientsAndTheirWorkers(t *testing.T) {
	var did []string
	plugin := simple(t, temporal.SimplePluginOptions{
		ConfigureClient: func(_ context.Context, o client.PluginConfigureClientOptions) error {
			o.ClientOptions.Namespace = "changed"
			did = append(did, "client")
			return nil
		},
		ConfigureWorker: func(_ context.Context, o worker.PluginConfigureWorkerOptions) error {
			if o.WorkerInstanceKey == "" {
				t.Error("the worker has no key")
			}
			o.WorkerOptions.MaxConcurrentWorkflowTaskPollers = 1 // which the worker refuses
			did = append(did, o.TaskQueue)
			return nil
		},
	})
	c := lazyWith(t, plugin)
	if message := panics(func() { worker.New(c, "queue", worker.Options{}) }); !strings.Contains(message, "MaxConcurrentWorkflowTaskPollers") {
		t.Errorf("the worker's options were not changed: %q", message)
	}
	if !slices.Equal(did, []string{"client", "queue"}) {
		t.Errorf("the plugin was called for %q", did)
	}
}

func TestAPluginThatFailsKeepsAClientAndAWorkerFromBeingMade(t *testing.T) {
	broken := errors.New("broken")
	clients := simple(t, temporal.SimplePluginOptions{
		ConfigureClient: func(context.Context, client.PluginConfigureClientOptions) error { return broken },
	})
	if _, err := client.NewLazyClient(client.Options{Plugins: []client.Plugin{clients}}); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	workers := simple(t, temporal.SimplePluginOptions{
		ConfigureWorker: func(context.Context, worker.PluginConfigureWorkerOptions) error { return broken },
	})
	if message := panics(func() {
		worker.New(lazy(t), "queue", worker.Options{Plugins: []worker.Plugin{workers}})
	}); !strings.Contains(message, "broken") {
		t.Errorf("the panic is %q", message)
	}
}

// wrapping is a client plugin that notes when clients are made.
type wrapping struct {
	client.PluginBase
	name  string
	notes *[]string
	skip  bool
}

func (w *wrapping) Name() string { return w.name }

func (w *wrapping) NewClient(ctx context.Context, o client.PluginNewClientOptions, next func(context.Context, client.PluginNewClientOptions) error) error {
	*w.notes = append(*w.notes, w.name)
	if w.skip || !o.Lazy {
		return nil
	}
	return next(ctx, o)
}

func TestTheFirstPluginOfAClientIsOutermost(t *testing.T) {
	var notes []string
	lazyWith(t, &wrapping{name: "outer", notes: &notes}, &wrapping{name: "inner", notes: &notes})
	if !slices.Equal(notes, []string{"outer", "inner"}) {
		t.Fatalf("the plugins were called as %q", notes)
	}
	_, err := client.NewLazyClient(client.Options{Plugins: []client.Plugin{&wrapping{name: "lazy", notes: &notes, skip: true}}})
	if err == nil || !strings.Contains(err.Error(), "did not call next") {
		t.Fatalf("a plugin that makes no client is an error: %v", err)
	}
}

func TestAPluginIsToldOfRegistrations(t *testing.T) {
	var told []string
	plugin := simple(t, temporal.SimplePluginOptions{
		ConfigureWorker: func(_ context.Context, o worker.PluginConfigureWorkerOptions) error {
			o.WorkerRegistryOptions.OnRegisterWorkflow = func(_ any, o workflow.RegisterOptions) { told = append(told, "workflow "+o.Name) }
			o.WorkerRegistryOptions.OnRegisterActivity = func(_ any, o activity.RegisterOptions) { told = append(told, "activity "+o.Name) }
			return nil
		},
	})
	w := worker.New(lazy(t), "queue", worker.Options{Plugins: []worker.Plugin{plugin}})
	w.RegisterWorkflowWithOptions(aWorkflow, workflow.RegisterOptions{Name: "w"})
	w.RegisterActivityWithOptions(anActivity, activity.RegisterOptions{Name: "a"})
	if !slices.Equal(told, []string{"workflow w", "activity a"}) {
		t.Fatalf("the plugin was told of %q", told)
	}
}

func TestAPluginCanPreventAWorkersStartAndIsCalledWhenItStops(t *testing.T) {
	refused := errors.New("not now")
	var after string
	plugin := simple(t, temporal.SimplePluginOptions{
		RunContextBefore: func(_ context.Context, o temporal.SimplePluginRunContextBeforeOptions) error {
			if o.WorkflowReplayer {
				t.Error("the worker is taken for a replayer")
			}
			o.Registry.RegisterWorkflowWithOptions(aWorkflow, workflow.RegisterOptions{Name: "late"})
			return refused
		},
		RunContextAfter: func(_ context.Context, o temporal.SimplePluginRunContextAfterOptions) { after = o.InstanceKey },
	})
	var key string
	other := simple(t, temporal.SimplePluginOptions{
		ConfigureWorker: func(_ context.Context, o worker.PluginConfigureWorkerOptions) error {
			key = o.WorkerInstanceKey
			return nil
		},
	})
	c, err := client.NewLazyClient(client.Options{Logger: logger.Discard{}, HostPort: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := worker.New(c, "queue", worker.Options{Plugins: []worker.Plugin{plugin, other}})
	if err := w.Start(); !errors.Is(err, refused) {
		t.Fatalf("starting ended with %v", err)
	}
	w.Stop()
	if after == "" || after != key {
		t.Fatalf("at the stop the plugin was called with %q, the worker is %q", after, key)
	}
}

// counting is an interceptor of clients and workers.
type counting struct {
	interceptor.InterceptorBase
	workflows *int
}

func (c *counting) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	*c.workflows++
	return next
}

func TestAPluginTakesPartInReplays(t *testing.T) {
	intercepted, before, after := 0, 0, 0
	plugin := simple(t, temporal.SimplePluginOptions{
		ClientInterceptors: []interceptor.ClientInterceptor{&counting{workflows: &intercepted}},
		RunContextBefore: func(_ context.Context, o temporal.SimplePluginRunContextBeforeOptions) error {
			if !o.WorkflowReplayer {
				t.Error("the replayer is taken for a worker")
			}
			before++
			return nil
		},
		RunContextAfter: func(context.Context, temporal.SimplePluginRunContextAfterOptions) { after++ },
	})
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Plugins: []worker.Plugin{plugin}})
	if err != nil {
		t.Fatal(err)
	}
	r.RegisterWorkflowWithOptions(aWorkflow, workflow.RegisterOptions{Name: "w"})
	history := &historypb.History{Events: []*historypb.HistoryEvent{
		{EventId: 1, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
				WorkflowType: &commonpb.WorkflowType{Name: "w"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}}}},
		{EventId: 2, EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED},
		{EventId: 3, EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED},
		{EventId: 4, EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED},
		{EventId: 5, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED},
	}}
	if err := r.ReplayWorkflowHistory(nil, history); err != nil {
		t.Fatal(err)
	}
	if intercepted != 1 || before != 1 || after != 1 {
		t.Fatalf("the plugin intercepted %d workflows, and was called %d times before and %d times after", intercepted, before, after)
	}
}

func TestAPluginNeedsAName(t *testing.T) {
	if _, err := temporal.NewSimplePlugin(temporal.SimplePluginOptions{}); err == nil {
		t.Fatal("a plugin without a name was made")
	}
}
