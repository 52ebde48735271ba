package runtime_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage/pebble"
)

// What it costs to remove an entity's records by their prefix, and to look for an entity after
// it, must not depend on how often that was done before.
func BenchmarkCliffOfRemovals(b *testing.B) {
	for _, size := range []int{10, 100, 1000, 10_000} {
		b.Run("size="+strconv.Itoa(size), func(b *testing.B) {
			store, err := pebble.Open(b.TempDir(), pebble.Options{NoSync: true})
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			r, err := runtime.Open(b.Context(), runtime.Options{
				Store:    store,
				Machines: map[entity.Kind]entity.Machine{toyKind: &toyMachine{size: 100}},
				Logger:   slog.New(slog.DiscardHandler),
			})
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close(context.Background())
			n := 0
			remove := func() {
				n++
				for _, fn := range []func(*entity.Step){
					func(step *entity.Step) { step.Put([]byte("t1"), number(1)); step.Put([]byte("t2"), number(1)) },
					func(step *entity.Step) { step.DeletePrefix([]byte("t")) },
				} {
					if err := r.Step(b.Context(), toyKey(strconv.Itoa(n)), func(step *entity.Step, _ entity.Entity) error {
						fn(step)
						return nil
					}); err != nil {
						b.Fatal(err)
					}
				}
			}
			for range size {
				remove()
			}
			b.ReportAllocs()
			for b.Loop() {
				remove()
			}
		})
	}
}
