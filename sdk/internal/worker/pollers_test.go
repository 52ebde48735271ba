package worker

import (
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
)

func suggest(delta int32) *taskqueuepb.PollerScalingDecision {
	return &taskqueuepb.PollerScalingDecision{PollRequestDeltaSuggestion: delta}
}

func scaled(initial, minimum, maximum int) PollerBehavior {
	return NewPollerBehaviorAutoscaling(PollerBehaviorAutoscalingOptions{
		InitialNumberOfPollers: initial, MinimumNumberOfPollers: minimum, MaximumNumberOfPollers: maximum,
	})
}

func TestTheNumberOfPollsFollowsTheServersSuggestions(t *testing.T) {
	behavingTest(t, scaled(3, 2, 6), 10, func(*polling, int) {}, func(t *testing.T, p *polling) {
		open := func(want int64, when string) {
			t.Helper()
			synctest.Wait()
			if got := p.open.Load(); got != want {
				t.Fatalf("%s %d polls are open, want %d", when, got, want)
			}
		}
		open(3, "at first")
		p.decisions <- suggest(2)
		open(3, "while it is not known whether more tasks arrive")
		time.Sleep(2 * scalePeriod)
		p.decisions <- suggest(2)
		open(5, "after a suggestion of two more")
		p.decisions <- suggest(2)
		open(6, "at the maximum")
		p.decisions <- suggest(-3)
		p.answer(6)
		open(3, "after a suggestion of three fewer")
		p.decisions <- suggest(-3)
		p.answer(6)
		open(2, "at the minimum")
	})
}

func TestTheNumberOfPollsShrinksWhenTheServerIsBusy(t *testing.T) {
	behavingTest(t, scaled(4, 1, 6), 10, func(*polling, int) {}, func(t *testing.T, p *polling) {
		p.scaler.supported.Store(true)
		synctest.Wait()
		p.errs <- serviceerror.NewResourceExhausted(0, "busy")
		time.Sleep(pollBackoffMaximum)
		p.answer(4)
		if got := p.open.Load(); got != 2 {
			t.Fatalf("%d polls are open, want 2", got)
		}
	})
}

func TestAServerThatSuggestsNothingKeepsTheInitialNumberOfPolls(t *testing.T) {
	behavingTest(t, scaled(4, 1, 6), 10, func(*polling, int) {}, func(t *testing.T, p *polling) {
		for range 5 {
			p.decisions <- nil
		}
		time.Sleep(time.Second)
		if got := p.open.Load(); got != 4 {
			t.Fatalf("%d polls are open, want 4", got)
		}
	})
}

func TestEmptyPollsShrinkTheNumberIfTheServerScales(t *testing.T) {
	behavingTest(t, scaled(4, 1, 6), 10, func(*polling, int) {}, func(t *testing.T, p *polling) {
		p.scaler.supported.Store(true)
		p.decisions <- nil
		p.decisions <- nil
		time.Sleep(time.Second)
		if got := p.open.Load(); got != 2 {
			t.Fatalf("%d polls are open, want 2", got)
		}
	})
}

func TestGrowingIsNotWorthItWhenNoMoreTasksArrive(t *testing.T) {
	s := newScaler(autoscaling{initial: 2, minimum: 1, maximum: 10})
	for range 10 {
		s.answered(true, nil)
	}
	s.period()
	s.answered(true, suggest(1))
	if s.target != 3 {
		t.Fatalf("while more tasks arrive the target is %d, want 3", s.target)
	}
	for range 9 {
		s.answered(true, nil)
	}
	s.period()
	s.answered(true, suggest(1))
	if s.target != 3 {
		t.Fatalf("when as many tasks arrive as before the target is %d, want 3", s.target)
	}
}

func TestAutoscalingNeverPollsWithoutASlot(t *testing.T) {
	behavingTest(t, scaled(5, 1, 10), 2, func(p *polling, _ int) { <-p.release }, func(t *testing.T, p *polling) {
		p.tasks <- 1
		synctest.Wait()
		if got := p.open.Load(); got != 1 {
			t.Fatalf("with one of two slots taken %d polls are open, want 1", got)
		}
		close(p.release)
		synctest.Wait()
		if got := p.open.Load(); got != 2 {
			t.Fatalf("with all slots free again %d polls are open, want 2", got)
		}
	})
}
