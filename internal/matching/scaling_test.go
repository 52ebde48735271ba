package matching

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

func TestAMeterMeasuresTheLastHalfMinute(t *testing.T) {
	now := time.Unix(1000, 0)
	var m meter
	if got := m.rate(now); got != 0 {
		t.Errorf("at first: %v", got)
	}
	for range 100 {
		m.add(now)
		m.add(now)
		now = now.Add(time.Second)
	}
	if got := m.rate(now); got < 1.9 || got > 2.1 {
		t.Errorf("two a second: %v", got)
	}
	now = now.Add(15 * time.Second)
	if got := m.rate(now); got < 0.9 || got > 1.2 {
		t.Errorf("two a second, and then nothing for 15 s: %v", got)
	}
	now = now.Add(time.Hour)
	if got := m.rate(now); got != 0 {
		t.Errorf("long after: %v", got)
	}
}

func TestRatesAreDescribedByPriority(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for range 60 { // nobody polls
			b.add(in(1, "key"))
			b.add()
			b.add()
			time.Sleep(time.Second)
		}
		d, err := m.Describe(t.Context(), queueA, "")
		if err != nil || !near(d.Stats[1].AddRate, 1) || !near(d.Stats[3].AddRate, 2) || d.Total().DispatchRate != 0 {
			t.Errorf("nobody polls: %+v, %v", d.Stats, err)
		}
		for range 30 {
			b.remove(pollA(m).work.Task)
			time.Sleep(time.Second)
		}
		d, _ = m.Describe(t.Context(), queueA, "")
		if !near(d.Stats[1].DispatchRate, 1) || d.Total().AddRate > 0.5 || d.Stats[3].DispatchRate != 0 || d.Stats[1].BacklogCount != 30 {
			t.Errorf("nobody adds: %+v", d.Stats)
		}
	})
}

func near(got, want float32) bool { return got > 0.9*want && got < 1.1*want }

func TestAPollerThatHasWaitedASecondIsOneTooMany(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		p := pollA(m)
		time.Sleep(time.Second)
		b.add()
		expect(t, p, "task 1")
		if p.work.Scale != -1 {
			t.Errorf("advised %d", p.work.Scale)
		}
	})
}

func TestABacklogWantsMorePollersButNotAllAtOnce(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for range 100 {
			b.record()
		}
		time.Sleep(time.Second)
		ups := func(n int) (ups int) {
			for range n {
				ups += int(pollA(m).work.Scale)
			}
			return ups
		}
		if got := ups(50); got != 10 {
			t.Errorf("advised %d at first", got)
		}
		time.Sleep(500 * time.Millisecond)
		if got := ups(40); got != 5 {
			t.Errorf("advised %d half a second later", got)
		}
	})
}

func TestNoAdviceIsGivenWhenPollersKeepUp(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for range 20 {
			p := pollA(m)
			time.Sleep(100 * time.Millisecond)
			b.add()
			synctest.Wait()
			if p.work.Scale != 0 {
				t.Errorf("advised %d", p.work.Scale)
			}
		}
	})
}

func TestTheLatestVersionAndRateOfAPollerAreDescribed(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, _ *backlog) {
		poll(m, PollRequest{Queue: queueA, Identity: "w", Rate: rate(3)}).end()
		poll(m, PollRequest{Queue: queueA, Identity: "w", Rate: rate(4)}).end()
		d, err := m.Describe(t.Context(), queueA, "")
		if err != nil || len(d.Pollers) != 1 || *d.Pollers[0].Rate != 4 {
			t.Errorf("pollers %+v, %v", d.Pollers, err)
		}
	})
}

func TestQueuesThatNobodyPollsLeaveRoomForThoseThatArePolled(t *testing.T) {
	bubble(t, Options{QueueLimit: 64 * 2}, func(t *testing.T, m *Matching, b *backlog) {
		for i := range 1000 {
			b.add(func(task *entity.Task) { task.Queue.Name = string(rune('A' + i)) })
		}
		count := 0
		m.each(func(*queue) { count++ })
		if count != 64 {
			t.Errorf("%d queues are in memory", count)
		}
	})
}

func TestWhenPollersAreToBeMoreOrLessCanBeSaidOfAQueue(t *testing.T) {
	scaling := func(entity.Queue) Scaling {
		return Scaling{DownAfter: 3 * time.Second, UpAge: time.Hour, UpRatio: 1000, UpsPerSecond: 1}
	}
	bubble(t, Options{Scaling: scaling}, func(t *testing.T, m *Matching, b *backlog) {
		p := pollA(m)
		time.Sleep(2 * time.Second)
		b.add()
		expect(t, p, "task 1")
		if p.work.Scale != 0 {
			t.Errorf("a poller that has waited for less than it may is told %d", p.work.Scale)
		}
		p = pollA(m)
		time.Sleep(3 * time.Second)
		b.add()
		expect(t, p, "task 2")
		if p.work.Scale != -1 {
			t.Errorf("a poller that has waited too long is told %d", p.work.Scale)
		}
	})
}
