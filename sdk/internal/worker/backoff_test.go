package worker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPollBackoffDoublesToItsMaximum(t *testing.T) {
	var b backoff
	want := []time.Duration{200, 400, 800, 1600, 3200, 6400, 10000, 10000}
	for i, ms := range want {
		b.failed(false)
		if got := b.delay(); got != ms*time.Millisecond {
			t.Fatalf("after %d failures the delay is %v, want %v", i+1, got, ms*time.Millisecond)
		}
	}
	b.succeeded()
	if got := b.delay(); got != 0 {
		t.Fatalf("after a success the delay is %v", got)
	}
}

func TestAnOverloadedServerIsGivenLonger(t *testing.T) {
	var b backoff
	b.failed(true)
	if got := b.delay(); got != time.Second {
		t.Fatalf("the delay is %v, want 1s", got)
	}
}

func TestBackoffRemembersSinceWhenPollsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b backoff
		b.failed(false)
		time.Sleep(time.Minute)
		b.failed(false)
		if got := b.failingFor(); got != time.Minute {
			t.Fatalf("failing for %v, want a minute", got)
		}
		b.succeeded()
		if got := b.failingFor(); got != 0 {
			t.Fatalf("failing for %v after a success", got)
		}
	})
}

func TestBackoffWaitsNoLongerThanItsDelayAndEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b backoff
		b.failed(true)
		begun := time.Now()
		if err := b.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > time.Second || took < 800*time.Millisecond {
			t.Fatalf("waited %v, want between 0.8 and 1 second", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if b.wait(ctx) == nil {
			t.Fatal("wait did not end with its context")
		}
	})
}

func TestLimiterSpacesOutEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(2)
		begun := time.Now()
		for range 5 {
			if err := l.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took != 2*time.Second {
			t.Fatalf("5 events at 2 per second took %v, want 2s", took)
		}
	})
}

func TestTheDefaultRateIsNoLimit(t *testing.T) {
	l := newLimiter(defaultActivitiesPerSecond)
	if l != nil {
		t.Fatal("the default rate made a limiter")
	}
	if err := l.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}
