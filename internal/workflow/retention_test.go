package workflow

import (
	"testing"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

func TestARunThatIsIndexedByItsDeadlineIsDeletedThen(t *testing.T) {
	e := newEngine(t)
	w := e.workflow("w")
	w.start()
	w.terminate()
	// As releases before the index by the time of the close have written it.
	records := e.records[keyOf("w")]
	for key := range records {
		if key[0] != letterClosed {
			continue
		}
		closed, runID, err := entity.DecodeInt([]byte(key[1:]))
		if err != nil {
			t.Fatal(err)
		}
		delete(records, key)
		deadline := time.Unix(0, closed).Add(e.retention).UnixNano()
		records[string(append(entity.AppendInt([]byte{letterExpiry}, deadline), runID...))] = []byte{}
	}
	e.retention = 48 * time.Hour
	e.advance(24*time.Hour - 1)
	if len(records) == 0 {
		t.Error("the run is deleted too early")
	}
	e.advance(1)
	if len(records) > 0 {
		t.Errorf("the run is not deleted: %d records are left", len(records))
	}
}

func TestRunsAreDeletedSoManyAtATime(t *testing.T) {
	e := newEngine(t)
	w := e.workflow("w")
	for range maxExpiries + 1 {
		w.start()
		w.terminate()
	}
	e.deleted = true
	steps := 0
	for more := true; more; steps++ {
		if err := w.step(func(s *entity.Step, c *Chain) (err error) {
			more, err = c.Purge(s)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if left := e.records[keyOf("w")]; steps != 2 || len(left) > 0 {
		t.Errorf("%d records are left after %d steps", len(left), steps)
	}
}
