package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
)

func joinedOf(e *toy, with string) int64 { return e.joined[string(toyKey(with).Encode(nil))] }

func TestWhatTakesPartInAStepIsDurableWithIt(t *testing.T) {
	w := newWorld(t)
	w.must(w.step("a", func(step *entity.Step, a *toy) {
		if a.join(step, toyKey("b")) == nil || a.join(step, toyKey("c")) == nil || a.join(step, toyKey("b")) == nil {
			t.Error("nobody takes part")
		}
	}))
	w.must(w.Close(context.Background()))
	w.open()
	for _, with := range []string{"b", "c"} {
		want := map[string]int64{"b": 2, "c": 1}[with]
		w.view("a", func(a *toy) {
			if n := joinedOf(a, with); n != want {
				t.Errorf("a has %d steps with %s", n, with)
			}
		})
		w.view(with, func(e *toy) {
			if n := joinedOf(e, "a"); n != want {
				t.Errorf("%s has %d steps with a", with, n)
			}
		})
	}
	w.close()
}

func TestAStepThatFailsTakesBackWhatOthersHaveDoneInIt(t *testing.T) {
	for name, end := range map[string]func() error{
		"an error": func() error { return errors.New("no") },
		"a panic":  func() error { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			err := w.Step(context.Background(), toyKey("a"), func(step *entity.Step, e entity.Entity) error {
				e.(*toy).join(step, toyKey("b"))
				return end()
			})
			if err == nil {
				t.Fatal("the step does not fail")
			}
			for _, id := range []string{"a", "b"} {
				w.view(id, func(e *toy) {
					if len(e.joined) > 0 {
						t.Errorf("%s has %v", id, e.joined)
					}
				})
			}
			w.must(w.step("b", func(step *entity.Step, b *toy) { b.increment(step) })) // its lock is free
		})
	}
}

func TestOneThatWasOnlyLookedAtStaysInMemoryIfTheStepFails(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.must(w.step("b", func(step *entity.Step, b *toy) { b.increment(step) }))
	before := w.machine.loads.Load()
	for range 3 {
		_ = w.Step(context.Background(), toyKey("a"), func(step *entity.Step, _ entity.Entity) error {
			if e, _ := step.Join(toyKey("b")); e.(*toy).count != 1 {
				t.Error("b is not as it was")
			}
			return errors.New("no")
		})
	}
	if n := w.machine.loads.Load() - before; n != 1 { // of a
		t.Errorf("%d loads", n)
	}
}

func TestWhoTakesPartHasNobodyTakePart(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	w.must(w.step("a", func(step *entity.Step, _ *toy) {
		if e, _ := step.Join(toyKey("a")); e != nil {
			t.Error("a takes part in its own step")
		}
		_, of := step.Join(toyKey("b"))
		if e, _ := of.Join(toyKey("c")); e != nil {
			t.Error("c takes part in b's")
		}
	}))
}

func TestAStepComesAfterAllThatThoseWhoTakePartHaveDoneBefore(t *testing.T) {
	var seconds atomic.Int64
	w := newWorld(t, func(o *runtime.Options) { o.Now = func() time.Time { return time.Unix(1e9+seconds.Add(1), 0) } })
	defer w.close()
	w.must(w.step("a", func(step *entity.Step, _ *toy) {
		before := step.Now
		var earlier time.Time
		w.must(w.step("b", func(step *entity.Step, b *toy) { b.increment(step); earlier = step.Now }))
		_, of := step.Join(toyKey("b"))
		if !of.Now.After(earlier) || step.Now.Before(of.Now) || !step.Now.After(before) {
			t.Errorf("the step began at %v and goes on at %v, that of b is at %v and was at %v", before, step.Now, of.Now, earlier)
		}
	}))
}

func TestStepsWithTheSameOthersInAnyOrderDoNotWaitForEachOther(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	var all sync.WaitGroup
	var mu sync.Mutex
	took := 0
	for i := range 8 {
		all.Go(func() {
			for range 200 {
				with := []string{"x", "y", "z"}
				with[0], with[i%3] = with[i%3], with[0]
				n := 0
				w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) {
					for _, id := range with {
						if e.join(step, toyKey(id)) != nil {
							n++
						}
					}
					e.increment(step)
				}))
				mu.Lock()
				took += n
				mu.Unlock()
			}
		})
	}
	all.Wait()
	total := int64(0)
	for _, id := range []string{"x", "y", "z"} {
		w.view(id, func(e *toy) {
			for _, n := range e.joined {
				total += n
			}
		})
	}
	if total != int64(took) || took < 8*200 {
		t.Errorf("%d took part, %d are counted", took, total)
	}
}

func TestOneWhoseShardIsNotHeldHereDoesNotTakePart(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	shard := runtime.ShardOf(toyKey("b"), storage.Fixed(4))
	a := "a"
	for i := 0; runtime.ShardOf(toyKey(a), storage.Fixed(4)) == shard; i++ {
		a = fmt.Sprint("a", i)
	}
	w.must(w.ReleaseShard(context.Background(), shard))
	w.must(w.step(a, func(step *entity.Step, e *toy) {
		if e.join(step, toyKey("b")) != nil {
			t.Error("b takes part")
		}
		e.increment(step)
	}))
}
