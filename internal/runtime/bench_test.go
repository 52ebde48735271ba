package runtime_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
)

// BenchmarkStep is what the runtime costs for steps as workflows have them: two
// records, a task added and one removed, against a store that only keeps a map.
func BenchmarkStep(b *testing.B) {
	w := newWorld(b)
	defer w.close()
	var next atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		key := toyKey(strconv.Itoa(int(next.Add(1))))
		k1, k2, value := []byte("n"), []byte("f"), number(7)
		var last int64
		for pb.Next() {
			err := w.Step(b.Context(), key, func(step *entity.Step, e entity.Entity) error {
				step.Put(k1, value)
				step.Put(k2, value)
				if last != 0 {
					step.RemoveTask(entity.TaskRef{Queue: testQueue, ID: last})
				}
				last = step.AddTask(&entity.Task{Queue: testQueue, Entity: key, RunID: "0b0d7f2c-9f8a-4b1e-8a55-0e4a5c3a3f10", EventID: 5, Stamp: 1, Created: step.Now})
				return nil
			})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkView(b *testing.B) {
	w := newWorld(b, func(*runtime.Options) {})
	defer w.close()
	b.ReportAllocs()
	for b.Loop() {
		_ = w.View(b.Context(), toyKey("a"), func(entity.Entity, entity.View) error { return nil })
	}
}

// What a step on one entity costs must not depend on how many others there are.
func BenchmarkCliffOfIdleEntities(b *testing.B) {
	for _, size := range []int{1000, 100_000, 1_000_000} {
		b.Run("size="+strconv.Itoa(size), func(b *testing.B) {
			w := newWorld(b, func(o *runtime.Options) { o.CacheBytes = 1 << 40 })
			defer w.close()
			k, value := []byte("n"), number(7)
			step := func(i int) {
				if err := w.Step(b.Context(), toyKey(strconv.Itoa(i)), func(step *entity.Step, e entity.Entity) error {
					step.Put(k, value)
					return nil
				}); err != nil {
					b.Fatal(err)
				}
			}
			for i := range size {
				step(i)
			}
			b.ReportAllocs()
			for b.Loop() {
				step(size / 2)
			}
		})
	}
}
