package matching

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

func TestTasksThatTheStoreHasAndNobodyAddedAreReadByARefresh(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		first := pollA(m)
		b.remove(b.add())
		expect(t, first, "task 1")
		p := pollA(m)
		b.record()
		b.record(func(task *entity.Task) { task.Lane = entity.LaneOf(1, "key") })
		expect(t, p, "waiting")
		m.Refresh()
		expect(t, p, "task 3") // its priority is better
		expect(t, pollA(m), "task 2")
	})
}

func TestARefreshKeepsTheOrderAndOffersNothingTwice(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		expect(t, pollA(m), "waiting")
		expect(t, pollA(m), "waiting")
		for range 2 {
			b.remove(b.add()) // loads the queue
		}
		b.record()
		for range 3 {
			b.add()
		}
		m.Refresh()
		for _, want := range []string{"task 3", "task 4", "task 5", "task 6"} {
			p := pollA(m)
			expect(t, p, want)
			b.remove(p.work.Task)
		}
		expect(t, pollA(m), "waiting")
	})
}

func TestARefreshWhileAPageIsBeingReadMissesNothing(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		b.delay = time.Second
		b.add()
		p := pollA(m)
		time.Sleep(time.Second / 2)
		b.record()
		m.Refresh()
		expect(t, p, "task 1")
		b.remove(p.work.Task)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		q := pollA(m)
		synctest.Wait()
		if q.work.Task.ID == 1 { // was on the second page too, and would turn out to be stale
			q = pollA(m)
		}
		expect(t, q, "task 2")
	})
}
