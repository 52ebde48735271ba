package runtime_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
)

// numbered adds tasks to all entities of a world that its shards hold and notes
// their ids, which must be new.
type numbered struct {
	t    *testing.T
	seen map[int64]bool
}

func (n *numbered) add(w *world) (ids []int64) {
	n.t.Helper()
	for i := range 40 {
		var id int64
		if err := w.step(strconv.Itoa(i), func(step *entity.Step, e *toy) { id = e.addTask(step, testQueue) }); err != nil {
			continue // the shard is not here, or has just failed
		}
		if n.seen[id] {
			n.t.Errorf("task id %d was given twice", id)
		}
		n.seen[id] = true
		ids = append(ids, id)
	}
	return ids
}

func TestOwnersOfDifferentShardsNeverGiveTheSameNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &numbered{t, map[int64]bool{}}
		a := newWorld(t, func(o *runtime.Options) { o.Shards = []storage.ShardID{0, 2} })
		b := &world{t: t, store: a.store, machine: a.machine, options: a.options}
		b.options.Shards = []storage.ShardID{1, 3}
		b.open()
		for range 5 { // at the same time to the nanosecond
			if len(n.add(a))+len(n.add(b)) != 40 {
				t.Fatal("each entity has one owner")
			}
		}
		b.must(b.Close(t.Context()))
		a.close()
	})
}

func TestNumbersAreNotGivenAgainAfterACrashWithTheClockSetBack(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			var back atomic.Int64
			n := &numbered{t, map[int64]bool{}}
			w := newWorld(t, func(o *runtime.Options) {
				o.Now = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
			})
			rng := rand.New(rand.NewPCG(seed, 3))
			for range 5 {
				w.store.latency = time.Millisecond
				for range 5 {
					n.add(w)
					time.Sleep(time.Duration(rng.IntN(int(100 * time.Millisecond))))
				}
				crashed := make(chan struct{})
				go func() {
					defer close(crashed)
					n.add(w)
				}()
				time.Sleep(time.Millisecond)
				old := w.store
				w.store = old.crash(rng)
				synctest.Wait()
				_ = w.Close(t.Context())
				old.Close()
				<-crashed
				back.Add(int64(time.Minute))
				w.open()
			}
			n.add(w)
			w.close()
		})
	}
}

// The number of one entity is in the store while the bound it relies on waits
// behind another entity's step.
func TestABoundIsInTheStoreBeforeWhatReliesOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *runtime.Options) { o.Shards = []storage.ShardID{0} })
		defer w.close()
		for range 100 {
			for i := range 40 {
				go w.step(strconv.Itoa(i), func(step *entity.Step, e *toy) { e.addTask(step, testQueue) })
			}
			time.Sleep(50 * time.Millisecond)
		}
		synctest.Wait()
		if late := w.store.aboveBound(); late != "" {
			t.Error(late)
		}
	})
}

func TestTaskIdsAreInOrderOfTimeOverShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &numbered{t, map[int64]bool{}}
		w := newWorld(t)
		defer w.close()
		var last int64
		for range 10 {
			time.Sleep(time.Millisecond)
			ids := n.add(w)
			if first := slices.Min(ids); first <= last {
				t.Fatalf("id %d after %d", first, last)
			}
			last = slices.Max(ids)
		}
	})
}

func TestReadingPushesIdleShardsAboveWhatIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		for range 100 { // runs ahead of the clock, which stands still
			w.must(w.step("busy", func(step *entity.Step, e *toy) { e.addTask(step, testQueue) }))
		}
		_, through, more, err := w.ReadTasks(t.Context(), testQueue, "", 0, 1000)
		w.must(err)
		if more {
			t.Fatal("there is more")
		}
		for i := range 20 {
			w.must(w.step(strconv.Itoa(i), func(step *entity.Step, e *toy) {
				if id := e.addTask(step, testQueue); id <= through {
					t.Errorf("task %d is added after the reading was complete through %d", id, through)
				}
			}))
		}
	})
}

func TestTimeGoesOnWithoutAStopAfterACleanRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer func() { w.close() }()
		w.must(w.step("a", func(step *entity.Step, e *toy) { e.increment(step) }))
		w.must(w.Close(t.Context()))
		time.Sleep(time.Millisecond)
		w.open()
		w.must(w.step("a", func(step *entity.Step, e *toy) {
			if !step.Now.Equal(time.Now()) {
				t.Errorf("it is %v, and the step is at %v", time.Now(), step.Now)
			}
		}))
	})
}

func TestAShardWhoseClockMakesNoSenseIsNotTaken(t *testing.T) {
	for _, value := range []string{"", "short", "\xff\xff\xff\xff\xff\xff\xff\xff"} {
		store := newTestStore(1)
		store.shards[0].visible = orderedMap{{[]byte("mc"), []byte(value)}}
		if _, err := runtime.Open(t.Context(), runtime.Options{Store: store, Machines: map[entity.Kind]entity.Machine{toyKind: &toyMachine{}}}); err == nil {
			t.Errorf("opened with clock %q", value)
		}
		store.Close()
	}
}
