package matching

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// counting is an endless source that knows how often its tasks were counted.
type counting struct {
	*endless
	times int
}

func (c *counting) EachTask(ctx context.Context, queue entity.Queue, visit func(string, int64) bool) error {
	c.times++
	return c.endless.EachTask(ctx, queue, visit)
}

func describeTwice(t *testing.T, tasks int, between time.Duration) (counted int) {
	synctest.Test(t, func(t *testing.T) {
		source := &counting{endless: newEndless(tasks, 1)}
		m := New(Options{Source: source})
		defer m.Close()
		for range 2 {
			d, err := m.Describe(t.Context(), queueA, "")
			if err != nil || d.Total().BacklogCount != int64(tasks) {
				t.Fatalf("a backlog of %d is described as %+v, %v", tasks, d.Total(), err)
			}
			time.Sleep(between)
		}
		counted = source.times
	})
	return counted
}

func TestALargeBacklogIsCountedOnceForAllWhoAskWithinSeconds(t *testing.T) {
	if n := describeTwice(t, manyCounted, countLife-time.Second); n != 1 {
		t.Errorf("it was counted %d times", n)
	}
}

func TestALargeBacklogIsCountedAgainAfterSomeSeconds(t *testing.T) {
	if n := describeTwice(t, manyCounted, countLife); n != 2 {
		t.Errorf("it was counted %d times", n)
	}
}

func TestASmallBacklogIsCountedWheneverSomebodyAsks(t *testing.T) {
	if n := describeTwice(t, manyCounted-1, 0); n != 2 {
		t.Errorf("it was counted %d times", n)
	}
}

func TestOnlySoManyCountsAreKeptAndOldOnesMakeRoom(t *testing.T) {
	var c counts
	now := time.Now()
	keep := func(name string, at time.Time) {
		queue := entity.Queue{Name: name}
		count, err := c.of(t.Context(), queue, at)
		if err != nil {
			t.Fatal(err)
		}
		c.done(queue, count, at.Add(countLife))
	}
	for i := range mostCounts + 10 {
		keep(string(rune('a'+i)), now)
	}
	if len(c.byQueue) != mostCounts {
		t.Errorf("%d counts are kept", len(c.byQueue))
	}
	keep("new", now.Add(countLife))
	if c.byQueue[entity.Queue{Name: "new"}] == nil || len(c.byQueue) != 1 {
		t.Errorf("%d counts are kept after they have grown old", len(c.byQueue))
	}
}
