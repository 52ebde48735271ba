package matching

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

func rate(perSecond float64) *float64 { return &perSecond }

// limited is a bubble whose queues are configured, some time after the start.
func limited(t *testing.T, config *Config, test func(t *testing.T, m *Matching, b *backlog)) {
	t.Helper()
	options := Options{Config: func(context.Context, entity.Queue) (Config, error) { return *config, nil }}
	bubble(t, options, func(t *testing.T, m *Matching, b *backlog) {
		time.Sleep(2 * cautious)
		test(t, m, b)
	})
}

// take lets one poller after the other take tasks for a while and counts them by lane.
func take(m *Matching, b *backlog, for_ time.Duration, request PollRequest) map[string]int {
	ctx, cancel := context.WithTimeout(context.Background(), for_)
	defer cancel()
	counts := map[string]int{}
	for ctx.Err() == nil {
		work, _ := m.Poll(context.WithoutCancel(ctx), request)
		if ctx.Err() != nil {
			if work != nil {
				m.Return(work.Task)
			}
			break
		}
		counts[work.Task.Lane]++
		b.remove(work.Task)
	}
	return counts
}

func TestTheRateOfAQueueIsLimited(t *testing.T) {
	config := &Config{}
	for name, c := range map[string]struct {
		config, worker *float64
		want           int // in ten seconds
	}{
		"by its configuration":                        {rate(5), nil, 55},
		"by its workers":                              {nil, rate(3), 33},
		"by its configuration rather than by workers": {rate(5), rate(3), 55},
		"to less than one a second":                   {rate(0.2), nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			config.Rate = c.config
			limited(t, config, func(t *testing.T, m *Matching, b *backlog) {
				for range 100 {
					b.record()
				}
				got := take(m, b, 10*time.Second-1, PollRequest{Queue: queueA, Rate: c.worker})[""]
				if got < c.want-1 || got > c.want {
					t.Errorf("%d tasks in ten seconds, want %d: a burst and ten seconds' worth", got, c.want)
				}
			})
		})
	}
}

func TestARateOfZeroHandsOutNothingUntilItIsLifted(t *testing.T) {
	config := &Config{Rate: rate(0)}
	limited(t, config, func(t *testing.T, m *Matching, b *backlog) {
		b.record()
		first, second := pollA(m), pollA(m)
		b.add()
		time.Sleep(30 * time.Second)
		expect(t, first, "waiting")
		config.Rate = nil
		m.Configured(queueA)
		expect(t, first, "task 1")
		expect(t, second, "task 2")
	})
}

func TestAWorkerWithoutALimitDoesNotLiftThatOfOthers(t *testing.T) {
	limited(t, &Config{}, func(t *testing.T, m *Matching, b *backlog) {
		poll(m, PollRequest{Queue: queueA, Rate: rate(1)}).end()
		for range 10 {
			b.add()
		}
		expect(t, pollA(m), "task 1")
		p := pollA(m)
		expect(t, p, "waiting")
		time.Sleep(time.Second)
		expect(t, p, "task 2")
		expect(t, poll(m, PollRequest{Queue: queueA, Rate: rate(1000)}), "waiting") // has what one a second has left
		time.Sleep(10 * time.Millisecond)
		expect(t, pollA(m), "task 4")
	})
}

func TestNoBurstComesRightAfterTheStart(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, m *Matching, b *backlog) {
		for range 100 {
			b.record()
		}
		if got := take(m, b, 2*time.Second-1, PollRequest{Queue: queueA, Rate: rate(10)})[""]; got != 19 {
			t.Errorf("%d tasks in two seconds", got)
		}
	})
}

func TestWhatIsNotUsedIsLostButForABurst(t *testing.T) {
	limited(t, &Config{Rate: rate(10)}, func(t *testing.T, m *Matching, b *backlog) {
		pollA(m).end()
		time.Sleep(time.Minute)
		for range 100 {
			b.add()
		}
		for i := range 10 {
			expect(t, pollA(m), fmt.Sprintf("task %d", i+1))
		}
		expect(t, pollA(m), "waiting")
	})
}

func TestTasksThatNobodyNeedsDoNotCount(t *testing.T) {
	limited(t, &Config{Rate: rate(1)}, func(t *testing.T, m *Matching, b *backlog) {
		for range 3 {
			b.record()
		}
		p := pollA(m)
		b.remove(p.work.Task)
		m.Unspent(p.work.Task)
		p = pollA(m)
		expect(t, p, "task 2")
		m.Return(p.work.Task)
		expect(t, pollA(m), "task 2")
		expect(t, pollA(m), "waiting")
	})
}

func TestTheRateOfFairnessKeysIsLimitedByTheirWeights(t *testing.T) {
	config := &Config{KeyRate: rate(1), Weights: map[string]float32{"b": 2}}
	limited(t, config, func(t *testing.T, m *Matching, b *backlog) {
		for range 100 {
			b.record(in(3, "a"))
			b.record(in(3, "b"))
			b.record(in(3, "c"), weighing(0.5))
			b.record(in(2, "d"))
		}
		got := take(m, b, 20*time.Second-1, PollRequest{Queue: queueA})
		for lane, want := range map[string]int{"3a": 20, "3b": 41, "3c": 10, "2d": 20} {
			if abs(got[lane]-want) > 1 {
				t.Errorf("lane %s: %d tasks in 20 seconds, want %d", lane, got[lane], want)
			}
		}
	})
}

func TestConfiguredWeightsHoldForWhatWaitsAlready(t *testing.T) {
	config := &Config{}
	limited(t, config, func(t *testing.T, m *Matching, b *backlog) {
		for range 100 {
			b.record(in(3, "a"), weighing(5))
			b.record(in(3, "b"))
		}
		expect(t, pollA(m), "task 1")
		config.Weights = map[string]float32{"a": 1, "b": 9}
		m.Configured(queueA)
		counts := map[string]int{}
		for _, lane := range drain(t, m, b)[:100] {
			counts[lane]++
		}
		if abs(counts["3b"]-90) > 2 {
			t.Errorf("served %v", counts)
		}
	})
}

func TestADescriptionTellsTheLimitAndItsSource(t *testing.T) {
	config := &Config{}
	limited(t, config, func(t *testing.T, m *Matching, b *backlog) {
		check := func(want float64, source LimitSource) {
			t.Helper()
			d, err := m.Describe(t.Context(), queueA, "")
			if err != nil || d.Rate != want || d.RateSource != source {
				t.Errorf("rate %v of source %v, %v", d.Rate, d.RateSource, err)
			}
		}
		check(SystemRate, LimitBySystem)
		config.Rate = rate(7)
		check(7, LimitByConfig)
		config.Rate = nil
		poll(m, PollRequest{Queue: queueA, Rate: rate(8)}).end()
		check(8, LimitByWorker)
		config.Rate = rate(9)
		m.Configured(queueA)
		check(9, LimitByConfig)
		config.Rate = rate(1e9)
		m.Configured(queueA)
		check(SystemRate, LimitBySystem)
	})
}

func TestClosingDoesNotWaitForWhatIsHeldBack(t *testing.T) {
	limited(t, &Config{Rate: rate(0.001)}, func(t *testing.T, m *Matching, b *backlog) {
		b.record()
		b.record()
		expect(t, pollA(m), "task 1")
		p := pollA(m)
		m.Close()
		synctest.Wait()
		expect(t, p, "nothing")
	})
}
