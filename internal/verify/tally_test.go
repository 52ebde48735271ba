package verify

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runtime"
)

// counted is a kind of entity whose record names what there is to be of it: "timer", "task", both, or what does not decode.
type counted struct{ picky }

var (
	countedTimer = entity.Timer{Name: []byte("t"), At: time.Unix(7, 0)}
	countedTask  = entity.TaskRef{Queue: entity.Queue{Namespace: "ns", Name: "q", Type: entity.TaskWorkflow}, ID: 3}
)

func (counted) Expected(_ context.Context, r entity.Reader, _ entity.Key) (timers []entity.Timer, tasks []entity.TaskRef, err error) {
	value, err := r.Get([]byte("state"))
	if string(value) == "bad" {
		err = errors.New("the state does not decode")
	}
	if strings.Contains(string(value), "timer") {
		timers = append(timers, countedTimer)
	}
	if strings.Contains(string(value), "task") {
		tasks = append(tasks, countedTask)
	}
	return timers, tasks, err
}

func timerOf(id string) []byte { return runtime.TimerKey(key(id), countedTimer) }

func taskOf(t *testing.T, id string) string {
	t.Helper()
	value, err := proto.Marshal(&records.DispatchTask{Entity: key(id).Encode(nil)})
	if err != nil {
		t.Fatal(err)
	}
	return string(value)
}

func TestTimersAndTasksAreThoseThatTheRecordsName(t *testing.T) {
	task := runtime.TaskKey(countedTask)
	const noTimer, noTask, strayTimer, strayTask = "a timer of it is missing", "a task of it is missing", "a timer is set that none", "a task is there that none"
	for name, c := range map[string]struct {
		pairs []any
		says  string // "": nothing
	}{
		"both are there":                    {[]any{home("a"), record("a", "state"), "timer task", home("a"), timerOf("a"), "", home("a"), task, taskOf(t, "a")}, ""},
		"none is named, none is there":      {[]any{home("a"), record("a", "state"), "good"}, ""},
		"the timer is not there":            {[]any{home("a"), record("a", "state"), "timer"}, noTimer},
		"the task is not there":             {[]any{home("a"), record("a", "state"), "task"}, noTask},
		"a timer that is not named":         {[]any{home("a"), record("a", "state"), "good", home("a"), timerOf("a"), ""}, strayTimer},
		"a task that is not named":          {[]any{home("a"), record("a", "state"), "good", home("a"), task, taskOf(t, "a")}, strayTask},
		"a timer of an entity without any":  {[]any{home("a"), timerOf("a"), ""}, strayTimer},
		"a timer beside the one that named": {[]any{home("a"), record("a", "state"), "timer", home("a"), timerOf("a"), "", home("b"), timerOf("b"), ""}, strayTimer},
		"what is named does not decode":     {[]any{home("a"), record("a", "state"), "bad", home("a"), timerOf("a"), ""}, "the state does not decode"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := runKind(t, counted{}, c.pairs...)
			switch {
			case c.says == "" && len(problems) > 0:
				t.Errorf("problems: %v", problems)
			case c.says != "" && (len(problems) != 1 || !strings.Contains(problems[0], c.says)):
				t.Errorf("problems: %v, want one that says %q", problems, c.says)
			}
		})
	}
}
