package frontend

import (
	"testing"
	"time"

	"github.com/perdure/perdure/internal/api/methods"
)

func TestPrioritiesOfAllMethodsHaveTokens(t *testing.T) {
	for m := range methods.All() {
		if m.Limit.Priority < 0 || m.Limit.Priority >= priorities {
			t.Errorf("%s has the priority %d", m.Name, m.Limit.Priority)
		}
	}
}

func TestABudgetIsSpentAtItsRateAfterABurst(t *testing.T) {
	var b budget
	now := time.Unix(1000, 0)
	taken := func(after time.Duration) int {
		now = now.Add(after)
		n := 0
		for b.take(now, 10, 2, 1) {
			n++
		}
		return n
	}
	for _, test := range []struct {
		after time.Duration
		want  int
	}{{0, 20}, {0, 0}, {100 * time.Millisecond, 1}, {time.Second, 10}, {time.Hour, 20}, {-time.Hour, 0}} {
		if got := taken(test.after); got != test.want {
			t.Errorf("%v later %d were taken, want %d", test.after, got, test.want)
		}
	}
}

func TestWhatMattersMostIsTakenFromTheRest(t *testing.T) {
	var b budget
	now := time.Unix(1000, 0)
	for range 6 {
		if !b.take(now, 10, 1, 1) {
			t.Fatal("the budget is spent too soon")
		}
	}
	late := 0
	for b.take(now, 10, 1, 4) {
		late++
	}
	early := 0
	for b.take(now, 10, 1, 1) {
		early++
	}
	if late != 4 || early != 4 {
		t.Errorf("%d of low and %d of high priority were taken, want 4 and 4", late, early)
	}
}

func TestARateBelowOneStillLetsOneThrough(t *testing.T) {
	var b budget
	now := time.Unix(1000, 0)
	if !b.take(now, 0.1, 1, 0) || b.take(now, 0.1, 1, 0) || !b.take(now.Add(10*time.Second), 0.1, 1, 0) {
		t.Error("a token in ten seconds is not that")
	}
}

func BenchmarkBudget(b *testing.B) {
	var budget budget
	now := time.Now()
	for b.Loop() {
		budget.take(now, 1e9, 2, 1)
	}
}

func TestALimitOfAllNodesIsDividedAmongThemAndGoesBeforeThatOfOne(t *testing.T) {
	alone, third := &rateLimits{}, &rateLimits{nodes: func() int { return 3 }}
	for _, test := range []struct {
		limits   *rateLimits
		all, own int
		want     float64
	}{{alone, 0, 7, 7}, {alone, 30, 7, 30}, {third, 0, 7, 7}, {third, 30, 7, 10}, {third, 1, 0, 1.0 / 3}} {
		if got := test.limits.part(test.all, test.own); got != test.want {
			t.Errorf("of %d for all and %d for one, %v", test.all, test.own, got)
		}
	}
}
