package worker

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/registry"
)

type (
	completedRequest  = workflowservice.RespondWorkflowTaskCompletedRequest
	completedResponse = workflowservice.RespondWorkflowTaskCompletedResponse
	failedRequest     = workflowservice.RespondWorkflowTaskFailedRequest
)

// register adds a workflow to the configuration of a worker under test.
func register(t *testing.T, c *config, name string, fn any) {
	t.Helper()
	if err := c.registry.RegisterWorkflow(fn, registry.WorkflowOptions{Name: name}); err != nil {
		t.Fatal(err)
	}
}

// echo returns the first signal it gets. It answers the query "waiting".
func echo(ctx flow.Context) (string, error) {
	waiting := true
	if err := flow.SetQueryHandler(ctx, "waiting", func() (bool, error) { return waiting, nil }); err != nil {
		return "", err
	}
	var word string
	flow.GetSignalChannel(ctx, "word").Receive(ctx, &word)
	waiting = false
	return word, nil
}

// echoTest is workerTest with the workflow echo.
func echoTest(t *testing.T, test func(t *testing.T, w *Worker, f *fakeServer)) {
	workerTest(t, func(c *config, _ *fakeServer) { register(t, c, "echo", echo) }, test)
}

// closing is the result with which a completion ends the workflow, "" if it does not.
func closing(r *completedRequest) string {
	for _, command := range r.GetCommands() {
		if done := command.GetCompleteWorkflowExecutionCommandAttributes(); done != nil {
			return string(done.GetResult().GetPayloads()[0].GetData())
		}
	}
	return ""
}

func TestACompletionTellsWhereTheWorkerWantsTheNextTask(t *testing.T) {
	echoTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		f.normal <- newScript("echo").started().task(0)
		got := answer[*completedRequest](t, f)
		sticky := got.GetStickyAttributes()
		if sticky.GetWorkerTaskQueue().GetName() != w.workflows.stickyQueue() || sticky.GetWorkerTaskQueue().GetNormalName() != "queue" ||
			sticky.GetScheduleToStartTimeout().AsDuration() != 5*time.Second {
			t.Errorf("the sticky attributes are %v", sticky)
		}
		if !got.GetReturnNewWorkflowTask() || !got.GetCapabilities().GetDiscardSpeculativeWorkflowTaskWithEvents() ||
			//lint:ignore SA1019 servers still read the field
			got.GetWorkerVersionStamp().GetBuildId() != "build" || got.GetBinaryChecksum() != "" ||
			got.GetIdentity() != "tester" || string(got.GetTaskToken()) != "task-3" {
			t.Errorf("the completion is %v", got)
		}
	})
}

func TestAStickyTaskGoesOnWithTheCachedRun(t *testing.T) {
	echoTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		s := newScript("echo").started()
		f.normal <- s.task(0)
		answer[*completedRequest](t, f)
		seen := s.last()
		f.sticky <- s.completed().signal("word", "hi").started().task(seen)
		if got := closing(answer[*completedRequest](t, f)); got != `"hi"` {
			t.Fatalf("the workflow ended with %s", got)
		}
		if fetched := f.fetched(); len(fetched) != 0 {
			t.Fatalf("history was fetched: %q", fetched)
		}
		synctest.Wait()
		if n := cachedRuns(w); n != 0 {
			t.Fatalf("%d runs are cached after the workflow closed", n)
		}
	})
}

// cachedRuns counts the worker's runs in the cache, which other tests use, too.
func cachedRuns(w *Worker) int {
	w.cache.mu.Lock()
	defer w.cache.mu.Unlock()
	n := 0
	for e := w.cache.order.Front(); e != nil; e = e.Next() {
		if e.Value.(*cacheEntry).run.(*run).owner == w.workflows {
			n++
		}
	}
	return n
}

func TestAStickyTaskWithoutACachedRunFetchesTheHistory(t *testing.T) {
	echoTest(t, func(t *testing.T, _ *Worker, f *fakeServer) {
		s := newScript("echo").started().completed().signal("word", "hi").started()
		f.pages[""] = historyPage{events: s.events[:3], next: "p2"}
		f.pages["p2"] = historyPage{next: "p3"} // servers send empty pages
		f.pages["p3"] = historyPage{events: s.events[3:]}
		f.sticky <- s.task(4)
		if got := closing(answer[*completedRequest](t, f)); got != `"hi"` {
			t.Fatalf("the workflow ended with %s", got)
		}
		if fetched := f.fetched(); !slices.Equal(fetched, []string{"", "p2", "p3"}) {
			t.Fatalf("the pages fetched are %q", fetched)
		}
	})
}

func TestACachedRunThatMissedATaskIsRebuilt(t *testing.T) {
	echoTest(t, func(t *testing.T, _ *Worker, f *fakeServer) {
		s := newScript("echo").started()
		f.normal <- s.task(0)
		answer[*completedRequest](t, f)
		// Another worker handled a task in between.
		s.completed().signal("other", 1).started().completed()
		seen := s.last()
		s.signal("word", "hi").started()
		f.pages[""] = historyPage{events: s.events}
		f.sticky <- s.task(seen)
		if got := closing(answer[*completedRequest](t, f)); got != `"hi"` {
			t.Fatalf("the workflow ended with %s", got)
		}
		if fetched := f.fetched(); len(fetched) != 1 {
			t.Fatalf("history was fetched %d times", len(fetched))
		}
	})
}

func TestAHistoryInPagesIsReadToItsEnd(t *testing.T) {
	echoTest(t, func(t *testing.T, _ *Worker, f *fakeServer) {
		s := newScript("echo").started().completed().signal("word", "hi").started()
		f.pages["more"] = historyPage{events: s.events[2:]}
		task := s.task(0)
		task.History.Events = task.History.Events[:2]
		task.NextPageToken = []byte("more")
		f.normal <- task
		if got := closing(answer[*completedRequest](t, f)); got != `"hi"` {
			t.Fatalf("the workflow ended with %s", got)
		}
	})
}

func TestAHistoryThatGoesOnPastTheTaskMeansThatTheTaskIsLost(t *testing.T) {
	echoTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		s := newScript("echo").started()
		task := s.task(0)
		task.History.Events = task.History.Events[:1]
		task.NextPageToken = []byte("more")
		f.pages["more"] = historyPage{events: s.completed().signal("word", "hi").started().events[1:]}
		f.normal <- task
		synctest.Wait()
		if len(f.answers) != 0 || cachedRuns(w) != 0 {
			t.Fatalf("a lost task was answered, or its run kept (%d)", cachedRuns(w))
		}
	})
}

func TestTheNextTaskInTheAnswerIsHandledWithoutAPoll(t *testing.T) {
	echoTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		s := newScript("echo").started()
		first := s.task(0)
		seen := s.last()
		next := s.completed().signal("word", "hi").started().task(seen)
		f.setReply(func(in *completedRequest) (*completedResponse, error) {
			if string(in.GetTaskToken()) == "task-3" {
				return &completedResponse{WorkflowTask: next}, nil
			}
			return &completedResponse{}, nil
		})
		f.normal <- first
		answer[*completedRequest](t, f)
		if got := closing(answer[*completedRequest](t, f)); got != `"hi"` {
			t.Fatalf("the workflow ended with %s", got)
		}
		if n := w.workflows.tasks.slots.processed.Load(); n != 2 {
			t.Errorf("%d tasks are counted", n)
		}
	})
}

func TestARunWhoseCompletionIsNotAcceptedIsDropped(t *testing.T) {
	echoTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		f.setReply(func(*completedRequest) (*completedResponse, error) {
			return nil, serviceerror.NewNotFound("task timed out")
		})
		f.normal <- newScript("echo").started().task(0)
		answer[*completedRequest](t, f)
		synctest.Wait()
		if n := cachedRuns(w); n != 0 {
			t.Fatalf("%d runs are cached", n)
		}
	})
}

func TestASpeculativeTaskThatTheServerDropsIsUndone(t *testing.T) {
	echoTest(t, func(t *testing.T, _ *Worker, f *fakeServer) {
		s := newScript("echo").started()
		f.normal <- s.task(0)
		answer[*completedRequest](t, f)
		seen := s.last()
		s.completed()
		completed := s.last()
		// The speculative task and its start are not in the history that follows.
		f.setReply(func(*completedRequest) (*completedResponse, error) {
			return &completedResponse{ResetHistoryEventId: seen}, nil
		})
		speculative := s.started().task(seen)
		f.sticky <- speculative
		answer[*completedRequest](t, f)
		f.setReply(nil)
		s.events = s.events[:completed]
		f.sticky <- s.signal("word", "hi").started().task(seen)
		if got := closing(answer[*completedRequest](t, f)); got != `"hi"` {
			t.Fatalf("the workflow ended with %s", got)
		}
		if fetched := f.fetched(); len(fetched) != 0 {
			t.Fatalf("history was fetched: %q", fetched)
		}
	})
}

func TestOnlyTheFirstFailureOfATaskIsReported(t *testing.T) {
	workerTest(t, func(c *config, _ *fakeServer) {
		register(t, c, "broken", func(flow.Context) error { panic("bug") })
	}, func(t *testing.T, w *Worker, f *fakeServer) {
		s := newScript("broken").started()
		f.normal <- s.task(0)
		failed := answer[*failedRequest](t, f)
		if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE ||
			//lint:ignore SA1019 servers still read the field
			!strings.Contains(failed.GetFailure().GetMessage(), "bug") || failed.GetWorkerVersion().GetBuildId() != "build" {
			t.Errorf("the failure is %v", failed)
		}
		again := s.task(0)
		again.Attempt = 2
		f.normal <- again
		synctest.Wait()
		if len(f.answers) != 0 || cachedRuns(w) != 0 {
			t.Fatal("the second failure was reported, or the run kept")
		}
	})
}

func TestAnUnknownWorkflowTypeFailsTheTaskAndNamesTheKnownOnes(t *testing.T) {
	echoTest(t, func(t *testing.T, _ *Worker, f *fakeServer) {
		f.normal <- newScript("stranger").started().task(0)
		message := answer[*failedRequest](t, f).GetFailure().GetMessage()
		if !strings.Contains(message, "stranger") || !strings.Contains(message, "echo") {
			t.Fatalf("the failure is %q", message)
		}
	})
}

// queryTask is a task that only asks a query.
func queryTask(s *script, events []*historypb.HistoryEvent) *workflowservice.PollWorkflowTaskQueueResponse {
	task := s.task(0)
	task.History.Events = events
	task.Query = &querypb.WorkflowQuery{QueryType: "waiting"}
	return task
}

func TestAQueryOfACachedRunIsAnsweredFromItsState(t *testing.T) {
	echoTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		s := newScript("echo").started()
		f.normal <- s.task(0)
		answer[*completedRequest](t, f)
		f.sticky <- queryTask(s, nil)
		got := answer[*workflowservice.RespondQueryTaskCompletedRequest](t, f)
		if got.GetCompletedType() != enumspb.QUERY_RESULT_TYPE_ANSWERED || string(got.GetQueryResult().GetPayloads()[0].GetData()) != "true" {
			t.Fatalf("the answer is %v", got)
		}
		synctest.Wait()
		if len(f.fetched()) != 0 || cachedRuns(w) != 1 {
			t.Fatalf("history was fetched %d times, %d runs are cached", len(f.fetched()), cachedRuns(w))
		}
	})
}

func TestAQueryOfARunThatIsNotCachedIsAnsweredByReplay(t *testing.T) {
	echoTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		s := newScript("echo").started()
		f.pages[""] = historyPage{events: s.events}
		f.sticky <- queryTask(s, nil)
		if got := answer[*workflowservice.RespondQueryTaskCompletedRequest](t, f); got.GetCompletedType() != enumspb.QUERY_RESULT_TYPE_ANSWERED {
			t.Fatalf("the answer is %v", got)
		}
		synctest.Wait()
		if n := cachedRuns(w); n != 0 {
			t.Fatalf("a query put %d runs into the cache", n)
		}
	})
}

// local runs a local activity for the given time.
func local(lasting time.Duration) func(flow.Context) (string, error) {
	return func(ctx flow.Context) (string, error) {
		ctx = flow.WithLocalActivityOptions(ctx, flow.LocalActivityOptions{StartToCloseTimeout: time.Hour})
		var got string
		err := flow.ExecuteLocalActivity(ctx, func(ctx context.Context) (string, error) {
			select {
			case <-time.After(lasting):
				return "slow", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}).Get(ctx, &got)
		return got, err
	}
}

func TestATaskThatWaitsForALocalActivityIsKeptAlive(t *testing.T) {
	workerTest(t, func(c *config, _ *fakeServer) { register(t, c, "local", local(20*time.Second)) }, func(t *testing.T, _ *Worker, f *fakeServer) {
		s := newScript("local").started()
		f.setReply(func(in *completedRequest) (*completedResponse, error) {
			if !in.GetForceCreateNewWorkflowTask() {
				return &completedResponse{}, nil
			}
			seen := s.last()
			return &completedResponse{WorkflowTask: s.completed().started().task(seen)}, nil
		})
		begun := time.Now()
		f.normal <- s.task(0)
		for _, at := range []time.Duration{8 * time.Second, 16 * time.Second} {
			if got := answer[*completedRequest](t, f); !got.GetForceCreateNewWorkflowTask() || len(got.GetCommands()) != 0 {
				t.Fatalf("the answer is %v", got)
			}
			if now := time.Since(begun); now != at {
				t.Fatalf("the task was kept alive after %v, want %v: 80%% of its timeout", now, at)
			}
		}
		got := answer[*completedRequest](t, f)
		if closing(got) != `"slow"` || len(got.GetCommands()) != 2 || time.Since(begun) != 20*time.Second {
			t.Fatalf("after %v the answer is %v", time.Since(begun), got)
		}
	})
}

func TestARunWhoseTaskCannotBeKeptAliveIsDroppedWithItsLocalActivity(t *testing.T) {
	workerTest(t, func(c *config, _ *fakeServer) { register(t, c, "local", local(time.Hour)) }, func(t *testing.T, w *Worker, f *fakeServer) {
		f.setReply(func(*completedRequest) (*completedResponse, error) { return nil, serviceerror.NewNotFound("gone") })
		f.normal <- newScript("local").started().task(0)
		answer[*completedRequest](t, f)
		synctest.Wait()
		if n := cachedRuns(w); n != 0 {
			t.Fatalf("%d runs are cached", n)
		}
		begun := time.Now()
		w.Stop()
		if took := time.Since(begun); took != 0 {
			t.Fatalf("the worker waited %v for the local activity", took)
		}
	})
}

func TestActivitiesThatTheAnswerBringsAreRunWithoutAPoll(t *testing.T) {
	workerTest(t, func(c *config, _ *fakeServer) {
		register(t, c, "eager", func(ctx flow.Context) error {
			for range 5 {
				flow.ExecuteActivity(flow.WithActivityOptions(ctx, flow.ActivityOptions{StartToCloseTimeout: time.Minute}), "act")
			}
			other := flow.ActivityOptions{StartToCloseTimeout: time.Minute, TaskQueue: "other"}
			flow.ExecuteActivity(flow.WithActivityOptions(ctx, other), "act")
			return flow.Sleep(ctx, time.Hour)
		})
		if err := c.registry.RegisterActivity(func() (string, error) { return "ran", nil }, registry.ActivityOptions{Name: "act"}); err != nil {
			t.Fatal(err)
		}
	}, func(t *testing.T, w *Worker, f *fakeServer) {
		f.setReply(func(in *completedRequest) (*completedResponse, error) {
			var tasks []*workflowservice.PollActivityTaskQueueResponse
			for range 2 { // one fewer than asked for
				tasks = append(tasks, &workflowservice.PollActivityTaskQueueResponse{
					TaskToken:           []byte("a"),
					ActivityType:        &commonpb.ActivityType{Name: "act"},
					StartToCloseTimeout: durationpb.New(time.Minute),
					ScheduledTime:       timestamppb.Now(),
				})
			}
			return &completedResponse{ActivityTasks: tasks}, nil
		})
		synctest.Wait()
		idle := w.activities.tasks.slots.issued.Load()
		f.normal <- newScript("eager").started().task(0)
		requested := 0
		for _, command := range answer[*completedRequest](t, f).GetCommands() {
			if command.GetScheduleActivityTaskCommandAttributes().GetRequestEagerExecution() {
				requested++
			}
		}
		if requested != 3 {
			t.Errorf("%d activities asked to be started eagerly, want 3", requested)
		}
		for range 2 {
			answer[*workflowservice.RespondActivityTaskCompletedRequest](t, f)
		}
		synctest.Wait()
		if used := w.activities.tasks.slots.issued.Load(); used != idle || w.workflows.eager.held != 0 {
			t.Errorf("%d slots are used, want %d; %d are held for eager activities", used, idle, w.workflows.eager.held)
		}
	})
}

func TestWithoutACacheNothingIsSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServer()
		config := testConfig(f)
		register(t, &config, "echo", echo)
		w := newWorker(config, newStickyCache(0, 0))
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		s := newScript("echo").started()
		f.normal <- s.task(0)
		if got := answer[*completedRequest](t, f); got.GetStickyAttributes() != nil {
			t.Errorf("the sticky attributes are %v", got.GetStickyAttributes())
		}
		f.normal <- s.completed().signal("word", "hi").started().task(0)
		if got := closing(answer[*completedRequest](t, f)); got != `"hi"` {
			t.Fatalf("the workflow ended with %s", got)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, poll := range f.polls {
			if poll.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
				t.Fatal("a sticky queue was polled")
			}
		}
	})
}

func TestAFullCacheDropsTheRunThatWaitedLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServer()
		config := testConfig(f)
		var unwound []string
		register(t, &config, "echo", func(ctx flow.Context) error {
			defer func() { unwound = append(unwound, flow.GetInfo(ctx).WorkflowExecution.RunID) }()
			flow.GetSignalChannel(ctx, "word").Receive(ctx, nil)
			return nil
		})
		w := newWorker(config, newStickyCache(2, 0))
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"r1", "r2", "r3"} {
			task := newScript("echo").started().task(0)
			task.WorkflowExecution.RunId = id
			f.normal <- task
			answer[*completedRequest](t, f)
			synctest.Wait()
		}
		if !slices.Equal(unwound, []string{"r1"}) {
			t.Errorf("the runs that were unwound are %q, want the first", unwound)
		}
		w.Stop()
		slices.Sort(unwound)
		if !slices.Equal(unwound, []string{"r1", "r2", "r3"}) {
			t.Errorf("after the worker stopped, the runs that were unwound are %q", unwound)
		}
	})
}

func TestACompletionThatIsTooLargeFailsTheTask(t *testing.T) {
	echoTest(t, func(t *testing.T, _ *Worker, f *fakeServer) {
		tooLarge := errTooLarge(t)
		f.setReply(func(*completedRequest) (*completedResponse, error) { return nil, tooLarge })
		f.normal <- newScript("echo").started().task(0)
		answer[*completedRequest](t, f)
		if got := answer[*failedRequest](t, f); got.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE {
			t.Fatalf("the failure is %v", got)
		}
	})
}

func TestATaskIsNotFailedForAnErrorOfTheConnection(t *testing.T) {
	echoTest(t, func(t *testing.T, w *Worker, f *fakeServer) {
		f.setReply(func(*completedRequest) (*completedResponse, error) { return nil, errors.New("reset by peer") })
		f.normal <- newScript("echo").started().task(0)
		answer[*completedRequest](t, f)
		synctest.Wait()
		if len(f.answers) != 0 || cachedRuns(w) != 0 {
			t.Fatal("a second answer was sent, or the run kept")
		}
	})
}

func TestARunThatIsTooLargeForTheCacheIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServer()
		config := testConfig(f)
		register(t, &config, "echo", echo)
		w := newWorker(config, newStickyCache(10, 100<<10))
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		for size, kept := range map[int64]int{10 << 10: 1, 200 << 10: 0} {
			s := newScript("echo").started()
			s.events[s.last()-1].GetWorkflowTaskStartedEventAttributes().HistorySizeBytes = size
			f.normal <- s.task(0)
			answer[*completedRequest](t, f)
			synctest.Wait()
			if got := cachedRuns(w); got != kept {
				t.Errorf("%d runs are kept after a history of %d bytes", got, size)
			}
			w.cache.removeIf(func(cached) bool { return true })
		}
	})
}

func TestAWorkerCanHaveACacheOfItsOwn(t *testing.T) {
	for _, test := range []struct {
		options Options
		size    int
		bytes   int64
		own     bool
	}{
		{Options{}, DefaultStickyCacheSize, 0, false},
		{Options{StickyWorkflowCacheSize: 7}, 7, 0, true},
		{Options{StickyWorkflowCacheBytes: 1 << 20}, DefaultStickyCacheSize, 1 << 20, true},
	} {
		c := test.options.cacheOf()
		if _, size, _, bytes := c.usage(); size != test.size || bytes != test.bytes || (c != process) != test.own {
			t.Errorf("%+v: %d runs of %d bytes, own: %v", test.options, size, bytes, c != process)
		}
	}
}

func TestNothingOfAWorkerThatHasStoppedIsRetained(t *testing.T) {
	var instance weak.Pointer[flow.Instance]
	workerTest(t, func(c *config, _ *fakeServer) { register(t, c, "echo", echo) },
		func(t *testing.T, w *Worker, f *fakeServer) {
			f.normal <- newScript("echo").started().task(0)
			answer[*completedRequest](t, f)
			synctest.Wait()
			found, ok := w.cache.get("run")
			if !ok {
				t.Fatal("the run is not cached")
			}
			instance = weak.Make(found.(*run).instance)
		})
	for range 10 {
		runtime.GC()
		if instance.Value() == nil {
			return
		}
	}
	t.Error("the run of a worker that has stopped is still in memory")
}
