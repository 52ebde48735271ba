package runtime_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
)

func withChangeLog(o *runtime.Options) { o.ChangeLog = true }

// indexed is an increment that is noted for the index.
func indexed(step *entity.Step, e *toy) {
	e.increment(step)
	step.Index(entity.IndexEntry{ID: "row\x00", Row: number(e.count)})
}

// changes are all entries of the change logs, in order in each shard.
func (w *world) changes(pageSize int) (all []runtime.Change) {
	w.t.Helper()
	for _, id := range w.Shards() {
		for after, more := int64(0), true; more; {
			page, through, again, err := w.ReadChanges(w.t.Context(), id, after, pageSize)
			w.must(err)
			if len(page) > pageSize {
				w.t.Fatalf("%d entries on a page of %d", len(page), pageSize)
			}
			all, after, more = append(all, page...), through, again
		}
	}
	return all
}

func TestChangesAreReadInOrderPageByPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withChangeLog)
		defer w.close()
		for i := range 60 {
			w.must(w.step(fmt.Sprint(i%7), indexed))
		}
		w.must(w.step("gone", func(step *entity.Step, _ *toy) {
			step.Index(entity.IndexEntry{ID: "empty", Row: []byte{}})
			step.Index(entity.IndexEntry{ID: "removed"})
		}))
		for _, pageSize := range []int{1, 7, 1000} {
			rows := map[entity.Key]int64{}
			var gone []entity.IndexEntry
			for _, c := range w.changes(pageSize) {
				if c.Entity == toyKey("gone") {
					gone = append(gone, c.IndexEntry)
					continue
				}
				rows[c.Entity]++
				if c.ID != "row\x00" || !slices.Equal(c.Row, number(rows[c.Entity])) {
					t.Fatalf("change %d of %v is %q, %q", rows[c.Entity], c.Entity, c.ID, c.Row)
				}
			}
			if len(rows) != 7 || rows[toyKey("0")] != 9 {
				t.Errorf("pages of %d: read %v", pageSize, rows)
			}
			if len(gone) != 2 || gone[0].ID != "empty" || gone[0].Row == nil || gone[1].ID != "removed" || gone[1].Row != nil {
				t.Errorf("pages of %d: read %+v", pageSize, gone)
			}
		}
	})
}

func TestChangesAreReadWhenDurableAndNoneIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withChangeLog)
		defer w.close()
		w.store.pause()
		go w.step("a", indexed)
		synctest.Wait()
		var read []runtime.Change
		returned := false
		go func() {
			read = w.changes(10)
			returned = true
		}()
		synctest.Wait()
		if returned {
			t.Error("the log was read while an entry was on its way")
		}
		w.store.resume()
		synctest.Wait()
		if len(read) != 1 {
			t.Errorf("read %v", read)
		}
	})
}

func TestTrimmedChangesAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withChangeLog)
		defer w.close()
		for range 10 {
			w.must(w.step("a", indexed))
			time.Sleep(time.Millisecond)
		}
		all := w.changes(100)
		for _, id := range w.Shards() {
			w.must(w.TrimChanges(t.Context(), id, all[3].Number))
		}
		if left := w.changes(100); len(left) != 6 || left[0].Number != all[4].Number || w.store.count('l') != 6 {
			t.Errorf("left are %v of %v", left, all)
		}
	})
}

func TestWithoutAChangeLogNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.must(w.step("a", indexed))
		if n := w.store.count('l'); n != 0 {
			t.Errorf("%d entries", n)
		}
	})
}

func TestAChangeThatCannotBeDecodedIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, withChangeLog, func(o *runtime.Options) { o.Shards = []storage.ShardID{0} })
		defer w.close()
		w.store.put(0, "l\x00\x00\x00\x00\x00\x00\x00\x07", "nonsense")
		for i := range 10 {
			_ = w.step(fmt.Sprint(i), indexed) // those of shard 0
		}
		if _, _, _, err := w.ReadChanges(t.Context(), 0, 0, 10); err == nil || !strings.Contains(err.Error(), "6c0000000000000007") {
			t.Errorf("got %v", err)
		}
		if behind, _, _, err := w.ReadChanges(t.Context(), 0, 7, 10); len(behind) == 0 || err != nil {
			t.Errorf("behind it: %v, %v", behind, err)
		}
		if _, _, _, err := w.ReadChanges(t.Context(), 99, 0, 10); err == nil {
			t.Error("there is no shard 99")
		}
	})
}

func TestACrashKeepsRecordsAndChangesTogether(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, withChangeLog)
			w.store.latency = time.Millisecond
			rng := rand.New(rand.NewPCG(seed, 4))
			for range 5 {
				for i := range 8 {
					go func() {
						for w.step(fmt.Sprint(i), indexed) == nil {
						}
					}()
				}
				time.Sleep(time.Duration(rng.IntN(int(50 * time.Millisecond))))
				old := w.store
				w.store = old.crash(rng)
				synctest.Wait()
				_ = w.Close(t.Context())
				old.Close()
				w.open()
				last := map[entity.Key][]byte{}
				for _, c := range w.changes(100) {
					last[c.Entity] = c.Row
				}
				for i := range 8 {
					if n, row := w.count(fmt.Sprint(i)), last[toyKey(fmt.Sprint(i))]; n > 0 && !slices.Equal(row, number(n)) {
						t.Errorf("%d counts %d, and the last change says %v", i, n, row)
					}
				}
			}
			w.close()
		})
	}
}
