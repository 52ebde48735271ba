package matching

import (
	"testing"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

func TestATaskThatWasLeftAsideIsOfferedAgainLaterAndEachTimeLater(t *testing.T) {
	bubble(t, Options{LongPoll: time.Hour}, func(t *testing.T, m *Matching, b *backlog) {
		b.add()
		p := pollA(m)
		expect(t, p, "task 1")
		for _, rest := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			m.LeaveAside(p.work.Task)
			p = pollA(m)
			time.Sleep(rest - time.Second)
			expect(t, p, "waiting")
			time.Sleep(time.Minute + 2*time.Second)
			expect(t, p, "task 1")
		}
	})
}

func TestATaskThatWasLeftAsideAndIsGoneIsNotOfferedAgain(t *testing.T) {
	bubble(t, Options{LongPoll: time.Hour}, func(t *testing.T, m *Matching, b *backlog) {
		b.add()
		p := pollA(m)
		expect(t, p, "task 1")
		m.LeaveAside(p.work.Task)
		m.Forget(func(task *entity.Task) bool { return task.ID == 1 })
		p = pollA(m)
		time.Sleep(10 * time.Minute)
		expect(t, p, "waiting")
	})
}
