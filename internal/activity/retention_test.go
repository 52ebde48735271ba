package activity

import (
	"fmt"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

func TestAClosedRunIsGoneWhenItsRetentionIsOver(t *testing.T) {
	e := newEngine(t)
	first := e.start()
	if err := e.complete(byID()); err != nil {
		t.Fatal(err)
	}
	e.advance(time.Hour)
	e.start()
	e.advance(23*time.Hour - 1)
	e.describe(first)
	e.crash()
	e.advance(1)
	if _, _, err := e.chain.Outcome(reader{e.records, e.now}, first); !notFound(err) {
		t.Errorf("the run is still there: %v", err)
	}
	e.describe("")
}

func TestARunThatClosesWhenAnotherOneExpiresIsGoneInItsTurn(t *testing.T) {
	e := newEngine(t)
	e.start()
	if err := e.complete(byID()); err != nil {
		t.Fatal(err)
	}
	e.advance(23 * time.Hour)
	second := e.start(func(r *startRequest) { r.ScheduleToCloseTimeout = durationpb.New(time.Hour) })
	e.advance(time.Hour)
	e.wantOutcome(second, enumspb.ACTIVITY_EXECUTION_STATUS_TIMED_OUT, "activity ScheduleToClose timeout", enumspb.RETRY_STATE_TIMEOUT)
	e.advance(24 * time.Hour)
	if len(e.records)+len(e.timers)+len(e.rows) != 0 {
		t.Errorf("left are %d records, %d timers, %d rows", len(e.records), len(e.timers), len(e.rows))
	}
}

func TestAShorterRetentionAppliesToWhatHasClosed(t *testing.T) {
	e := newEngine(t)
	e.start()
	if err := e.complete(byID()); err != nil {
		t.Fatal(err)
	}
	e.advance(2 * time.Hour)
	e.retention = time.Hour
	if err := e.step(func(step *entity.Step, c *Chain) error { return c.Retain(step) }); err != nil {
		t.Fatal(err)
	}
	e.advance(0)
	if len(e.records)+len(e.timers)+len(e.rows) != 0 {
		t.Errorf("left are %d records, %d timers, %d rows", len(e.records), len(e.timers), len(e.rows))
	}
}

func TestADeletedRunLeavesNothing(t *testing.T) {
	for name, act := range map[string]func(*engine) error{
		"scheduled": func(*engine) error { return nil },
		"delayed":   func(e *engine) error { return e.pause() },
		"started":   func(e *engine) error { e.poll(); return nil },
		"closed":    func(e *engine) error { return e.complete(byID()) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			e.start()
			if err := act(e); err != nil {
				t.Fatal(err)
			}
			if err := e.step(func(step *entity.Step, c *Chain) error { return c.Delete(step, "") }); err != nil {
				t.Fatal(err)
			}
			e.advance(25 * time.Hour)
			if len(e.records)+len(e.tasks)+len(e.timers)+len(e.rows) != 0 {
				t.Errorf("left are %v, %v, %v, %v", e.records, e.tasks, e.timers, e.rows)
			}
			if err := e.step(func(step *entity.Step, c *Chain) error { return c.Delete(step, "") }); !notFound(err) {
				t.Errorf("deleted again: %v", err)
			}
		})
	}
}

func TestAPurgeRemovesAllRuns(t *testing.T) {
	e := newEngine(t)
	for range 105 { // more than one step deletes
		e.start()
		if err := e.complete(byID()); err != nil {
			t.Fatal(err)
		}
		e.advance(time.Millisecond)
	}
	e.start(func(r *startRequest) { r.StartDelay = durationpb.New(time.Minute) })
	for steps := 1; ; steps++ {
		more := false
		if err := e.step(func(step *entity.Step, c *Chain) (err error) {
			more, err = c.Purge(step)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		if steps > 10 {
			t.Fatal("the purge does not end")
		}
	}
	if left := fmt.Sprint(len(e.records), len(e.tasks), len(e.timers), len(e.rows)); left != "0 0 0 0" {
		t.Errorf("left are %s", left)
	}
}
