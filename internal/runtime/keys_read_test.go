package runtime_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/perdure/perdure/internal/entity"
)

func TestKeysOfANamespaceAreReadPageByPage(t *testing.T) {
	w := newWorld(t)
	defer w.close()
	var want []string
	for i := range 20 {
		id := fmt.Sprintf("e%02d\x00", i)
		want = append(want, id)
		for _, namespace := range []string{"ns", "ns\x00", "n", "nsx"} {
			w.must(w.stepKey(entity.Key{Kind: toyKind, Namespace: namespace, ID: id}, func(step *entity.Step, e *toy) { e.increment(step) }))
		}
	}
	for _, size := range []int{1, 3, 100} {
		var got []string
		for _, shard := range w.Shards() {
			var after entity.Key
			for more := true; more; {
				var page []entity.Key
				var err error
				page, more, err = w.ReadKeys(t.Context(), shard, toyKind, "ns", after, size)
				w.must(err)
				if len(page) > size || more && len(page) == 0 {
					t.Fatalf("a page of %d has %d keys, and there are more: %v", size, len(page), more)
				}
				for _, key := range page {
					if key.Namespace != "ns" || key.Kind != toyKind {
						t.Errorf("a key is %v", key)
					}
					got, after = append(got, key.ID), key
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %q, want %q", size, got, want)
		}
	}
	if _, _, err := w.ReadKeys(t.Context(), 99, toyKind, "ns", entity.Key{}, 1); err == nil {
		t.Error("a shard that there is not is read")
	}
}
