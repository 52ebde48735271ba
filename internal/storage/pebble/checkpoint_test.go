package pebble

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/storage"
)

var quietLogger = slog.New(slog.DiscardHandler)

// fullFS has no room for files of checkpoints.
type fullFS struct{ vfs.FS }

func (f fullFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.Contains(name, checkpointName) {
		return nil, &os.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	return f.FS.Create(name, category)
}

func TestACheckpointThatCannotBeWrittenHarmsNothing(t *testing.T) {
	store, err := Open("data", Options{FS: fullFS{vfs.NewMem()}, Shards: 1, Logger: quietLogger})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for range 2 {
		if _, err := store.Checkpoint(); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("checkpoint: %v", err)
		}
	}
	if _, err := store.Acquire(t.Context(), 0); err != nil {
		t.Errorf("a write after it: %v", err)
	}
}

func TestThereIsOneCheckpointAtATimeAndAnOldOneIsRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	store, err := Open(dir, Options{Shards: 1, Logger: quietLogger})
	if err != nil {
		t.Fatal(err)
	}
	c, err := store.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Checkpoint(); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("a second one: %v", err)
	}
	stopped, err := OpenStopped(c.Dir, Options{Logger: quietLogger})
	if err != nil {
		t.Fatalf("the checkpoint cannot be opened: %v", err)
	}
	if err := errors.Join(stopped.Close(), store.Close()); err != nil {
		t.Fatal(err)
	}
	// As if the process had been killed now.
	if store, err = Open(dir, Options{Logger: quietLogger}); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := os.Stat(c.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old checkpoint: %v", err)
	}
}

func TestAClosedStoreHasNoCheckpoint(t *testing.T) {
	store, err := Open("data", Options{FS: vfs.NewMem(), Logger: quietLogger})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Checkpoint(); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("checkpoint: %v", err)
	}
}
