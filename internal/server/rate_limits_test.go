package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// limited starts a server with limits, and returns a client that comes over the network, and
// one from inside the process.
func limited(t *testing.T, settings ...dynamicconfig.Override) (outside, inside workflowservice.WorkflowServiceClient) {
	t.Helper()
	s, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Namespaces: []string{"other"}, DynamicConfig: settings, Logger: new(logged).logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Stop(ctx)
	})
	return workflowservice.NewWorkflowServiceClient(dialNetwork(t, s.Address())), workflowservice.NewWorkflowServiceClient(s.ClientConn())
}

// exhausted is why a call was refused; zero if it was not.
func exhausted(t *testing.T, err error) (enumspb.ResourceExhaustedCause, enumspb.ResourceExhaustedScope) {
	t.Helper()
	if err == nil {
		return 0, 0
	}
	var resource *serviceerror.ResourceExhausted
	if !errors.As(serviceerror.FromStatus(status.Convert(err)), &resource) {
		t.Fatalf("another error: %v", err)
	}
	return resource.Cause, resource.Scope
}

// untilRefused makes a call until it is refused, which it is long before the last time.
func untilRefused(t *testing.T, call func() error) error {
	t.Helper()
	for range 1000 {
		if err := call(); err != nil {
			return err
		}
	}
	t.Fatal("no call was refused")
	return nil
}

func TestANamespaceHasARateOfRequests(t *testing.T) {
	client, inside := limited(t, dynamicconfig.Override{Key: "frontend.namespaceRPS", Value: "1"})
	describe := func(client workflowservice.WorkflowServiceClient, namespace string) error {
		_, err := client.DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
		return err
	}
	err := untilRefused(t, func() error { return describe(client, "default") })
	if cause, scope := exhausted(t, err); cause != enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT || scope != enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE {
		t.Errorf("refused because of %v in %v", cause, scope)
	}
	if err := describe(client, "other"); err != nil {
		t.Errorf("another namespace: %v", err)
	}
	if err := list(t.Context(), client, "default"); err != nil {
		t.Errorf("a search, which has a rate of its own: %v", err)
	}
	for range 10 {
		if err := describe(inside, "default"); err != nil {
			t.Fatalf("from inside the process: %v", err)
		}
	}
}

func TestSearchesHaveARateOfTheirOwn(t *testing.T) {
	client, _ := limited(t, dynamicconfig.Override{Key: "frontend.namespaceRPS.visibility", Value: "1"})
	err := untilRefused(t, func() error { return list(t.Context(), client, "default") })
	if cause, scope := exhausted(t, err); cause != enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT || scope != enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE {
		t.Errorf("refused because of %v in %v", cause, scope)
	}
}

func TestAllNamespacesTogetherHaveARate(t *testing.T) {
	client, _ := limited(t, dynamicconfig.Override{Key: "frontend.rps", Value: "1"})
	err := untilRefused(t, func() error {
		_, err := client.ListNamespaces(t.Context(), &workflowservice.ListNamespacesRequest{})
		return err
	})
	if cause, scope := exhausted(t, err); cause != enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT || scope != enumspb.RESOURCE_EXHAUSTED_SCOPE_SYSTEM {
		t.Errorf("refused because of %v in %v", cause, scope)
	}
}

func TestPollsOfANamespaceThatWaitAreCounted(t *testing.T) {
	client, _ := limited(t, dynamicconfig.Override{Key: "frontend.namespaceCount", Value: "1"})
	poll := func(ctx context.Context, namespace string) error {
		_, err := client.PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{Namespace: namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}})
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	// One of the two waits, the other one is refused.
	for range 2 {
		go func() { ended <- poll(ctx, "default") }()
	}
	if cause, scope := exhausted(t, <-ended); cause != enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT || scope != enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE {
		t.Errorf("refused because of %v in %v", cause, scope)
	}
	if _, err := client.PollWorkflowTaskQueue(within(t, 3*time.Second), &workflowservice.PollWorkflowTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}}); err != nil {
		t.Errorf("a poll of another kind: %v", err)
	}
	if err := poll(within(t, 3*time.Second), "other"); err != nil {
		t.Errorf("a poll of another namespace: %v", err)
	}
	cancel()
	<-ended
	await(t, "a poll after the other one has ended", func() bool { return poll(within(t, 3*time.Second), "default") == nil })
}

// within is a context that ends: a poll that has so little time is answered with nothing.
func within(t *testing.T, timeout time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}
