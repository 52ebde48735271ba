package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/pebble"
)

var quiet = slog.New(slog.DiscardHandler)

// scene is a store that is written to, and a directory of backups.
type scene struct {
	t             *testing.T
	store         *pebble.Store
	lease         storage.Lease
	data, backups string
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, data: filepath.Join(t.TempDir(), "data"), backups: filepath.Join(t.TempDir(), "far", "backups")}
	var err error
	if s.store, err = pebble.Open(s.data, pebble.Options{Shards: 1, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	if s.lease, err = s.store.Acquire(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return s
}

// set writes a pair and returns once that is acknowledged.
func (s *scene) set(key, value string) error {
	var batch storage.Batch
	batch.Set([]byte(key), []byte(value))
	done := make(chan error, 1)
	s.store.Commit(s.lease, &batch, storage.Synced, func(err error) { done <- err })
	return <-done
}

func (s *scene) mustSet(key, value string) {
	s.t.Helper()
	if err := s.set(key, value); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) options() Options {
	return Options{Source: s.store, Dir: s.backups, DataDir: s.data, Version: "test", Cluster: "cluster", Logger: quiet}
}

func (s *scene) backup() *Manifest {
	s.t.Helper()
	m, err := Run(s.t.Context(), s.options())
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// restore restores a backup and returns what is in it.
func (s *scene) restore(name string) map[string]string {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "restored")
	if _, err := Restore(s.t.Context(), RestoreOptions{From: filepath.Join(s.backups, name), DataDir: dir}); err != nil {
		s.t.Fatal(err)
	}
	return contents(s.t, dir)
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	store, err := pebble.Open(dir, pebble.Options{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	pairs := make(map[string]string)
	if err := store.Scan(t.Context(), 0, storage.Range{}, func(key, value []byte) bool {
		pairs[string(key)] = string(value)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return pairs
}

// left are the names in the directory of backups but for the lock.
func (s *scene) left() []string {
	entries, _ := os.ReadDir(s.backups)
	var names []string
	for _, e := range entries {
		if e.Name() != lockName {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestABackupHasWhatWasAcknowledgedBeforeIt(t *testing.T) {
	s := newScene(t)
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	acknowledged := 0
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			if err := s.set(fmt.Sprintf("key %08d", n), strings.Repeat("v", 500)); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			acknowledged = n + 1
			mu.Unlock()
		}
	})
	before := make(map[string]int)
	for range 3 {
		mu.Lock()
		n := acknowledged
		mu.Unlock()
		before[s.backup().Name] = n
	}
	stop()
	writing.Wait()
	for name, n := range before {
		pairs := s.restore(name)
		for i := range n {
			if _, ok := pairs[fmt.Sprintf("key %08d", i)]; !ok {
				t.Fatalf("backup %s lacks pair %d of %d", name, i, n)
			}
		}
		// It is of one moment: without gaps.
		for i := range len(pairs) {
			if _, ok := pairs[fmt.Sprintf("key %08d", i)]; !ok {
				t.Fatalf("backup %s has %d pairs, and lacks pair %d", name, len(pairs), i)
			}
		}
	}
}

func TestAFurtherBackupCopiesWhatHasChangedAndOutlivesTheFirst(t *testing.T) {
	s := newScene(t)
	random := bytes.Repeat([]byte("0123456789abcdef"), 64)
	for i := range 200 {
		s.mustSet(fmt.Sprintf("key %d", i), string(random)+fmt.Sprint(i))
	}
	first := s.backup()
	if first.Copied != first.Bytes {
		t.Errorf("the first backup has copied %d of %d bytes", first.Copied, first.Bytes)
	}
	s.mustSet("one", "more")
	second := s.backup()
	linked := 0
	for _, f := range second.Files {
		a, errA := os.Stat(filepath.Join(s.backups, first.Name, dataName, f.Name))
		b, errB := os.Stat(filepath.Join(s.backups, second.Name, dataName, f.Name))
		if errA == nil && errB == nil && os.SameFile(a, b) {
			linked++
		}
	}
	if linked == 0 || second.Copied >= second.Bytes {
		t.Errorf("the second backup shares %d files with the first, and has copied %d of %d bytes", linked, second.Copied, second.Bytes)
	}
	removed, err := Prune(s.backups, 1)
	if err != nil || len(removed) != 1 || removed[0] != first.Name {
		t.Errorf("prune removed %v, %v", removed, err)
	}
	if pairs := s.restore(second.Name); len(pairs) != 201 || pairs["one"] != "more" {
		t.Errorf("the second backup has %d pairs without the first one", len(pairs))
	}
}

func TestAFullDiskIsAClearErrorAndHarmsNothing(t *testing.T) {
	s := newScene(t)
	s.mustSet("a", "1")
	whole := s.backup()
	opts := s.options()
	opts.write = func(w io.Writer, p []byte) (int, error) {
		return 0, &os.PathError{Op: "write", Path: "somewhere", Err: syscall.ENOSPC}
	}
	s.mustSet("b", "2")
	_, err := Run(t.Context(), opts)
	if err == nil || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free space there") {
		t.Errorf("error %v", err)
	}
	if left := s.left(); len(left) != 1 || left[0] != whole.Name {
		t.Errorf("%v is left", left)
	}
	s.mustSet("c", "3")
	if pairs := s.restore(s.backup().Name); len(pairs) != 3 {
		t.Errorf("a backup after it has %v", pairs)
	}
}

func TestWhatAKilledProcessHasLeftIsNoBackupAndIsRemoved(t *testing.T) {
	s := newScene(t)
	s.mustSet("a", "1")
	whole := s.backup()
	killed := filepath.Join(s.backups, "20300101T000000.000Z"+partialSuffix)
	if err := os.MkdirAll(filepath.Join(killed, dataName), 0o755); err != nil {
		t.Fatal(err)
	}
	list, err := List(s.backups)
	if err != nil || len(list) != 2 || !list[1].Partial {
		t.Errorf("list: %+v, %v", list, err)
	}
	if _, m, err := Find(s.backups); err != nil || m.Name != whole.Name {
		t.Errorf("the last backup is %v, %v", m, err)
	}
	if _, _, err := Find(killed); !errors.Is(err, ErrNone) {
		t.Errorf("the unfinished one is found: %v", err)
	}
	s.backup()
	if left := s.left(); len(left) != 2 || exists(killed) {
		t.Errorf("%v is left", left)
	}
}

func TestACancelledBackupLeavesNothing(t *testing.T) {
	s := newScene(t)
	s.mustSet("a", "1")
	begun := make(chan struct{})
	opts := s.options()
	r := NewRunner(opts)
	r.options.write = func(w io.Writer, p []byte) (int, error) {
		close(begun)
		return w.Write(p)
	}
	if _, err := r.Start(s.backups, 1); err != nil { // a byte a second
		t.Fatal(err)
	}
	<-begun
	if _, err := r.Start(s.backups, 0); !errors.Is(err, ErrUnderWay) {
		t.Errorf("a second one: %v", err)
	}
	if err := r.Cancel(); err != nil {
		t.Error(err)
	}
	r.running.Wait()
	if state := r.State(); state.Running || !errors.Is(state.Err, ErrCancelled) {
		t.Errorf("state %+v", state)
	}
	if left := s.left(); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	if err := r.Cancel(); !errors.Is(err, ErrNotUnderWay) {
		t.Errorf("a cancel of nothing: %v", err)
	}
	r.Stop()
}

func TestBackupsAreNotKeptInTheDataDirectory(t *testing.T) {
	s := newScene(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(s.data, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{s.data, filepath.Join(s.data, "backups"), filepath.Join(link, "x"), "relative"} {
		opts := s.options()
		opts.Dir = dir
		if _, err := Run(t.Context(), opts); !errors.Is(err, ErrDirectory) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// spoil changes a byte of a file.
func spoil(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsFoundAndNotRestored(t *testing.T) {
	s := newScene(t)
	s.mustSet("a", "1")
	m := s.backup()
	dir := filepath.Join(s.backups, m.Name)
	var table string
	for _, f := range m.Files {
		if strings.HasSuffix(f.Name, ".sst") {
			table = f.Name
		}
	}
	spoil(t, filepath.Join(dir, dataName, table))
	problems, err := Check(t.Context(), dir, m, func(int64) {})
	if err != nil || len(problems) != 1 || problems[0].File != table || !errors.Is(problems[0].Err, ErrDamaged) {
		t.Errorf("check: %v, %v", problems, err)
	}
	to := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(t.Context(), RestoreOptions{From: dir, DataDir: to}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), table) {
		t.Errorf("restore: %v", err)
	}
	if exists(to) {
		t.Error("the directory is left")
	}
	spoil(t, filepath.Join(dir, manifestName))
	if _, err := Restore(t.Context(), RestoreOptions{From: s.backups, DataDir: to}); !errors.Is(err, ErrDamaged) {
		t.Errorf("restore with a changed manifest: %v", err)
	}
}

func TestARestorationNeedsAnEmptyDirectoryOrOneItHasLeft(t *testing.T) {
	s := newScene(t)
	s.mustSet("a", "1")
	s.backup()
	to := t.TempDir()
	stray := filepath.Join(to, "notes.txt")
	if err := os.WriteFile(stray, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), RestoreOptions{From: s.backups, DataDir: to}); !errors.Is(err, ErrNotEmpty) || !exists(stray) {
		t.Errorf("to a directory with a file in it: %v", err)
	}
	// An interrupted one: some tables are there, and the note.
	if err := os.Rename(stray, filepath.Join(to, "000004.sst")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, unfinishedName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := pebble.Open(to, pebble.Options{Logger: quiet}); !errors.Is(err, pebble.ErrFormat) && !errors.Is(err, pebble.ErrDamaged) {
		t.Errorf("a server accepts a directory that is being restored: %v", err)
	}
	if _, err := Restore(t.Context(), RestoreOptions{From: s.backups, DataDir: to}); err != nil {
		t.Fatal(err)
	}
	if pairs := contents(t, to); pairs["a"] != "1" {
		t.Errorf("restored: %v", pairs)
	}
	if _, err := Restore(t.Context(), RestoreOptions{From: s.backups, DataDir: s.data}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("to the directory of a running server: %v", err)
	}
}
