package workflow

import (
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestNextCronTick(t *testing.T) {
	at := func(clock string) time.Time {
		tm, err := time.Parse(time.RFC3339, "2024-01-01T"+clock+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	for _, tc := range []struct {
		schedule, last, now string
		want                time.Duration
		ok                  bool
	}{
		{"* * * * *", "00:00:10", "00:00:10", 50 * time.Second, true},
		{"* * * * *", "00:00:00", "00:00:00", time.Minute, true},
		{"* * * * *", "00:00:00", "00:00:30", 30 * time.Second, true},
		{"* * * * *", "00:00:00", "05:00:30", 30 * time.Second, true}, // ticks that were missed are skipped
		{"* * * * *", "00:01:00", "00:00:30", 30 * time.Second, true}, // the run before has not begun
		{"@hourly", "00:00:00", "00:59:59.5", time.Second, true},      // rounded up to seconds
		{"@every 10s", "00:00:05", "00:00:07", 8 * time.Second, true}, // counted from the run before
		{"@every 10s", "00:00:05", "03:00:07", 8 * time.Second, true}, // also after a long time
		{"CRON_TZ=Asia/Tokyo 0 9 * * *", "00:00:00", "00:00:00", 24 * time.Hour, true},
		{"0 0 31 2 *", "00:00:00", "00:00:00", 0, false}, // never
		{"nonsense", "00:00:00", "00:00:00", 0, false},
	} {
		t.Run(tc.schedule+" from "+tc.last+" at "+tc.now, func(t *testing.T) {
			got, ok := nextCron(tc.schedule, at(tc.last), at(tc.now))
			if got != tc.want || ok != tc.ok {
				t.Fatalf("next tick is in %v, %v; want %v, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}

func TestBadContinueAsNewCommandsFailTheWorkflowTask(t *testing.T) {
	for name, change := range map[string]func(*continueAttributes){
		"negative run timeout":  func(a *continueAttributes) { a.WorkflowRunTimeout = durationpb.New(-1) },
		"negative task timeout": func(a *continueAttributes) { a.WorkflowTaskTimeout = durationpb.New(-1) },
		"negative backoff":      func(a *continueAttributes) { a.BackoffStartInterval = durationpb.New(-1) },
		"mixed signs":           func(a *continueAttributes) { a.WorkflowRunTimeout = &durationpb.Duration{Seconds: 1, Nanos: -1} },
		"long type":             func(a *continueAttributes) { a.WorkflowType = &commonpb.WorkflowType{Name: strings.Repeat("x", 1001)} },
		"bad retry policy":      func(a *continueAttributes) { a.RetryPolicy = &commonpb.RetryPolicy{MaximumAttempts: -1} },
		"bad cron schedule":     func(a *continueAttributes) { a.CronSchedule = "now and then" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkflow(t)
			run := w.start().RunId
			completion, err := w.tryComplete(w.poll().TaskToken, &completeRequest{Commands: commands(continueAsNew(change))})
			if err != nil || !isInvalidArgument(completion.Err) {
				t.Fatalf("completion: %v, %v", completion, err)
			}
			failed := w.events[run][3].GetWorkflowTaskFailedEventAttributes()
			if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_CONTINUE_AS_NEW_ATTRIBUTES {
				t.Errorf("task has failed with %v", failed)
			}
		})
	}
}
