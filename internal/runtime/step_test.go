package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
)

// Tests run in bubbles of testing/synctest: its Wait returns when everything
// stands still, and a bubble whose goroutines do not end fails the test.

func TestAStepReturnsWhenItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.pause()
		returned := false
		go func() {
			w.must(w.step("a", func(step *entity.Step, e *toy) { e.increment(step) }))
			returned = true
		}()
		synctest.Wait()
		if returned {
			t.Error("returned before the store had synced")
		}
		w.store.resume()
		synctest.Wait()
		if !returned {
			t.Error("did not return when the store had synced")
		}
	})
}

func TestStepsOfAnEntityShareASync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.pause()
		var seen []int64
		for range 3 {
			go w.step("a", func(step *entity.Step, e *toy) {
				e.increment(step)
				seen = append(seen, e.count)
			})
		}
		synctest.Wait()
		if !slices.Equal(seen, []int64{1, 2, 3}) {
			t.Errorf("with nothing synced, the steps saw %v", seen)
		}
		w.store.resume()
	})
}

func TestViewWaitsForWhatItHasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.pause()
		go w.step("a", func(step *entity.Step, e *toy) { e.increment(step) })
		synctest.Wait()
		seen, viewed, refused := int64(0), false, false
		go func() {
			w.view("a", func(e *toy) { seen = e.count })
			viewed = true
		}()
		go func() {
			err := w.Step(t.Context(), toyKey("a"), func(*entity.Step, entity.Entity) error { return errToy })
			refused = errors.Is(err, errToy)
		}()
		w.view("other", func(*toy) {}) // has nothing to wait for
		synctest.Wait()
		if seen != 1 || viewed || refused {
			t.Errorf("before the sync: saw %d, view returned: %v, error returned: %v", seen, viewed, refused)
		}
		w.store.resume()
		synctest.Wait()
		if !viewed || !refused {
			t.Errorf("after the sync: view returned: %v, error returned: %v", viewed, refused)
		}
	})
}

func TestCallersGiveUpWaitingButTheStepTakesEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.pause()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := w.Step(ctx, toyKey("a"), func(step *entity.Step, e entity.Entity) error {
			e.(*toy).increment(step)
			return nil
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		w.store.resume()
		if n := w.count("a"); n != 1 {
			t.Errorf("counted %d", n)
		}
	})
}

func TestEffectsRunInOrderOnceTheStepIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.pause()
		var order []string
		effect := func(name string, write bool) {
			go w.step("a", func(step *entity.Step, e *toy) {
				if write {
					e.increment(step)
				}
				step.After(func() { order = append(order, name) })
			})
			synctest.Wait()
		}
		effect("first", true)
		effect("second, without records", false)
		effect("third", true)
		if len(order) > 0 {
			t.Errorf("ran before the sync: %v", order)
		}
		w.store.resume()
		synctest.Wait()
		if want := []string{"first", "second, without records", "third"}; !slices.Equal(order, want) {
			t.Errorf("ran %v", order)
		}
	})
}

func TestALazyStepDoesNotWaitForItsOwnSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.pause()
		published := false
		lazy := func(step *entity.Step, e *toy) {
			e.increment(step)
			step.Lazy()
			step.After(func() { published = true })
		}
		w.must(w.step("a", lazy))
		if published {
			t.Error("published before it was applied")
		}
		go w.step("a", func(step *entity.Step, e *toy) { e.increment(step) })
		synctest.Wait()
		returned := false
		go func() {
			w.must(w.step("a", lazy))
			returned = true
		}()
		synctest.Wait()
		if returned {
			t.Error("returned while what it had seen was not durable")
		}
		w.store.resume()
		synctest.Wait()
		if !returned || !published || w.count("a") != 3 {
			t.Errorf("returned: %v, published: %v, count %d", returned, published, w.count("a"))
		}
	})
}

func TestFailedCommitFailsEverythingOfTheShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.store.Close()
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.increment(step) }))
		w.store.pause()
		effect := false
		var failed atomic.Int32
		call := func(fn func() error) {
			go func() {
				var unavailable *serviceerror.Unavailable
				if err := fn(); errors.As(err, &unavailable) && strings.Contains(err.Error(), "restart the server") {
					failed.Add(1)
				} else {
					t.Errorf("got %v", err)
				}
			}()
			synctest.Wait()
		}
		call(func() error {
			return w.step("a", func(step *entity.Step, e *toy) {
				e.increment(step)
				step.After(func() { effect = true })
			})
		})
		call(func() error { return w.step("a", func(step *entity.Step, e *toy) { e.increment(step) }) })
		view := func() error {
			return w.View(t.Context(), toyKey("a"), func(entity.Entity, entity.View) error { return nil })
		}
		call(view)
		call(func() error {
			return w.Await(t.Context(), toyKey("a"), func(e entity.Entity) bool { return e.(*toy).count == 100 })
		})
		if err := w.Failed(); err != nil {
			t.Errorf("failed too early: %v", err)
		}
		w.store.fail()
		synctest.Wait()
		call(view)
		if n := failed.Load(); n != 5 || effect {
			t.Errorf("%d calls failed; effect: %v", n, effect)
		}
		if w.Failed() == nil {
			t.Error("Failed is nil")
		}
		w.must(w.Close(t.Context()))
	})
}

func TestErrorOfAStepLeavesTheStateAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.increment(step) }))
		loads := w.machine.loads.Load()
		if err := w.Step(t.Context(), toyKey("a"), func(*entity.Step, entity.Entity) error { return errToy }); err != errToy {
			t.Errorf("got %v", err)
		}
		if w.count("a") != 1 || w.machine.loads.Load() != loads {
			t.Error("the entity was loaded again")
		}
	})
}

func TestBrokenStepIsForgotten(t *testing.T) {
	for name, fn := range map[string]func(*entity.Step, entity.Entity) error{
		"error after changes": func(step *entity.Step, e entity.Entity) error {
			e.(*toy).increment(step)
			e.(*toy).addTask(step, entity.Queue{Name: "q"})
			return errToy
		},
		"panic": func(step *entity.Step, e entity.Entity) error {
			e.(*toy).increment(step)
			panic("bug")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				w.must(w.step("a", func(step *entity.Step, e *toy) { e.increment(step) }))
				var internal *serviceerror.Internal
				if err := w.Step(t.Context(), toyKey("a"), fn); !errors.Is(err, errToy) && !errors.As(err, &internal) {
					t.Errorf("got %v", err)
				}
				if n := w.count("a"); n != 1 {
					t.Errorf("counted %d", n)
				}
				var id int64
				w.must(w.step("a", func(step *entity.Step, e *toy) { id = e.addTask(step, testQueue) }))
				if w.Watermark() < id {
					t.Error("its task id is waited for")
				}
				tasks, _, _, err := w.ReadTasks(t.Context(), entity.Queue{Name: "q"}, "", 0, 10)
				if len(tasks) > 0 || err != nil {
					t.Errorf("tasks %v, error %v", tasks, err)
				}
			})
		})
	}
}

func TestReaderReadsWhatEarlierStepsHaveWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.store.latency = time.Millisecond
		put := func(step *entity.Step, e *toy) {
			for _, key := range []string{"t1", "t2", "t3", "u1"} {
				step.Put([]byte(key), number(1))
			}
		}
		go w.step("a", put)
		go w.step("a\x00b", put) // must not be mixed up with it
		synctest.Wait()
		w.must(w.View(t.Context(), toyKey("a"), func(_ entity.Entity, r entity.View) error {
			for _, c := range []struct {
				prefix, from string
				reverse      bool
				want         string
			}{
				{"t", "", false, "t1 t2 t3"},
				{"t", "t2", false, "t2 t3"},
				{"t", "a", false, "t1 t2 t3"},
				{"t", "u", false, ""},
				{"t", "", true, "t3 t2 t1"},
				{"t", "t3", true, "t2 t1"},
				{"t", "z", true, "t3 t2 t1"},
				{"", "", true, "u1 t3 t2 t1"},
			} {
				var from []byte
				if c.from != "" {
					from = []byte(c.from)
				}
				var got []string
				w.must(r.Scan([]byte(c.prefix), from, c.reverse, func(record, _ []byte) bool {
					got = append(got, string(record))
					return true
				}))
				if strings.Join(got, " ") != c.want {
					t.Errorf("%+v: got %v", c, got)
				}
			}
			if value, err := r.Get([]byte("t1")); err != nil || len(value) != 8 {
				t.Errorf("got %v, %v", value, err)
			}
			if value, err := r.Get([]byte("t9")); err != nil || value != nil {
				t.Errorf("got %v, %v", value, err)
			}
			return nil
		}))
		w.must(w.step("a", func(step *entity.Step, e *toy) { step.DeletePrefix([]byte("t")) }))
		w.must(w.View(t.Context(), toyKey("a"), func(_ entity.Entity, r entity.View) error {
			return r.Scan(nil, nil, false, func(record, _ []byte) bool {
				if string(record) != "u1" {
					t.Errorf("%s is left", record)
				}
				return true
			})
		}))
	})
}

func TestTimeNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock atomic.Int64 // seconds
		clock.Store(2000)
		w := newWorld(t, func(o *runtime.Options) { o.Now = func() time.Time { return time.Unix(clock.Load(), 0) } })
		defer func() { w.close() }()
		var last time.Time
		step := func() {
			t.Helper()
			w.must(w.step("a", func(step *entity.Step, e *toy) {
				if step.Now.Before(last) {
					t.Errorf("%v after %v", step.Now, last)
				}
				last = step.Now
				e.increment(step)
			}))
		}
		step()
		clock.Add(-60)
		step()
		w.must(w.Close(t.Context()))
		w.open()
		step()
	})
}

func TestEntitiesAreEvictedByBytesButNotWhenPinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *runtime.Options) { o.CacheBytes = 100_000 })
		defer w.close()
		w.machine.size = 10_000
		w.must(w.step("pinned", func(step *entity.Step, e *toy) {
			e.increment(step)
			e.pinned = true
		}))
		ids := strings.Split("abcdefghijklmnopqrstuvwxyz", "")
		for _, id := range ids {
			w.must(w.step(id, func(step *entity.Step, e *toy) { e.increment(step) }))
		}
		loads := w.machine.loads.Load()
		w.view("z", func(*toy) {})
		w.view("pinned", func(e *toy) {
			if !e.pinned {
				t.Error("the pinned entity was loaded again")
			}
		})
		if got := w.machine.loads.Load() - loads; got != 0 {
			t.Errorf("%d loads of entities that should be in memory", got)
		}
		for _, id := range ids {
			if n := w.count(id); n != 1 {
				t.Errorf("%s counts %d", id, n)
			}
		}
		if got := w.machine.loads.Load() - loads; got < 16 {
			t.Errorf("%d loads; more than the limit was in memory", got)
		}
	})
}

func TestFinishedEntitiesAreEvictedFirstAndHaveAQuarterOfTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *runtime.Options) { o.CacheBytes = 400_000 })
		defer w.close()
		w.machine.size = 10_000
		open := strings.Split("abcdefghijklmnopqrst", "") // about half of the cache
		for _, id := range open {
			w.must(w.step(id, func(step *entity.Step, e *toy) { e.increment(step) }))
		}
		before := runtime.CacheBytes(w.Runtime)
		for i := range 100 {
			w.must(w.step(fmt.Sprint("finished", i), func(step *entity.Step, e *toy) { e.increment(step) }))
		}
		if grown := runtime.CacheBytes(w.Runtime) - before; grown <= 50_000 || grown > 100_000 {
			t.Errorf("finished entities take %d bytes of a cache of 400,000", grown)
		}
		loads := w.machine.loads.Load()
		for _, id := range open {
			w.view(id, func(*toy) {})
		}
		if got := w.machine.loads.Load() - loads; got != 0 {
			t.Errorf("%d of the others had to be loaded again", got)
		}
	})
}

func TestClosedRuntimeRefusesCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.store.Close()
		w.store.pause()
		drained := false
		go func() {
			w.must(w.step("a", func(step *entity.Step, e *toy) { e.increment(step) }))
			drained = true
		}()
		synctest.Wait()
		closed := false
		go func() {
			w.must(w.Close(t.Context()))
			closed = true
		}()
		synctest.Wait()
		var unavailable *serviceerror.Unavailable
		if err := w.step("a", func(*entity.Step, *toy) {}); !errors.As(err, &unavailable) {
			t.Errorf("got %v", err)
		}
		if closed {
			t.Error("closed with a write in flight")
		}
		w.store.resume()
		synctest.Wait()
		if !drained || !closed {
			t.Errorf("drained: %v, closed: %v", drained, closed)
		}
	})
}

func TestCloseGivesUpWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.store.pause()
		go w.step("a", func(step *entity.Step, e *toy) { e.increment(step) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		w.store.Close()
	})
}

func TestEntityOfAnUnknownKindIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		var internal *serviceerror.Internal
		err := w.View(t.Context(), entity.Key{Kind: '?'}, func(entity.Entity, entity.View) error { return nil })
		if !errors.As(err, &internal) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAwait(t *testing.T) {
	reaches := func(n int64) func(entity.Entity) bool {
		return func(e entity.Entity) bool { return e.(*toy).count >= n }
	}
	t.Run("returns when a durable change makes it true", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			reached := make([]bool, 4)
			for i := range reached {
				go func() {
					w.must(w.Await(t.Context(), toyKey("a"), reaches(int64(i))))
					reached[i] = true
				}()
			}
			synctest.Wait()
			for i := range reached {
				for j := range reached {
					if want := j <= i; reached[j] != want {
						t.Errorf("at %d: waiter for %d has returned: %v", i, j, !want)
					}
				}
				w.store.pause()
				go w.step("a", func(step *entity.Step, e *toy) { e.increment(step) })
				synctest.Wait()
				if i+1 < len(reached) && reached[i+1] {
					t.Errorf("waiter for %d returned before it was durable", i+1)
				}
				w.store.resume()
				synctest.Wait()
			}
		})
	})
	t.Run("returns when the context ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := w.Await(ctx, toyKey("a"), reaches(1)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("returns when the runtime is closed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			var err error
			go func() { err = w.Await(t.Context(), toyKey("a"), reaches(1)) }()
			synctest.Wait()
			w.close()
			synctest.Wait()
			var unavailable *serviceerror.Unavailable
			if !errors.As(err, &unavailable) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestWhatAViewMakesAnEntityKeepIsAccountedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.increment(step) }))
		before := runtime.CacheBytes(w.Runtime)
		w.view("a", func(*toy) { w.machine.size += 2 << 20 }) // as if it had read something large
		if grown := runtime.CacheBytes(w.Runtime) - before; grown != 2<<20 {
			t.Errorf("the cache has grown by %d bytes", grown)
		}
	})
}

func TestAViewHasTheTimeOfItsShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var back atomic.Int64
		w := newWorld(t, func(o *runtime.Options) {
			o.Now = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
		})
		defer w.close()
		var stepped time.Time
		w.must(w.step("a", func(step *entity.Step, e *toy) { stepped = step.Now }))
		back.Store(int64(time.Hour))
		w.must(w.View(t.Context(), toyKey("a"), func(_ entity.Entity, view entity.View) error {
			if !view.Now().Equal(stepped) {
				t.Errorf("the view is at %v, the step before it was at %v", view.Now(), stepped)
			}
			return nil
		}))
	})
}

func TestAStepThatMustNotBeIsReplacedAndItsCallerRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.increment(step) }))
		dropped, done, refused := false, false, error(nil)
		w.store.pause()
		go func() {
			refused = w.Step(t.Context(), toyKey("a"), func(step *entity.Step, e entity.Entity) error {
				for range 10 {
					e.(*toy).increment(step)
				}
				step.After(func() { dropped = true })
				return &entity.Instead{Err: errToy, Step: func(step *entity.Step, e entity.Entity) error {
					e.(*toy).increment(step)
					step.After(func() { done = true })
					return nil
				}}
			})
		}()
		synctest.Wait()
		if refused != nil || done {
			t.Error("it is told before it is durable")
		}
		w.store.resume()
		synctest.Wait()
		if !errors.Is(refused, errToy) || dropped || !done {
			t.Errorf("the caller is told %v; what the step had noted is done: %t, what the other had: %t", refused, dropped, done)
		}
		w.view("a", func(e *toy) {
			if e.count != 2 {
				t.Errorf("it has counted to %d, want 2", e.count)
			}
		})
	})
}

func TestAStepWhoseReplacementFailsLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		again := &entity.Instead{Err: errToy}
		again.Step = func(step *entity.Step, e entity.Entity) error {
			e.(*toy).increment(step)
			return again
		}
		err := w.Step(t.Context(), toyKey("a"), func(step *entity.Step, e entity.Entity) error {
			e.(*toy).increment(step)
			return again
		})
		if !errors.Is(err, errToy) {
			t.Errorf("error is %v", err)
		}
		w.view("a", func(e *toy) {
			if e.count != 0 {
				t.Errorf("it has counted to %d, want 0", e.count)
			}
		})
	})
}

// keptMachine is a kind of toys that are to stay in memory.
type keptMachine struct{ *toyMachine }

func (keptMachine) Keep() {}

func TestEntitiesThatAreToStayHaveALimitOfTheirOwn(t *testing.T) {
	const keptKind entity.Kind = 'y'
	kept := keptMachine{&toyMachine{size: 100}}
	w := newWorld(t, func(o *runtime.Options) {
		o.CacheBytes = 100_000
		o.Machines[keptKind] = kept
	})
	defer w.close()
	touch := func(kind entity.Kind, n int) {
		for i := range n {
			w.must(w.stepKey(entity.Key{Kind: kind, Namespace: "ns", ID: fmt.Sprint(i)}, func(step *entity.Step, e *toy) { e.increment(step) }))
		}
	}
	touch(keptKind, 100)
	touch(toyKind, 2000)
	touch(keptKind, 100)
	if n := kept.loads.Load(); n != 100 {
		t.Errorf("%d loads of 100 that are to stay", n)
	}
	touch(keptKind, 2000)
	if bytes := runtime.CacheBytes(w.Runtime); bytes > 100_000 {
		t.Errorf("others take %d bytes", bytes)
	}
	touch(keptKind, 2000)
	if n := kept.loads.Load(); n < 3000 {
		t.Errorf("%d loads: the limit does not hold", n)
	}
}
