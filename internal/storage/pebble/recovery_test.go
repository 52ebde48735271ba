package pebble

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/storage"
)

func TestAStoreKnowsWhetherItWasClosedInOrder(t *testing.T) {
	disk := vfs.NewCrashableMem()
	open := func(fs vfs.FS) *Store { return mustOpen(t, "data", Options{FS: fs, Shards: 1, Logger: quiet}) }
	write := func(s *Store) {
		t.Helper()
		if err := commit(s, acquire(t, s, 0), storage.Synced, "k", string(make([]byte, 1000))); err != nil {
			t.Fatal(err)
		}
	}
	closeOf := func(s *Store) {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}

	s := open(disk)
	if got := s.Recovered(); got != (Recovery{Fresh: true}) {
		t.Errorf("a new store: %+v", got)
	}
	write(s)
	before := time.Now()
	closeOf(s)

	s = open(disk)
	if got := s.Recovered(); got.Fresh || got.Stopped.Before(before.Add(-time.Second)) || got.LogBytes < 1000 {
		t.Errorf("a store that was closed: %+v", got)
	}
	write(s)
	crashed := disk.CrashClone(vfs.CrashCloneCfg{})
	closeOf(s)

	s = open(crashed)
	if got := s.Recovered(); got.Fresh || !got.Stopped.IsZero() || got.LogBytes < 1000 {
		t.Errorf("a store that was not closed: %+v", got)
	}
	closeOf(s)
}
