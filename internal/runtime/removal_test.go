package runtime_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

func TestRecordsWithAPrefixAreRemovedOneByOneIfItIsKnownThatTheyAreFew(t *testing.T) {
	put := func(n int) func(*entity.Step, *toy) {
		return func(step *entity.Step, _ *toy) {
			for i := range n {
				step.Put(fmt.Appendf(nil, "t%d", i), number(1))
			}
		}
	}
	remove := func(step *entity.Step, _ *toy) { step.DeletePrefix([]byte("t")) }
	for _, c := range []struct {
		name     string
		before   int
		inFlight bool // what is before is still on its way to the disk
		step     func(*entity.Step, *toy)
		ranges   int
	}{
		{"none", 0, false, remove, 0},
		{"few", 5, false, remove, 0},
		{"many", 500, false, remove, 1},
		{"some in flight", 5, true, remove, 1},
		{"some of the same step", 5, false, func(step *entity.Step, e *toy) {
			put(7)(step, e)
			remove(step, e)
		}, 1},
		{"others of the same step", 5, false, func(step *entity.Step, e *toy) {
			e.increment(step)
			remove(step, e)
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				w.store.latency = time.Millisecond
				w.must(w.step("other", put(3)))
				if c.inFlight {
					go w.step("a", put(c.before))
					synctest.Wait()
				} else {
					w.must(w.step("a", put(c.before)))
				}
				w.must(w.step("a", c.step))
				for id, want := range map[string]int{"a": 0, "other": 3} {
					w.must(w.View(t.Context(), toyKey(id), func(_ entity.Entity, r entity.View) error {
						left := 0
						err := r.Scan([]byte("t"), nil, false, func([]byte, []byte) bool { left++; return true })
						if left != want {
							t.Errorf("%d records of %q are left, want %d", left, id, want)
						}
						return err
					}))
				}
				if got := w.store.ranges(); got != c.ranges {
					t.Errorf("%d ranges were removed, want %d", got, c.ranges)
				}
			})
		})
	}
}
