package coroutine

import (
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCoroutinesTakeTurnsInOrderOfCreation(t *testing.T) {
	s := New()
	defer s.Close()
	var got []string
	for _, name := range []string{"a", "b", "c"} {
		s.Go(name, func(c *Coroutine) {
			for range 2 {
				got = append(got, c.Name())
				c.Yield("again")
				c.Progress()
			}
		})
	}
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
	if s.Len() != 0 {
		t.Errorf("%d coroutines left", s.Len())
	}
}

func TestRunReturnsWhenAllAreBlocked(t *testing.T) {
	s := New()
	defer s.Close()
	open := false
	passed := false
	s.Go("waiter", func(c *Coroutine) {
		c.Block("gate", "Wait", func() bool { return open })
		passed = true
	})
	if err := s.Run(); err != nil || passed || s.Len() != 1 {
		t.Fatalf("Run: err %v, passed %v, %d left", err, passed, s.Len())
	}
	open = true
	if err := s.Run(); err != nil || !passed || s.Len() != 0 {
		t.Fatalf("second Run: err %v, passed %v, %d left", err, passed, s.Len())
	}
}

func TestProgressOfALaterCoroutineWakesAnEarlierOne(t *testing.T) {
	s := New()
	defer s.Close()
	value, got := 0, 0
	s.Go("consumer", func(c *Coroutine) {
		for value == 0 {
			c.Yield("no value")
		}
		got = value
	})
	s.Go("producer", func(c *Coroutine) { value = 7 })
	if err := s.Run(); err != nil || got != 7 {
		t.Fatalf("err %v, got %d", err, got)
	}
}

func TestFrontCoroutineRunsBeforeOthers(t *testing.T) {
	s := New()
	defer s.Close()
	var got []string
	note := func(name string) func(*Coroutine) {
		return func(*Coroutine) { got = append(got, name) }
	}
	s.Go("root", func(c *Coroutine) {
		s.GoFront("inner", note("inner"))
		got = append(got, "root")
	})
	s.Go("last", note("last"))
	s.GoFront("first", note("first"))
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"first", "root", "inner", "last"}; !slices.Equal(got, want) {
		t.Errorf("turns %v, want %v", got, want)
	}
}

func TestPanicIsReturnedWithItsStack(t *testing.T) {
	s := New()
	defer s.Close()
	cause := errors.New("broken")
	s.Go("bad", func(c *Coroutine) { explode(cause) })
	err := s.Run()
	p, ok := errors.AsType[*PanicError](err)
	if !ok || p.Coroutine != "bad" || !errors.Is(err, cause) {
		t.Fatalf("Run: %v", err)
	}
	if !strings.Contains(p.Stack, "explode") || strings.Contains(p.Stack, "iter.") {
		t.Errorf("stack:\n%s", p.Stack)
	}
}

func explode(err error) { panic(err) }

func TestCloseRunsDefersOfBlockedCoroutines(t *testing.T) {
	s := New()
	var got []string
	for _, name := range []string{"a", "b"} {
		s.Go(name, func(c *Coroutine) {
			defer func() {
				if recover() != nil {
					t.Error("unwinding is visible to recover")
				}
				got = append(got, c.Name())
				c.Yield("blocks while unwinding")
				got = append(got, "not reached")
			}()
			c.Block("never", "Wait", never)
			got = append(got, "not reached")
		})
	}
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	s.Go("never started", func(*Coroutine) { got = append(got, "not reached") })
	s.Close()
	s.Close()
	if want := []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCloseSurvivesAPanicOfADeferredFunction(t *testing.T) {
	s := New()
	reached := false
	s.Go("a", func(c *Coroutine) {
		defer func() { panic("in a deferred function") }()
		c.Block("never", "Wait", never)
	})
	s.Go("b", func(c *Coroutine) {
		defer func() { reached = true }()
		c.Block("never", "Wait", never)
	})
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if !reached {
		t.Error("the second coroutine was not unwound")
	}
}

func TestBlockingWhilePanickingFailsTheCoroutine(t *testing.T) {
	s := New()
	defer s.Close()
	s.Go("cleanup", func(c *Coroutine) {
		defer func() { c.Yield("compensating") }()
		panic("first")
	})
	err := s.Run()
	if err == nil || !strings.Contains(err.Error(), "panic unwinding") {
		t.Fatalf("Run: %v", err)
	}
}

func TestBlockingOnAnotherCoroutinePanics(t *testing.T) {
	s := New()
	defer s.Close()
	var other *Coroutine
	s.Go("other", func(c *Coroutine) { other = c; c.Yield("blocked") })
	s.Go("thief", func(c *Coroutine) { other.Yield("stolen") })
	if err := s.Run(); err == nil || !strings.Contains(err.Error(), "wrong Context") {
		t.Fatalf("Run: %v", err)
	}
}

func TestStacksShowWhereEachIsBlocked(t *testing.T) {
	s := New()
	defer s.Close()
	s.Go("root", func(c *Coroutine) { waitHere(c) })
	s.Go("", func(c *Coroutine) {
		for {
			c.Yield("plain")
		}
	})
	if err := s.Run(); err != nil {
		t.Fatal(err)
	}
	got := s.Stacks()
	for _, want := range []string{"coroutine root [blocked on door.Open]:", "waitHere", "coroutine 2 [plain]:"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if again := s.Stacks(); again != got {
		t.Errorf("a second look differs:\n%s", again)
	}
}

func waitHere(c *Coroutine) { c.Block("door", "Open", never) }

func never() bool { return false }

func TestWatchSeesALongTurn(t *testing.T) {
	s := New()
	defer s.Close()
	started, release := make(chan struct{}), make(chan struct{})
	s.Go("stuck", func(c *Coroutine) {
		close(started)
		<-release
	})
	if _, _, ok := s.Watch(); ok {
		t.Error("a turn before Run")
	}
	done := make(chan error)
	go func() { done <- s.Run() }()
	<-started
	turn, name, ok := s.Watch()
	if !ok || name != "stuck" {
		t.Errorf("Watch: %q, %v", name, ok)
	}
	if again, _, _ := s.Watch(); again != turn {
		t.Error("the turn changed without a yield")
	}
	close(release)
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Run did not return")
	}
	if _, _, ok := s.Watch(); ok {
		t.Error("a turn after Run")
	}
}

func TestNoGoroutineIsLeftAfterClose(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 50 {
		s := New()
		for range 4 {
			s.Go("", func(c *Coroutine) { c.Block("never", "Wait", never) })
		}
		if err := s.Run(); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before+2 {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

func BenchmarkSwitch(b *testing.B) {
	s := New()
	defer s.Close()
	s.Go("loop", func(c *Coroutine) {
		for {
			c.yield(false)
			c.stalled = true
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBlockedCoroutineIsNotSwitchedTo(b *testing.B) {
	s := New()
	defer s.Close()
	s.Go("blocked", func(c *Coroutine) { c.Block("never", "Wait", never) })
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStartAndFinish(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		s := New()
		s.Go("root", func(c *Coroutine) { c.Yield("once") })
		if err := s.Run(); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// BenchmarkBareSwitch is the floor: iter.Pull without the scheduler.
func BenchmarkBareSwitch(b *testing.B) {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		for yield(struct{}{}) {
		}
	})
	defer stop()
	b.ReportAllocs()
	for b.Loop() {
		next()
	}
}

// BenchmarkChannelSwitch is what it replaces: a goroutine per coroutine and a
// channel each way.
func BenchmarkChannelSwitch(b *testing.B) {
	resume, yielded := make(chan struct{}), make(chan struct{})
	go func() {
		for range resume {
			yielded <- struct{}{}
		}
	}()
	defer close(resume)
	b.ReportAllocs()
	for b.Loop() {
		resume <- struct{}{}
		<-yielded
	}
}

// BenchmarkBlock is a wait that is over at once, in workflow code of some depth.
func BenchmarkBlock(b *testing.B) {
	s := New()
	defer s.Close()
	open := false
	var deep func(c *Coroutine, depth int)
	deep = func(c *Coroutine, depth int) {
		if depth > 0 {
			deep(c, depth-1)
			return
		}
		for {
			open = false
			c.Block("gate", "Wait", func() bool { return open })
		}
	}
	s.Go("loop", func(c *Coroutine) { deep(c, 8) })
	b.ReportAllocs()
	for b.Loop() {
		open = true
		if err := s.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
