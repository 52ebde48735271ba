package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

var anyAddress = []dynamicconfig.Override{{Key: "callback.allowedAddresses", Value: `[{Pattern: "*", AllowInsecure: true}]`}}

func withCallback(url string) func(*workflowservice.StartWorkflowExecutionRequest) {
	return func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: url}}}}
	}
}

// callback awaits the state of the one callback of the workflow.
func (b *bench) callback(id string, state enumspb.CallbackState) *workflowpb.CallbackInfo {
	b.t.Helper()
	for {
		resp, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{
			Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: id}})
		if err != nil || len(resp.Callbacks) != 1 {
			b.t.Fatalf("callbacks are %v, %v", resp.GetCallbacks(), err)
		}
		if resp.Callbacks[0].State == state {
			return resp.Callbacks[0]
		}
	}
}

func TestACallbackIsCalledAgainUntilItIsAccepted(t *testing.T) {
	var calls atomic.Int32
	bodies := make(chan string, 3)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer receiver.Close()
	b := start(t, server.Options{DynamicConfig: anyAddress})
	b.startWorkflow("w", withCallback(receiver.URL))
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	for range 2 {
		if body := <-bodies; body == "" {
			t.Error("the callback has no result")
		}
	}
	if c := b.callback("w", enumspb.CALLBACK_STATE_SUCCEEDED); c.Attempt != 2 {
		t.Errorf("callback is %v, want two attempts", c)
	}
}

func TestACallbackSurvivesARestart(t *testing.T) {
	var up atomic.Bool
	called := make(chan struct{}, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		called <- struct{}{}
	}))
	defer receiver.Close()
	options := server.Options{DataDir: filepath.Join(t.TempDir(), "data"), DynamicConfig: anyAddress}
	t.Run("down", func(t *testing.T) {
		b := start(t, options)
		b.startWorkflow("w", withCallback(receiver.URL))
		b.complete(b.pollWorkflow(), completeWorkflow("done"))
		<-called
	})
	up.Store(true)
	t.Run("up", func(t *testing.T) {
		b := start(t, options)
		b.callback("w", enumspb.CALLBACK_STATE_SUCCEEDED)
	})
}

func TestAnAddressThatDoesNotAnswerIsLeftAlone(t *testing.T) {
	receiver := httptest.NewServer(http.NotFoundHandler())
	receiver.Close() // nobody is there
	b := start(t, server.Options{DynamicConfig: anyAddress})
	b.startWorkflow("w", func(r *workflowservice.StartWorkflowExecutionRequest) {
		withCallback(receiver.URL)(r)
		r.CompletionCallbacks = slices.Repeat(r.CompletionCallbacks, 8)
	})
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	for {
		resp, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution("w")})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range resp.Callbacks {
			if c.State == enumspb.CALLBACK_STATE_BLOCKED && c.BlockedReason != "" {
				return
			}
		}
	}
}
