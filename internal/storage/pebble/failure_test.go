package pebble

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/perdure/perdure/internal/storage"
)

// faults is a file system on which writes fail once told to.
type faults struct {
	fs *vfs.MemFS
	on atomic.Bool
	// match chooses the operations that fail; all writes if nil.
	match func(errorfs.Op) bool
	hit   atomic.Bool
	err   error
}

func newFaults(match func(errorfs.Op) bool) *faults {
	return &faults{fs: vfs.NewCrashableMem(), match: match, err: syscall.ENOSPC}
}

func (f *faults) FS() vfs.FS { return reusingFS{errorfs.Wrap(f.fs, f), f} }

// String and MaybeError implement errorfs.Injector.
func (f *faults) String() string { return "faults" }

func (f *faults) MaybeError(op errorfs.Op) error {
	if !f.on.Load() || op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	switch op.Kind {
	case errorfs.OpRemove, errorfs.OpRemoveAll, errorfs.OpFileClose, errorfs.OpFilePreallocate, errorfs.OpLock:
		return nil // these do work on a full disk
	}
	if f.match != nil && !f.match(op) {
		return nil
	}
	f.hit.Store(true)
	return f.err
}

// reusingFS is needed because errorfs injects nothing into files that were
// reused.
type reusingFS struct {
	*errorfs.FS
	faults *faults
}

func (fs reusingFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := fs.faults.MaybeError(errorfs.Op{Kind: errorfs.OpReuseForWrite, Path: oldname}); err != nil {
		return nil, err
	}
	if err := fs.Rename(oldname, newname); err != nil {
		return nil, err
	}
	return fs.OpenReadWrite(newname, category)
}

func small(fs vfs.FS) Options {
	return Options{FS: fs, Shards: 2, CacheBytes: 1 << 20, Logger: quiet, memTableBytes: 256 << 10}
}

// fill commits from several writers until a commit fails, which it will some
// time after breakDisk has been called. It returns how many batches each writer has
// been told were done, and the error.
func fill(t *testing.T, store *Store, writers int, breakDisk func()) (acknowledged []int, failure error) {
	t.Helper()
	leases := []storage.Lease{acquire(t, store, 0), acquire(t, store, 1)}
	acknowledged = make([]int, writers)
	var once sync.Once
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			rng := rand.NewPCG(1, uint64(w)) // so that the log does not compress
			for i := range 20000 {
				if w == 0 && i == 100 {
					breakDisk()
				}
				value := fmt.Sprintf("%d %s", i, strings.Repeat(fmt.Sprint(rng.Uint64()), 40))
				err := commit(store, leases[w%2], storage.Synced, fmt.Sprintf("%d/%d/a", w, i), value, fmt.Sprintf("%d/%d/b", w, i), value)
				if err != nil {
					once.Do(func() { failure = err })
					return
				}
				acknowledged[w]++
			}
		})
	}
	wg.Wait()
	return acknowledged, failure
}

func checkAcknowledged(t *testing.T, store *Store, acknowledged []int) {
	t.Helper()
	for w, n := range acknowledged {
		for i := range n {
			for _, part := range []string{"a", "b"} {
				if _, err := store.Get(context.Background(), storage.ShardID(w%2), fmt.Appendf(nil, "%d/%d/%s", w, i, part)); err != nil {
					t.Fatalf("batch %d of writer %d was acknowledged and is gone: %v", i, w, err)
				}
			}
		}
	}
}

func TestAWriteErrorAnywhereEndsAllCommitsAndLosesNothingAcknowledged(t *testing.T) {
	file := func(parts ...string) func(errorfs.Op) bool {
		return func(op errorfs.Op) bool {
			for _, part := range parts {
				if strings.Contains(op.Path, part) {
					return true
				}
			}
			return false
		}
	}
	kind := func(match func(errorfs.Op) bool, kinds ...errorfs.OpKind) func(errorfs.Op) bool {
		return func(op errorfs.Op) bool {
			for _, k := range kinds {
				if op.Kind == k && match(op) {
					return true
				}
			}
			return false
		}
	}
	for _, test := range []struct {
		name  string
		match func(errorfs.Op) bool
	}{
		{"every write", nil},
		{"write of the log", kind(file(".log"), errorfs.OpFileWrite)},
		{"sync of the log", kind(file(".log"), errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo)},
		{"new log", kind(file(".log"), errorfs.OpCreate, errorfs.OpReuseForWrite)},
		{"sync of the directory", func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileSync && strings.HasSuffix(op.Path, "data") }},
		{"new table", kind(file(".sst"), errorfs.OpCreate)},
		{"write of a table", kind(file(".sst"), errorfs.OpFileWrite)},
		{"sync of a table", kind(file(".sst"), errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo)},
		{"write of the manifest", kind(file("MANIFEST"), errorfs.OpFileWrite)},
		{"sync of the manifest", kind(file("MANIFEST"), errorfs.OpFileSync, errorfs.OpFileSyncData)},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, restart := range []string{"process", "machine"} {
				t.Run("then the "+restart+" is restarted", func(t *testing.T) {
					disk := newFaults(test.match)
					store := mustOpen(t, "data", small(disk.FS()))
					lease := acquire(t, store, 0)
					for i := range 200 {
						if err := commit(store, lease, storage.Durability(i%2), fmt.Sprintf("before/%d", i), "v"); err != nil {
							t.Fatal(err)
						}
					}
					acknowledged, err := fill(t, store, 4, func() { disk.on.Store(true) })
					if !disk.hit.Load() {
						t.Fatalf("the test made no error happen; %d acknowledged, ended with: %v", acknowledged, err)
					}
					if !errors.Is(err, storage.ErrFailed) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free space") {
						t.Fatalf("commits ended with: %v", err)
					}
					// It stays so, though the disk is well again.
					disk.on.Store(false)
					if err := commit(store, lease, storage.Lazy, "late", "v"); !errors.Is(err, storage.ErrFailed) {
						t.Fatalf("Commit after the failure: %v", err)
					}
					if _, err := store.Acquire(context.Background(), 0); !errors.Is(err, storage.ErrFailed) {
						t.Fatalf("Acquire after the failure: %v", err)
					}
					if _, err := store.Get(context.Background(), 0, []byte("before/0")); !errors.Is(err, storage.ErrFailed) {
						t.Fatalf("Get after the failure: %v", err)
					}
					if err := store.Close(); !errors.Is(err, storage.ErrFailed) {
						t.Fatalf("Close: %v", err)
					}

					fs := disk.fs
					if restart == "machine" {
						fs = fs.CrashClone(vfs.CrashCloneCfg{})
					}
					store = mustOpen(t, "data", small(fs))
					defer store.Close()
					for i := range 199 { // number 199 is the last and lazy
						if _, err := store.Get(context.Background(), 0, fmt.Appendf(nil, "before/%d", i)); err != nil {
							t.Fatalf("before/%d: %v", i, err)
						}
					}
					checkAcknowledged(t, store, acknowledged)
				})
			}
		})
	}
}

func TestDonesStayInOrderThroughAFailure(t *testing.T) {
	disk := newFaults(nil)
	store := mustOpen(t, "data", small(disk.FS()))
	lease := acquire(t, store, 0)
	const n = 2000
	var order []int
	var errs []error
	var wg sync.WaitGroup
	for i := range n {
		if i == n/2 {
			disk.on.Store(true)
		}
		var b storage.Batch
		b.Set(fmt.Appendf(nil, "%d", i), make([]byte, 100))
		wg.Add(1)
		store.Commit(lease, &b, storage.Durability(i%2), func(err error) {
			order, errs = append(order, i), append(errs, err)
			wg.Done()
		})
	}
	wg.Wait()
	failed := false
	for i := range n {
		if order[i] != i {
			t.Fatalf("done %d came as number %d", order[i], i)
		}
		if errs[i] == nil && failed {
			t.Fatalf("batch %d was acknowledged after one had failed", i)
		}
		failed = failed || errs[i] != nil
	}
	if !failed {
		t.Fatal("no commit failed")
	}
	if err := store.Close(); !errors.Is(err, storage.ErrFailed) {
		t.Fatalf("Close: %v", err)
	}
}

func TestAFailedWriteOfOnlyLazyBatchesIsNoticedWithoutFurtherCommits(t *testing.T) {
	disk := newFaults(nil)
	store := mustOpen(t, "data", small(disk.FS()))
	lease := acquire(t, store, 0)
	disk.on.Store(true)
	if err := commit(store, lease, storage.Lazy, "a", "1"); err != nil && !errors.Is(err, storage.ErrFailed) {
		t.Fatal(err)
	}
	<-store.failed
	if err := store.Close(); !errors.Is(err, storage.ErrFailed) {
		t.Fatalf("Close: %v", err)
	}
}

func TestAnErrorThatIsNotAFullDiskSaysToCheckTheDisk(t *testing.T) {
	disk := newFaults(nil)
	disk.err = syscall.EIO
	store := mustOpen(t, "data", small(disk.FS()))
	lease := acquire(t, store, 0)
	disk.on.Store(true)
	err := commit(store, lease, storage.Synced, "a", "1")
	if !errors.Is(err, storage.ErrFailed) || !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "check the disk") {
		t.Fatalf("Commit: %v", err)
	}
	store.Close()
}

func TestOpenOnAFullDiskIsAnErrorAndCanBeTriedAgain(t *testing.T) {
	disk := newFaults(nil)
	store := mustOpen(t, "data", small(disk.FS()))
	if err := commit(store, acquire(t, store, 0), storage.Synced, "a", "1"); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	disk.on.Store(true)
	if _, err := Open("data", small(disk.FS())); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Open on a full disk: %v", err)
	}
	disk.on.Store(false)
	store = mustOpen(t, "data", small(disk.FS()))
	defer store.Close()
	if got, err := store.Get(context.Background(), 0, []byte("a")); err != nil || string(got) != "1" {
		t.Fatalf("Get = %q, %v", got, err)
	}
}

func TestTheFailureOfCloseItselfIsReported(t *testing.T) {
	disk := newFaults(nil)
	store := mustOpen(t, "data", small(disk.FS()))
	lease := acquire(t, store, 0)
	if err := commit(store, lease, storage.Synced, "a", "1"); err != nil {
		t.Fatal(err)
	}
	disk.on.Store(true)
	if err := store.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Close: %v", err)
	}
}
