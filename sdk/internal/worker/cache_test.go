package worker

import "testing"

type fakeRun struct{ evictions int }

func (f *fakeRun) evict() { f.evictions++ }

func TestTheLeastRecentlyUsedRunIsEvicted(t *testing.T) {
	c := newStickyCache(2, 0)
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
	c := newStickyCache(2, 0)
	older, newer := &fakeRun{}, &fakeRun{}
	c.put("a", older)
	c.put("a", newer)
	c.put("a", newer)
	if older.evictions != 1 || newer.evictions != 0 || c.len() != 1 {
		t.Fatalf("older evicted %d times, newer %d, %d cached", older.evictions, newer.evictions, c.len())
	}
}

func TestRemoveLeavesAnotherRunOfThatIDAlone(t *testing.T) {
	c := newStickyCache(2, 0)
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
	c := newStickyCache(3, 0)
	runs := []*fakeRun{{}, {}, {}}
	for i, r := range runs {
		c.put(string(rune('a'+i)), r)
	}
	c.bound(func() { c.size = 1 })
	if runs[0].evictions != 1 || runs[1].evictions != 1 || runs[2].evictions != 0 {
		t.Fatal("shrinking did not evict the two oldest runs")
	}
	c.bound(func() { c.size = 0 })
	if runs[2].evictions != 1 || c.len() != 0 {
		t.Fatal("a cache of size zero still holds a run")
	}
}

func TestRemoveIfEvictsOnlyMatchingRuns(t *testing.T) {
	c := newStickyCache(3, 0)
	mine, other := &fakeRun{}, &fakeRun{}
	c.put("a", mine)
	c.put("b", other)
	c.removeIf(func(r cached) bool { return r == cached(mine) })
	if mine.evictions != 1 || other.evictions != 0 || c.len() != 1 {
		t.Fatal("removeIf evicted the wrong runs")
	}
}

func TestRunsAreEvictedWhenTheirBytesDoNotFit(t *testing.T) {
	c := newStickyCache(10, 100)
	a, b, d := &fakeRun{}, &fakeRun{}, &fakeRun{}
	for id, r := range map[string]*fakeRun{"a": a, "b": b} {
		c.put(id, r)
		if !c.resize(id, r, 50) {
			t.Fatalf("run %s is not held", id)
		}
	}
	c.get("a")
	c.put("d", d)
	c.resize("d", d, 30)
	if a.evictions != 0 || b.evictions != 1 || d.evictions != 0 {
		t.Errorf("evictions: a %d, b %d, d %d; want only b", a.evictions, b.evictions, d.evictions)
	}
	if runs, _, held, _ := c.usage(); runs != 2 || held != 80 {
		t.Errorf("%d runs of %d bytes are held", runs, held)
	}
	c.remove("a", a)
	if _, _, held, _ := c.usage(); held != 30 {
		t.Errorf("%d bytes are held without a", held)
	}
}

func TestARunThatNeverFitsIsEvictedAloneAndNotTheOthers(t *testing.T) {
	c := newStickyCache(10, 100)
	small, large := &fakeRun{}, &fakeRun{}
	c.put("small", small)
	c.resize("small", small, 50)
	c.put("large", large)
	c.resize("large", large, 101)
	if small.evictions != 0 || large.evictions != 1 {
		t.Errorf("evictions: small %d, large %d; want only large", small.evictions, large.evictions)
	}
}

func TestOnlyTheRunThatIsHeldIsResized(t *testing.T) {
	c := newStickyCache(10, 100)
	c.put("a", &fakeRun{})
	if c.resize("a", &fakeRun{}, 50) || c.resize("b", &fakeRun{}, 50) {
		t.Error("a run that is not held was resized")
	}
	if _, _, held, _ := c.usage(); held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}
