package testsuite_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/worker"
)

// greeter is a plugin that registers an activity when its worker starts.
type greeter struct {
	worker.PluginBase
	calls                      []string
	configureError, startError error
}

func (*greeter) Name() string { return "greeter" }

func (g *greeter) ConfigureWorker(_ context.Context, options worker.PluginConfigureWorkerOptions) error {
	options.WorkerRegistryOptions.OnRegisterActivity = func(_ any, o activity.RegisterOptions) {
		g.calls = append(g.calls, "registered "+o.Name)
	}
	return g.configureError
}

func (g *greeter) StartWorker(ctx context.Context, options worker.PluginStartWorkerOptions, next func(context.Context, worker.PluginStartWorkerOptions) error) error {
	g.calls = append(g.calls, "start")
	if g.startError != nil {
		return g.startError
	}
	options.WorkerRegistry.RegisterActivityWithOptions(Greet, activity.RegisterOptions{Name: "Greet"})
	return next(ctx, options)
}

func (g *greeter) StopWorker(ctx context.Context, options worker.PluginStopWorkerOptions, next func(context.Context, worker.PluginStopWorkerOptions)) {
	g.calls = append(g.calls, "stop")
	next(ctx, options)
}

func (g *greeter) want(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(g.calls, want) {
		t.Fatalf("the plugin saw %q, want %q", g.calls, want)
	}
}

func panicOf(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

func TestPluginsOfTheWorkerStartAndStopWithTheWorkflow(t *testing.T) {
	plugin := &greeter{}
	env := newEnvironment()
	env.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	env.RegisterWorkflow(Greeting)
	env.ExecuteWorkflow(ParentOfGreeting)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	plugin.want(t, "start", "registered Greet", "stop")
}

func TestAPluginThatCannotStartEndsTheTest(t *testing.T) {
	plugin := &greeter{startError: errors.New("no power")}
	env := newEnvironment()
	env.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	if p := panicOf(func() { env.ExecuteWorkflow(Greeting, "world") }); p != plugin.startError {
		t.Fatalf("the test panicked with %v", p)
	}
	plugin.want(t, "start")
}

func TestPluginsAreConfiguredOnce(t *testing.T) {
	env := newEnvironment()
	broken := &greeter{configureError: errors.New("no manual")}
	if p := panicOf(func() { env.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{broken}}) }); p != broken.configureError {
		t.Fatalf("the options panicked with %v", p)
	}
	env.SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{&greeter{}}})
	if p := panicOf(func() { env.SetWorkerOptions(worker.Options{}) }); p == nil {
		t.Fatal("the options were set again")
	}
}

func TestWhatAPluginRegistersIsThereForOneActivity(t *testing.T) {
	plugin := &greeter{}
	env := newActivityEnvironment().SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	for range 2 {
		// It would be registered twice otherwise.
		value, err := env.ExecuteActivity("Greet", "world")
		if err != nil {
			t.Fatal(err)
		}
		var greeting string
		if err := value.Get(&greeting); err != nil || greeting != "hello world" {
			t.Fatalf("got %q, %v", greeting, err)
		}
	}
	plugin.want(t, "start", "registered Greet", "stop", "start", "registered Greet", "stop")
}

func TestPluginsStopAfterAnActivityThatIsNotDone(t *testing.T) {
	plugin := &greeter{}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment().SetWorkerOptions(worker.Options{Plugins: []worker.Plugin{plugin}})
	env.RegisterActivityWithOptions(func(context.Context) error { return activity.ErrResultPending }, activity.RegisterOptions{Name: "Later"})
	if _, err := env.ExecuteActivity("Later"); !errors.Is(err, activity.ErrResultPending) {
		t.Fatalf("got %v", err)
	}
	plugin.want(t, "registered Later", "start", "registered Greet", "stop")
}
