package batch

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
)

func signalRequest() *workflowservice.StartBatchOperationRequest {
	return &workflowservice.StartBatchOperationRequest{JobId: "job", Reason: "r", VisibilityQuery: "all",
		Operation: &signal{SignalOperation: &batchpb.BatchOperationSignal{Signal: "s"}}}
}

// terminateCurrent names all workflows, and no runs of them.
func (w *world) terminateCurrent() *workflowservice.StartBatchOperationRequest {
	req := &workflowservice.StartBatchOperationRequest{JobId: "job", Reason: "r",
		Operation: &termination{TerminationOperation: &batchpb.BatchOperationTermination{}}}
	for id := range w.workflows {
		req.TargetExecutions = append(req.TargetExecutions, &commonpb.Execution{Type: enumspb.EXECUTION_TYPE_WORKFLOW, BusinessId: id})
	}
	slices.SortFunc(req.TargetExecutions, func(a, b *commonpb.Execution) int { return slices.Compare([]byte(a.BusinessId), []byte(b.BusinessId)) })
	return req
}

func (w *world) start(t *testing.T, req *workflowservice.StartBatchOperationRequest) {
	t.Helper()
	if err := w.direct(func(step *entity.Step, j *Job) error { return j.Start(step, req, 1) }); err != nil {
		t.Fatal(err)
	}
}

// result says how the job has ended: status, items in all, done and failed.
func (w *world) result() string {
	s := w.describe()
	return fmt.Sprintf("%v %d %d %d", s.Status, s.Total, s.Progress.Complete, s.Progress.Failed)
}

func TestAThousandCrashesMakeAJobDoNothingTwiceAndLoseNothing(t *testing.T) {
	const workflows = 40
	crashes := 0
	for seed := uint64(1); crashes < 1000; seed++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(seed, workflows)
			named := seed%2 == 0
			if named {
				w.start(t, w.terminateCurrent())
			} else {
				w.start(t, signalRequest())
			}
			for {
				w.untilCrash = w.random.IntN(30)
				if !w.run() {
					break
				}
				crashes++
			}
			if got := w.result(); got != "Completed 40 40 0" {
				t.Errorf("seed %d: the job ends %s", seed, got)
			}
			for id, workflow := range w.workflows {
				if named && !slices.Equal(workflow.terminated, []int{0}) {
					t.Errorf("seed %d: of workflow %s the runs %d are terminated, want the first", seed, id, workflow.terminated)
				}
				if !named && len(workflow.signals) != 1 {
					t.Errorf("seed %d: workflow %s has %d signals, want 1", seed, id, len(workflow.signals))
				}
			}
			if len(w.tasks) != 0 || len(w.rows) != 1 || len(w.records) != 2 {
				t.Errorf("seed %d: it leaves %d tasks, %d rows and %d records", seed, len(w.tasks), len(w.rows), len(w.records))
			}
		})
		if t.Failed() {
			return
		}
	}
}

func TestFailuresThatMayPassAreTriedAgainAndOthersAreNot(t *testing.T) {
	for name, c := range map[string]struct {
		failure error
		calls   int
	}{
		"unavailable":         {serviceerror.NewUnavailable("x"), 50},
		"precondition":        {serviceerror.NewFailedPrecondition("x"), 3},
		"invalid":             {serviceerror.NewInvalidArgument("x"), 1},
		"not implemented":     {serviceerror.NewUnimplemented("x"), 1},
		"a wrong namespace":   {serviceerror.NewNamespaceNotFound("x"), 1},
		"resources exhausted": {serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "x"), 50},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(1, 2)
				w.refuse = func(id string) error {
					if id == "w000" {
						return c.failure
					}
					return nil
				}
				w.start(t, signalRequest())
				w.run()
				if got := w.result(); got != "Completed 2 1 1" || w.calls != c.calls+1 {
					t.Errorf("it ends %s after %d calls, want one failure after %d", got, w.calls, c.calls+1)
				}
			})
		})
	}
}

func TestAttemptsBeforeACrashCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, 1)
		w.refuse = func(string) error { return serviceerror.NewUnavailable("x") }
		w.start(t, signalRequest())
		for range 5 {
			w.untilCrash = 10
			w.run()
		}
		w.untilCrash = -1
		w.run()
		// A crash between an attempt and its record hides the attempt.
		if w.calls < 50 || w.calls > 55 {
			t.Errorf("%d calls, want 50, and one more at most for each crash", w.calls)
		}
	})
}

func TestAJobThatIsStoppedActsOnNothingMoreAndCountsWhatItHasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, 10)
		req := signalRequest()
		req.MaxOperationsPerSecond = 0.5
		w.start(t, req)
		ended := make(chan struct{})
		go func() { w.run(); close(ended) }()
		time.Sleep(5 * time.Second) // one at once, and one every two seconds
		if err := w.direct(func(step *entity.Step, j *Job) error { return j.Stop(step) }); err != nil {
			t.Fatal(err)
		}
		<-ended
		time.Sleep(time.Minute)
		if got := w.result(); got != "Terminated 10 3 0" || w.calls != 3 {
			t.Errorf("it ends %s after %d calls", got, w.calls)
		}
		if len(w.tasks) != 0 || len(w.records) != 2 {
			t.Errorf("it leaves %d tasks and %d records", len(w.tasks), len(w.records))
		}
	})
}

func TestAQueryThatIsNoLongerValidFailsTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, 3)
		req := signalRequest()
		req.VisibilityQuery = "bad"
		w.start(t, req)
		w.run()
		if s := w.describe(); s.Status != enumspb.WORKFLOW_EXECUTION_STATUS_FAILED || s.Failure == "" {
			t.Errorf("it is %v", s)
		}
	})
}

func TestAJobThatFindsNothingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, 0)
		w.start(t, signalRequest())
		w.run()
		if got := w.result(); got != "Completed 0 0 0" {
			t.Errorf("it ends %s", got)
		}
	})
}

func TestAClosedJobIsRemovedWhenItsRetentionIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, 1)
		w.start(t, signalRequest())
		w.run()
		fire := func(step *entity.Step, j *Job) error { return j.Fire(step) }
		time.Sleep(59 * time.Minute)
		if err := w.direct(fire); err != nil || len(w.records) != 2 || len(w.timers) != 1 {
			t.Fatalf("%v, and %d records, %d timers", err, len(w.records), len(w.timers))
		}
		time.Sleep(2 * time.Minute)
		if err := w.direct(fire); err != nil {
			t.Fatal(err)
		}
		if len(w.records) != 0 || len(w.rows) != 0 || len(w.timers) != 0 {
			t.Errorf("it leaves %d records, %d rows, %d timers", len(w.records), len(w.rows), len(w.timers))
		}
		w.start(t, signalRequest()) // its id is free
	})
}

func TestAJobGoesWithItsNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, 3)
		w.start(t, w.terminateCurrent())
		err := w.direct(func(step *entity.Step, j *Job) error {
			more, err := j.Purge(step)
			if more {
				return errors.New("it wants another step")
			}
			return err
		})
		if err != nil || len(w.records) != 0 || len(w.rows) != 0 || len(w.tasks) != 0 {
			t.Errorf("%v, and it leaves %d records, %d rows, %d tasks", err, len(w.records), len(w.rows), len(w.tasks))
		}
	})
}

func TestTheRowsOfAnIndexBuiltAnewAreThoseOfTheSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1, 3)
		w.start(t, signalRequest())
		w.run()
		entries, err := w.machine.IndexRows(t.Context(), w, w.key)
		if err != nil || len(entries) != 1 || len(w.rows[entries[0].ID]) == 0 || len(w.rows[entries[0].ID]) != len(entries[0].Row) {
			t.Errorf("%v, %v", entries, err)
		}
	})
}
