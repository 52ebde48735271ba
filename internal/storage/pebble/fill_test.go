package pebble

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/perdure/perdure/internal/storage"
)

func TestTheLogDoesNotGrowWithEachCommit(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	lease, err := s.Acquire(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	before := logSize(t, dir)
	if before == 0 || before%fillStep != 0 {
		t.Errorf("the log has %d bytes, want a multiple of %d", before, fillStep)
	}
	for i := range 20 {
		commitOne(t, s, lease, fmt.Sprintf("key %d", i), "value")
	}
	if after := logSize(t, dir); after != before {
		t.Errorf("the log has grown from %d to %d bytes by a few small commits", before, after)
	}
	value := make([]byte, fillStep+1)
	commitOne(t, s, lease, "large", string(value))
	if after := logSize(t, dir); after <= before || after%fillStep != 0 {
		t.Errorf("after more than a step was written the log has %d bytes, want more than %d, and a multiple of %d", after, before, fillStep)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsInAFilledLogIsThereAfterItWasCopiedFromUnderTheStore(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lease, err := s.Acquire(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		commitOne(t, s, lease, fmt.Sprintf("key %02d", i), "value")
	}
	// As a power cut would leave it: nothing is closed.
	if err := os.CopyFS(filepath.Join(copied, "data"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again, err := Open(filepath.Join(copied, "data"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for i := range 50 {
		if value, err := again.Get(t.Context(), 0, fmt.Appendf(nil, "key %02d", i)); err != nil || string(value) != "value" {
			t.Errorf("key %02d is %q, %v", i, value, err)
		}
	}
}

func commitOne(t *testing.T, s *Store, lease storage.Lease, key, value string) {
	t.Helper()
	var batch storage.Batch
	batch.Set([]byte(key), []byte(value))
	done := make(chan error, 1)
	s.Commit(lease, &batch, storage.Synced, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// logSize is the size of the log that is written in a directory.
func logSize(t *testing.T, dir string) int64 {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("logs: %v, %v", logs, err)
	}
	info, err := os.Stat(logs[len(logs)-1])
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
