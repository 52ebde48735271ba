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
	"github.com/perdure/perdure/internal/storage"
)

// shardOf is the shard of a toy in a world.
func shardOf(id string) storage.ShardID { return runtime.ShardOf(toyKey(id), storage.Fixed(4)) }

// in returns the ids of n toys in the shard.
func in(shard storage.ShardID, n int) (ids []string) {
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprint(i); shardOf(id) == shard {
			ids = append(ids, id)
		}
	}
	return ids
}

func increment(step *entity.Step, e *toy) { e.increment(step) }

// unavailable fails the test if the error is not Unavailable with the words.
func unavailable(t *testing.T, err error, words string) {
	t.Helper()
	var u *serviceerror.Unavailable
	if !errors.As(err, &u) || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want Unavailable with %q", err, words)
	}
}

func TestAFencedShardFailsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		w := newWorld(t, func(o *runtime.Options) { o.Tasks = s })
		defer w.close()
		lost, kept := in(1, 2), in(2, 1)[0]
		for _, id := range append(lost, kept) {
			w.must(w.step(id, func(step *entity.Step, e *toy) {
				e.increment(step)
				e.addTask(step, testQueue)
				e.setTimer(step, "x", step.Now.Add(time.Minute))
			}))
		}
		awaited := make(chan error, 1)
		go func() {
			awaited <- w.Await(t.Context(), toyKey(lost[1]), func(entity.Entity) bool { return false })
		}()
		synctest.Wait()
		if _, err := w.store.Acquire(t.Context(), 1); err != nil { // another process
			t.Fatal(err)
		}
		unavailable(t, w.step(lost[0], increment), "taken over")
		synctest.Wait()
		unavailable(t, <-awaited, "taken over")
		unavailable(t, w.step(lost[1], increment), "taken over")
		if err := w.Failed(); err != nil {
			t.Errorf("the runtime has failed: %v", err)
		}
		if got := w.Shards(); !slices.Equal(got, []storage.ShardID{0, 2, 3}) {
			t.Errorf("it holds %v", got)
		}
		if s.forgotten != 2 || len(s.added) != 1 {
			t.Errorf("%d tasks are forgotten, %d left", s.forgotten, len(s.added))
		}
		tasks, _, _, err := w.ReadTasks(t.Context(), testQueue, "", 0, 10)
		if len(tasks) != 1 || err != nil {
			t.Errorf("read %d tasks, %v", len(tasks), err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		w.must(w.step(kept, increment))
		if n := w.fired(kept); n != 1 {
			t.Errorf("of the other shard, %d timers have fired", n)
		}
	})
}

func TestARuntimeHasFailedWhenItsLastShardIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		for shard := range storage.ShardID(4) {
			if err := w.Failed(); err != nil {
				t.Errorf("failed with %v left: %v", w.Shards(), err)
			}
			_, _ = w.store.Acquire(t.Context(), shard)
			unavailable(t, w.step(in(shard, 1)[0], increment), "taken over")
			synctest.Wait()
		}
		if w.Failed() == nil {
			t.Error("no shard is left, and Failed is nil")
		}
	})
}

func TestAReleasedShardLeavesNothingInMemoryAndTheRestGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		w := newWorld(t, func(o *runtime.Options) { o.Tasks = s })
		defer w.close()
		var open atomic.Bool
		w.machine.receive = func(*toy, *entity.Step, []byte) error {
			if !open.Load() {
				return errToy // what is sent stays on its way
			}
			return nil
		}
		for shard := range storage.ShardID(4) {
			for _, id := range in(shard, 2) {
				w.must(w.step(id, func(step *entity.Step, e *toy) {
					e.increment(step)
					e.addTask(step, testQueue)
					e.setTimer(step, "x", step.Now.Add(time.Minute))
					e.send(step, toyKey(in((shard+1)%4, 1)[0]))
					step.Wake(step.Now.Add(time.Hour))
				}))
			}
		}
		synctest.Wait()
		w.store.pause()
		acknowledged := make(chan error, 1)
		go func() { acknowledged <- w.step(in(1, 1)[0], increment) }()
		synctest.Wait()
		released := make(chan error, 1)
		go func() { released <- w.ReleaseShard(t.Context(), 1) }()
		synctest.Wait()
		unavailable(t, w.step(in(1, 2)[1], increment), "not held")
		if len(released) > 0 {
			t.Error("released with a step in flight")
		}
		w.store.resume()
		w.must(<-acknowledged)
		w.must(<-released)

		if n := runtime.EntitiesInMemory(w.Runtime, 1); n != 0 {
			t.Errorf("%d entities", n)
		}
		if n := runtime.DueInMemory(w.Runtime, 1); n != 0 {
			t.Errorf("%d timers and retries", n)
		}
		if n := runtime.MessagesInMemory(w.Runtime); n != 6 {
			t.Errorf("%d messages, of three shards", n)
		}
		if s.forgotten != 2 || len(s.added) != 6 {
			t.Errorf("%d tasks are forgotten, %d left", s.forgotten, len(s.added))
		}
		if w.Failed() != nil || !slices.Equal(w.Shards(), []storage.ShardID{0, 2, 3}) {
			t.Errorf("it has %v, failed: %v", w.Shards(), w.Failed())
		}

		// Another owner goes on where this one has stopped.
		open.Store(true)
		other := &world{t: t, store: w.store, machine: w.machine, options: w.options}
		other.options.Shards = []storage.ShardID{1}
		other.open()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := other.count(in(1, 1)[0]); n != 2 {
			t.Errorf("with its next owner, it counts %d", n)
		}
		for shard := range storage.ShardID(4) {
			owner := w
			if shard == 1 {
				owner = other
			}
			for _, id := range in(shard, 2) {
				if n := owner.fired(id); n != 1 {
					t.Errorf("of %s in shard %d, %d timers have fired", id, shard, n)
				}
			}
		}
		other.must(other.Close(t.Context()))
	})
}

func TestReleasingAShardThatIsNotHeldIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.must(w.ReleaseShard(t.Context(), 1))
		unavailable(t, w.ReleaseShard(t.Context(), 1), "not held")
		if err := w.ReleaseShard(t.Context(), 4); err == nil {
			t.Error("there are four")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w.store.pause()
		if err := w.ReleaseShard(ctx, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		w.store.resume()
	})
}

func TestRecordsThatCannotBeDecodedAreAnErrorThatNamesTheEntityAndChangeNothing(t *testing.T) {
	for name, failure := range map[string]func(){
		"error": nil,
		"panic": func() { panic("no") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				w.machine.load = func(key entity.Key) error {
					if key != toyKey("broken") {
						return nil
					}
					if failure != nil {
						failure()
					}
					return errToy
				}
				before := w.store.count('e')
				for range 2 {
					err := w.step("broken", increment)
					var loss *serviceerror.DataLoss
					if !errors.As(err, &loss) || !strings.Contains(err.Error(), "x/ns/broken") || !strings.Contains(err.Error(), "backup") {
						t.Errorf("got %v", err)
					}
				}
				w.must(w.step("whole", increment))
				if after := w.store.count('e'); after != before+1 {
					t.Errorf("%d records became %d", before, after)
				}
			})
		})
	}
}

func TestAShardThatIsAcquiredWhileRunningGoesOnAsAtAnOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		w := newWorld(t, func(o *runtime.Options) { o.Tasks, o.Shared = s, true })
		defer w.close()
		if n := len(w.Shards()); n != 0 || w.Failed() != nil {
			t.Fatalf("it begins with %d shards, failed: %v", n, w.Failed())
		}
		for shard := range storage.ShardID(4) {
			w.must(w.AcquireShard(t.Context(), shard))
			w.must(w.AcquireShard(t.Context(), shard)) // it has it
		}
		first, second := in(1, 2)[0], in(1, 2)[1]
		w.must(w.step(first, func(step *entity.Step, e *toy) {
			e.increment(step)
			e.addTask(step, testQueue)
			e.setTimer(step, "soon", step.Now.Add(time.Minute))
			e.setTimer(step, "late", step.Now.Add(time.Hour))
		}))
		for range 2 {
			w.must(w.ReleaseShard(t.Context(), 1))
			unavailable(t, w.step(second, increment), "not held")
			w.must(w.AcquireShard(t.Context(), 1))
			w.must(w.step(second, increment))
		}
		if n := w.count(first) + w.count(second); n != 3 {
			t.Errorf("they count %d", n)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := w.fired(first); n != 1 {
			t.Errorf("%d timers have fired", n)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if n := w.fired(first); n != 2 {
			t.Errorf("%d timers have fired", n)
		}
		if n := s.refreshed.Load(); n != 2 { // not those of shards that have none
			t.Errorf("its tasks were to be read %d times", n)
		}
	})
}

func TestWithoutShardsASharedRuntimeHasNotFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *runtime.Options) { o.Shared = true })
		defer w.close()
		w.must(w.AcquireShard(t.Context(), 1))
		_, _ = w.store.Acquire(t.Context(), 1)
		unavailable(t, w.step(in(1, 1)[0], increment), "taken over")
		synctest.Wait()
		if w.Failed() != nil || len(w.Shards()) > 0 {
			t.Errorf("it holds %v, failed: %v", w.Shards(), w.Failed())
		}
		w.must(w.AcquireShard(t.Context(), 1))
		w.must(w.step(in(1, 1)[0], increment))
	})
}

func TestAnAbandonedShardIsRefusedAtOnceThoughTheStoreDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *runtime.Options) { o.Shared = true })
		defer w.close()
		w.must(w.AcquireShard(t.Context(), 1))
		w.store.pause()
		first := make(chan error, 1)
		go func() { first <- w.step(in(1, 2)[0], increment) }()
		synctest.Wait()
		w.AbandonShard(1, errToy)
		unavailable(t, w.step(in(1, 2)[1], increment), "not held")
		w.store.resume()
		w.must(<-first) // the store has it
	})
}

func TestWhatWasReadIsShownToNobodyIfItIsNotSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var unsure atomic.Bool
		w := newWorld(t, func(o *runtime.Options) { o.Sure = func() bool { return !unsure.Load() } })
		defer w.close()
		id := in(1, 1)[0]
		w.must(w.step(id, increment))
		unsure.Store(true)
		look := func(entity.Entity, entity.View) error { return nil }
		unavailable(t, w.View(t.Context(), toyKey(id), look), "not held")
		unavailable(t, w.Await(t.Context(), toyKey(id), func(entity.Entity) bool { return true }), "not held")
		unavailable(t, w.step(id, func(*entity.Step, *toy) {}), "not held")
		unsure.Store(false)
		w.must(w.View(t.Context(), toyKey(id), look))
	})
}
