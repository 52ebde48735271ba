package test

import (
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// The public SDK's test suite starts a development server from a binary it is
// pointed to, with the flags of the Temporal CLI.
func TestTheTestSuiteOfThePublicSDKStartsPerdureAsItsDevelopmentServer(t *testing.T) {
	if binary == "" {
		t.Skip("the tests use a server that is already running (-server or -record)")
	}
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath: binary,
		DBFilename:   t.TempDir(),
		LogLevel:     "warn",
		ExtraArgs:    []string{"--search-attribute", "Customer=Keyword", "--dynamic-config-value", "any.key=true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	}()

	c := server.Client()
	w := worker.New(c, "dev", worker.Options{})
	w.RegisterWorkflowWithOptions(func(workflow.Context) (string, error) { return "done", nil }, workflow.RegisterOptions{Name: "flow"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "dev"}, "flow")
	if err != nil {
		t.Fatal(err)
	}
	var result string
	if err := run.Get(t.Context(), &result); err != nil || result != "done" {
		t.Fatalf("result %q, error %v", result, err)
	}
}
