package worker

import "testing"

type fakeRun struct{ evictions int }

func (f *fakeRun) evict() { f.evictions++ }

func TestTheLeastRecentlyUsedRunIsEvicted(t *testing.T) {
	c := newStickyCache(2)
	a, b, d := &fakeRun{}, &fakeRun{}, &fakeRun{}
	c.put("a", a)
	c.put("b", b)
	c.get("a")
	c.put("d", d)
	if b.evictions != 1 || a.evictions != 0 || d.evictions != 0 {
		t.Fatalf("evictions: a %d, b %d, d %d; want only b", a.evictions, b.evictions, d.evictions)
	}
	if _, ok := c.get("b"); ok {
		t.Fatal("an evicted run can still be found")
	}
	if c.len() != 2 {
		t.Fatalf("%d runs are cached, want 2", c.len())
	}
}

func TestARunThatReplacesAnotherOfItsIDEvictsIt(t *testing.T) {
	c := newStickyCache(2)
	older, newer := &fakeRun{}, &fakeRun{}
	c.put("a", older)
	c.put("a", newer)
	c.put("a", newer)
	if older.evictions != 1 || newer.evictions != 0 || c.len() != 1 {
		t.Fatalf("older evicted %d times, newer %d, %d cached", older.evictions, newer.evictions, c.len())
	}
}

func TestRemoveLeavesAnotherRunOfThatIDAlone(t *testing.T) {
	c := newStickyCache(2)
	older, newer := &fakeRun{}, &fakeRun{}
	c.put("a", newer)
	c.remove("a", older)
	if got, ok := c.get("a"); !ok || got != cached(newer) {
		t.Fatal("removing a run that is not cached removed the one that is")
	}
	c.remove("a", newer)
	if _, ok := c.get("a"); ok || newer.evictions != 0 {
		t.Fatal("remove did not drop the run, or evicted it")
	}
}

func TestShrinkingTheCacheEvictsWhatDoesNotFit(t *testing.T) {
	c := newStickyCache(3)
	runs := []*fakeRun{{}, {}, {}}
	for i, r := range runs {
		c.put(string(rune('a'+i)), r)
	}
	c.resize(1)
	if runs[0].evictions != 1 || runs[1].evictions != 1 || runs[2].evictions != 0 {
		t.Fatal("shrinking did not evict the two oldest runs")
	}
	c.resize(0)
	if runs[2].evictions != 1 || c.len() != 0 {
		t.Fatal("a cache of size zero still holds a run")
	}
}

func TestRemoveIfEvictsOnlyMatchingRuns(t *testing.T) {
	c := newStickyCache(3)
	mine, other := &fakeRun{}, &fakeRun{}
	c.put("a", mine)
	c.put("b", other)
	c.removeIf(func(r cached) bool { return r == cached(mine) })
	if mine.evictions != 1 || other.evictions != 0 || c.len() != 1 {
		t.Fatal("removeIf evicted the wrong runs")
	}
}
