package worker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/extstore/extstoretest"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// storing has the worker store payloads of a thousand bytes and more on a shelf.
func storing(t *testing.T, c *config) (*extstoretest.Shelf, *extstore.Storage) {
	t.Helper()
	shelf := &extstoretest.Shelf{}
	storage, err := extstore.New(extstore.ExternalStorage{Drivers: []extstore.StorageDriver{shelf}, PayloadSizeThreshold: 1000}, logger.Discard{})
	if err != nil {
		t.Fatal(err)
	}
	c.backend.Storage = storage
	return shelf, storage
}

// onShelf returns the value encoded and stored.
func onShelf(t *testing.T, storage *extstore.Storage, value any) *commonpb.Payloads {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(value)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := storage.StorePayloads(context.Background(), payloads.GetPayloads())
	if err != nil || !extstore.IsReference(stored[0]) {
		t.Fatalf("stored %v, %v", stored, err)
	}
	return &commonpb.Payloads{Payloads: stored}
}

// storingTest runs test with a worker that stores payloads.
func storingTest(t *testing.T, change func(*config), test func(t *testing.T, f *fakeServer, shelf *extstoretest.Shelf, storage *extstore.Storage)) {
	t.Helper()
	var shelf *extstoretest.Shelf
	var storage *extstore.Storage
	workerTest(t, func(c *config, _ *fakeServer) {
		shelf, storage = storing(t, c)
		change(c)
	}, func(t *testing.T, _ *Worker, f *fakeServer) { test(t, f, shelf, storage) })
}

// doubling returns the signal that it gets, twice. The query "waiting" returns its last.
func doubling(ctx flow.Context) (string, error) {
	var word string
	if err := flow.SetQueryHandler(ctx, "waiting", func() (string, error) { return word, nil }); err != nil {
		return "", err
	}
	flow.GetSignalChannel(ctx, "word").Receive(ctx, &word)
	flow.GetSignalChannel(ctx, "word").Receive(ctx, nil)
	return word + word, nil
}

// signalled is a history of the workflow with one signal, of which the payloads are stored.
func signalled(t *testing.T, storage *extstore.Storage) *script {
	s := newScript("doubling").started().completed().signal("word", "")
	s.events[s.last()-1].GetWorkflowExecutionSignaledEventAttributes().Input = onShelf(t, storage, large)
	return s.started()
}

func TestAWorkflowSeesWhatWasStored(t *testing.T) {
	storingTest(t, func(c *config) { register(t, c, "doubling", doubling) },
		func(t *testing.T, f *fakeServer, shelf *extstoretest.Shelf, storage *extstore.Storage) {
			s := signalled(t, storage)
			f.normal <- s.task(0)
			answer[*completedRequest](t, f)
			f.sticky <- queryTask(s, nil)
			query := answer[*workflowservice.RespondQueryTaskCompletedRequest](t, f)
			if !extstore.IsReference(query.GetQueryResult().GetPayloads()[0]) {
				t.Errorf("the result of the query is %v", query)
			}
			done := s.last()
			s.completed().signal("word", "").started()
			f.sticky <- s.task(done)
			result := answer[*completedRequest](t, f).GetCommands()[0].GetCompleteWorkflowExecutionCommandAttributes().GetResult().GetPayloads()
			if !extstore.IsReference(result[0]) {
				t.Errorf("the result is %v", result)
			}
			retrieved, err := storage.RetrievePayloads(t.Context(), result)
			if err != nil || string(retrieved[0].GetData()) != `"`+large+large+`"` {
				t.Errorf("retrieved %v, %v", retrieved, err)
			}
			want := extstore.StorageDriverWorkflowInfo{Namespace: "default", WorkflowType: "doubling", WorkflowID: "wf", RunID: "run"}
			if got := shelf.Targets(); len(got) != 3 || got[1] != extstore.StorageDriverTargetInfo(want) || got[2] != got[1] {
				t.Errorf("the targets are %v", got)
			}
		})
}

func TestPagesOfHistoryAreRetrieved(t *testing.T) {
	storingTest(t, func(c *config) { register(t, c, "doubling", doubling) },
		func(t *testing.T, f *fakeServer, _ *extstoretest.Shelf, storage *extstore.Storage) {
			s := signalled(t, storage)
			task := s.task(0)
			f.mu.Lock()
			f.pages["rest"] = historyPage{events: task.History.Events[3:]}
			f.mu.Unlock()
			task.History.Events, task.NextPageToken = task.History.Events[:3], []byte("rest")
			f.normal <- task
			answer[*completedRequest](t, f)
			if got := f.fetched(); len(got) != 1 {
				t.Errorf("fetched %v", got)
			}
		})
}

func TestATaskOfWhichPayloadsCannotBeRetrievedFails(t *testing.T) {
	storingTest(t, func(c *config) { register(t, c, "doubling", doubling) },
		func(t *testing.T, f *fakeServer, shelf *extstoretest.Shelf, storage *extstore.Storage) {
			s := signalled(t, storage)
			shelf.RetrieveError = errors.New("the shelf is locked")
			f.normal <- s.task(0)
			failed := answer[*failedRequest](t, f)
			if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE || !strings.Contains(failed.GetFailure().GetMessage(), "the shelf is locked") {
				t.Errorf("the answer is %v", failed)
			}
			f.normal <- queryTask(s, s.events)
			query := answer[*workflowservice.RespondQueryTaskCompletedRequest](t, f)
			if query.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE || !strings.Contains(query.GetErrorMessage(), "the shelf is locked") {
				t.Errorf("the answer to the query is %v", query)
			}
			task := s.task(0)
			f.mu.Lock()
			f.pages["rest"] = historyPage{events: task.History.Events[3:]}
			f.mu.Unlock()
			task.History.Events, task.NextPageToken = task.History.Events[:3], []byte("rest")
			f.normal <- task
			if cause := answer[*failedRequest](t, f).GetCause(); cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE {
				t.Errorf("the cause, for a page, is %v", cause)
			}
		})
}

func TestAnAnswerOfWhichPayloadsCannotBeStoredFails(t *testing.T) {
	storingTest(t, func(c *config) {
		register(t, c, "large", func(ctx flow.Context) (string, error) {
			return large, flow.SetQueryHandler(ctx, "waiting", func() (string, error) { return large, nil })
		})
	}, func(t *testing.T, f *fakeServer, shelf *extstoretest.Shelf, _ *extstore.Storage) {
		shelf.StoreError = errors.New("the shelf is full")
		s := newScript("large").started()
		f.normal <- s.task(0)
		failed := answer[*failedRequest](t, f)
		if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE || !strings.Contains(failed.GetFailure().GetMessage(), "the shelf is full") {
			t.Errorf("the answer is %v", failed)
		}
		f.normal <- queryTask(s, s.events)
		query := answer[*workflowservice.RespondQueryTaskCompletedRequest](t, f)
		if query.GetCompletedType() != enumspb.QUERY_RESULT_TYPE_FAILED || !strings.Contains(query.GetErrorMessage(), "the shelf is full") {
			t.Errorf("the answer to the query is %v", query)
		}
	})
}

func TestPayloadsForAnotherWorkflowAreStoredForIt(t *testing.T) {
	storingTest(t, func(c *config) {
		register(t, c, "parent", func(ctx flow.Context) error {
			flow.ExecuteChildWorkflow(flow.WithChildOptions(ctx, flow.ChildWorkflowOptions{WorkflowID: "child"}), "kid", large)
			flow.SignalExternalWorkflow(ctx, "other", "its run", "word", large)
			flow.ExecuteActivity(flow.WithActivityOptions(ctx, flow.ActivityOptions{StartToCloseTimeout: time.Minute}), "act", large)
			return flow.Sleep(ctx, time.Hour)
		})
	}, func(t *testing.T, f *fakeServer, shelf *extstoretest.Shelf, _ *extstore.Storage) {
		f.normal <- newScript("parent").started().task(0)
		answer[*completedRequest](t, f)
		got := map[extstore.StorageDriverTargetInfo]bool{}
		for _, target := range shelf.Targets() {
			got[target] = true
		}
		for _, want := range []extstore.StorageDriverWorkflowInfo{
			{Namespace: "default", WorkflowType: "kid", WorkflowID: "child"},
			{Namespace: "default", WorkflowID: "other", RunID: "its run"},
			{Namespace: "default", WorkflowType: "parent", WorkflowID: "wf", RunID: "run"},
		} {
			if !got[want] {
				t.Errorf("nothing was stored for %v, but for %v", want, got)
			}
		}
	})
}

func TestALargeResultOfALocalActivityIsStoredAndNotRefused(t *testing.T) {
	workerTest(t, func(c *config, f *fakeServer) {
		limited(f)
		storing(t, c)
		register(t, c, "wf", func(ctx flow.Context) (int, error) {
			ctx = flow.WithLocalActivityOptions(ctx, flow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
			future := flow.ExecuteLocalActivity(ctx, func(context.Context) (string, error) { return large, nil })
			if err := future.Get(ctx, nil); err != nil {
				return 0, err
			}
			// The result is read after it was sent, and stored for that.
			flow.GetSignalChannel(ctx, "word").Receive(ctx, nil)
			var result string
			err := future.Get(ctx, &result)
			return len(result), err
		})
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		s := newScript("wf").started()
		f.normal <- s.task(0)
		marker := answer[*completedRequest](t, f).GetCommands()[0]
		if !extstore.IsReference(marker.GetRecordMarkerCommandAttributes().GetDetails()["result"].GetPayloads()[0]) {
			t.Fatalf("the marker is %v", marker)
		}
		done := s.last()
		s.completed()
		s.marker(marker.GetRecordMarkerCommandAttributes())
		f.sticky <- s.signal("word", "").started().task(done)
		if got := closing(answer[*completedRequest](t, f)); got != "2000" {
			t.Errorf("the workflow returned %s", got)
		}
	})
}

func TestAnActivitySeesWhatWasStored(t *testing.T) {
	storingTest(t, func(c *config) {
		activity := func(ctx context.Context, word string) (string, error) {
			activities.Calls(ctx).RecordHeartbeat(ctx, word)
			return word + word, nil
		}
		if err := c.registry.RegisterActivity(activity, registry.ActivityOptions{Name: "act"}); err != nil {
			t.Fatal(err)
		}
	}, func(t *testing.T, f *fakeServer, shelf *extstoretest.Shelf, storage *extstore.Storage) {
		task := activityOf("act")
		task.WorkflowExecution = &commonpb.WorkflowExecution{WorkflowId: "wf", RunId: "run"}
		task.Input = onShelf(t, storage, large)
		f.activities <- task
		result := answer[*workflowservice.RespondActivityTaskCompletedRequest](t, f).GetResult().GetPayloads()
		retrieved, err := storage.RetrievePayloads(t.Context(), result)
		if err != nil || !extstore.IsReference(result[0]) || string(retrieved[0].GetData()) != `"`+large+large+`"` {
			t.Errorf("the result is %v, %v", result, err)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.heartbeats) != 1 || !extstore.IsReference(f.heartbeats[0].GetDetails().GetPayloads()[0]) {
			t.Errorf("the heartbeats are %v", f.heartbeats)
		}
		want := extstore.StorageDriverWorkflowInfo{Namespace: "default", WorkflowID: "wf", RunID: "run"}
		if got := shelf.Targets(); len(got) != 3 || got[2] != extstore.StorageDriverTargetInfo(want) {
			t.Errorf("the targets are %v", got)
		}
	})
}

func TestAnActivityOfWhichPayloadsCannotBeRetrievedOrStoredFails(t *testing.T) {
	storingTest(t, func(c *config) {
		if err := c.registry.RegisterActivity(func(context.Context, string) (string, error) { return large, nil }, registry.ActivityOptions{Name: "act"}); err != nil {
			t.Fatal(err)
		}
	}, func(t *testing.T, f *fakeServer, shelf *extstoretest.Shelf, storage *extstore.Storage) {
		task := activityOf("act")
		task.Input = onShelf(t, storage, large)
		shelf.RetrieveError, shelf.StoreError = errors.New("the shelf is locked"), errors.New("the shelf is full")
		f.activities <- task
		f.activities <- activityOf("act")
		messages := ""
		for range 2 {
			failed := answer[*workflowservice.RespondActivityTaskFailedRequest](t, f)
			if failed.GetCause() != enumspb.ACTIVITY_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE {
				t.Errorf("the answer is %v", failed)
			}
			messages += failed.GetFailure().GetMessage()
		}
		if !strings.Contains(messages, "the shelf is locked") || !strings.Contains(messages, "the shelf is full") {
			t.Errorf("the failures are %q", messages)
		}
	})
}

func TestANexusOperationSeesWhatWasStored(t *testing.T) {
	storingTest(t, func(c *config) { withNexus(t)(c, nil) },
		func(t *testing.T, f *fakeServer, shelf *extstoretest.Shelf, storage *extstore.Storage) {
			task := nexusTaskOf(t, "echo", large)
			task.GetRequest().GetStartOperation().Payload = onShelf(t, storage, large).GetPayloads()[0]
			f.nexus <- task
			result := answer[*workflowservice.RespondNexusTaskCompletedRequest](t, f).GetResponse().GetStartOperation().GetSyncSuccess().GetPayload()
			if !extstore.IsReference(result) {
				t.Errorf("the result is %v", result)
			}
			shelf.StoreError = errors.New("the shelf is full")
			f.nexus <- nexusTaskOf(t, "echo", large)
			//lint:ignore SA1019 what servers get that do not ask for failures
			failed := answer[*workflowservice.RespondNexusTaskFailedRequest](t, f).GetError()
			if failed.GetErrorType() != "INTERNAL" || !strings.Contains(failed.GetFailure().GetMessage(), "the shelf is full") {
				t.Errorf("the failure is %v", failed)
			}
		})
}

func TestAHeartbeatNamesTheStorageDrivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServer()
		c := testConfig(f)
		storing(t, &c)
		beat := newHeartbeats(newWorker(c, process)).make(enumspb.WORKER_STATUS_RUNNING)
		if drivers := beat.GetDrivers(); len(drivers) != 1 || drivers[0].GetType() != "shelf" {
			t.Errorf("the drivers are %v", drivers)
		}
	})
}

func TestAWorkerWithoutStorageFailsTasksWithPayloadsThatWereStored(t *testing.T) {
	shelf := &extstoretest.Shelf{}
	storage, err := extstore.New(extstore.ExternalStorage{Drivers: []extstore.StorageDriver{shelf}, PayloadSizeThreshold: 1000}, logger.Discard{})
	if err != nil {
		t.Fatal(err)
	}
	workerTest(t, func(c *config, f *fakeServer) {
		c.WorkflowPanicPolicy = flow.FailWorkflow
		register(t, c, "doubling", doubling)
		withActivity(t, func(string) error { return nil })(c, f)
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		f.normal <- signalled(t, storage).task(0)
		failed := answer[*failedRequest](t, f)
		if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_EXTERNAL_STORAGE_FAILURE || !strings.Contains(failed.GetFailure().GetMessage(), "TMPRL1105") {
			t.Errorf("the workflow task fails with %v", failed)
		}
		task := activityOf("act")
		task.Input = onShelf(t, storage, large)
		f.activities <- task
		if got := answer[*workflowservice.RespondActivityTaskFailedRequest](t, f); !strings.Contains(got.GetFailure().GetMessage(), "TMPRL1105") {
			t.Errorf("the activity fails with %v", got.GetFailure())
		}
	})
}
