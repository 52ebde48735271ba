package pebble

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/storage"
)

// filled makes a store with data in tables and in the log, in a directory on disk.
func filled(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	store := mustOpen(t, dir, Options{})
	lease := acquire(t, store, 0)
	value := strings.Repeat("value", 100)
	for range 3 {
		if err := commit(store, lease, storage.Synced, "a", value, "b", value); err != nil {
			t.Fatal(err)
		}
		if err := store.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		// A log of several blocks: damage can be told from an end by what comes behind.
		if err := commit(store, lease, storage.Synced, "c", strings.Repeat(value, 40)); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// meta writes a record of the store as such.
func meta(t *testing.T, dir string, key, value []byte) {
	t.Helper()
	store := mustOpen(t, dir, Options{})
	if err := store.db.Set(key, value, cockroach.Sync); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// files are the files of the directory with what is in them.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, entry := range entries {
		b, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = string(b)
	}
	return found
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no file %s in %s (%v)", pattern, dir, err)
	}
	slices.Sort(names)
	return names
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func cut(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, info.Size()/2); err != nil {
		t.Fatal(err)
	}
}

// flip changes a byte in the middle of a file.
func flip(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(bytes.TrimRight(b, "\x00"))/2] ^= 0x55 // in what is before the zeros of a filled log
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func TestADirectoryThatCannotBeOpenedIsRefusedWithAdviceAndNotTouched(t *testing.T) {
	newer := header{version: 99, upgradeFrom: 99, shards: 4}
	for name, c := range map[string]struct {
		make func(t *testing.T) string
		is   error
		says []string
	}{
		"a store of a newer format": {func(t *testing.T) string {
			dir := filled(t)
			meta(t, dir, headerKey(), newer.encode())
			return dir
		}, ErrFormat, []string{"format 99", "up to 2", "use the release that wrote them"}},
		"a store from before there were formats": {func(t *testing.T) string {
			dir := filled(t)
			meta(t, dir, headerKey(), []byte{0, 0, 0, 1, 0, 0, 0, 16})
			return dir
		}, ErrFormat, []string{"format 1", "development version", "begin with a new directory"}},
		"a damaged header": {func(t *testing.T) string {
			dir := filled(t)
			meta(t, dir, headerKey(), []byte{0, 0, 0, 2, 0})
			return dir
		}, ErrDamaged, []string{"header", restore}},
		"a damaged epoch": {func(t *testing.T) string {
			dir := filled(t)
			meta(t, dir, epochKey(3), []byte{1})
			return dir
		}, ErrDamaged, []string{"shard 3", restore}},
		"a store in the middle of a resharding": {func(t *testing.T) string {
			dir := filled(t)
			meta(t, dir, reshardKey(), (&reshardRecord{To: 64}).encode())
			return dir
		}, ErrResharding, []string{"from 16 to 64", "perdure admin reshard --data-dir", "--shards 64", "--shards 16"}},
		"files of something else": {func(t *testing.T) string {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "photo.jpg"), "jpeg")
			return dir
		}, ErrFormat, []string{"photo.jpg", "choose an empty directory"}},
		"files of something else with a lock file of its own": {func(t *testing.T) string {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "LOCK"), "4711")
			writeFile(t, filepath.Join(dir, "db.sqlite"), "SQLite format 3")
			return dir
		}, ErrFormat, []string{"db.sqlite"}},
		"a Pebble database of something else": {func(t *testing.T) string {
			dir := t.TempDir()
			foreign(t, dir, &cockroach.Options{FormatMajorVersion: pebbleFormat})
			return dir
		}, ErrFormat, []string{"something else", "choose another directory"}},
		"a Pebble database with another order": {func(t *testing.T) string {
			dir := t.TempDir()
			other := *cockroach.DefaultComparer
			other.Name = "other"
			foreign(t, dir, &cockroach.Options{FormatMajorVersion: pebbleFormat, Comparer: &other})
			return dir
		}, ErrFormat, []string{"something else"}},
		"a missing marker of the manifest": {func(t *testing.T) string {
			dir := filled(t)
			remove(t, glob(t, dir, "marker.manifest.*")[0])
			return dir
		}, ErrDamaged, []string{"marker.manifest", restore}},
		"a missing manifest": {func(t *testing.T) string {
			dir := filled(t)
			for _, name := range glob(t, dir, "MANIFEST-*") {
				remove(t, name)
			}
			return dir
		}, ErrDamaged, []string{"MANIFEST-", restore}},
		"a missing marker of Pebble's format": {func(t *testing.T) string {
			dir := filled(t)
			remove(t, glob(t, dir, "marker.format-version.*")[0])
			return dir
		}, ErrDamaged, []string{restore}},
		"a damaged manifest": {func(t *testing.T) string {
			dir := filled(t)
			names := glob(t, dir, "MANIFEST-*")
			flip(t, names[len(names)-1])
			return dir
		}, ErrDamaged, []string{restore}},
		"a missing table": {func(t *testing.T) string {
			dir := filled(t)
			remove(t, glob(t, dir, "*.sst")[0])
			return dir
		}, ErrDamaged, []string{"000", restore}},
		"a truncated table": {func(t *testing.T) string {
			dir := filled(t)
			cut(t, glob(t, dir, "*.sst")[0])
			return dir
		}, ErrDamaged, []string{".sst", restore}},
		"a damaged log": {func(t *testing.T) string {
			dir := filled(t)
			names := glob(t, dir, "*.log")
			flip(t, names[len(names)-1])
			return dir
		}, ErrDamaged, []string{".log", restore}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.make(t)
			before := files(t, dir)
			for what, open := range map[string]func() error{
				"Open": func() error {
					store, err := Open(dir, Options{Logger: quiet})
					if err == nil {
						store.Close()
					}
					return err
				},
				"OpenStopped": func() error { return closeStopped(OpenStopped(dir, Options{Logger: quiet})) },
			} {
				err := open()
				if what == "OpenStopped" && c.is == ErrResharding {
					if err != nil {
						t.Errorf("OpenStopped: %v", err)
					}
					continue
				}
				if !errors.Is(err, c.is) {
					t.Errorf("%s: %v, want %v", what, err, c.is)
					continue
				}
				for _, says := range append(c.says, dir) {
					if !strings.Contains(err.Error(), says) {
						t.Errorf("%s: %q does not say %q", what, err, says)
					}
				}
			}
			if after := files(t, dir); !maps.Equal(before, after) {
				t.Errorf("the directory was changed: it had %v, now %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
		})
	}
}

func closeStopped(s *Stopped, err error) error {
	if err != nil {
		return err
	}
	return s.Close()
}

// foreign makes a database that is no store.
func foreign(t *testing.T, dir string, opts *cockroach.Options) {
	t.Helper()
	opts.Logger = pebbleLog{}
	db, err := cockroach.Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("a"), []byte("b"), cockroach.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestAFileIsNoDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "text")
	for _, path := range []string{file, filepath.Join(file, "below")} {
		if _, err := Open(path, Options{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s): %v", path, err)
		}
	}
	if _, err := Open(file, Options{}); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("Open of a file: %v", err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "text" {
		t.Errorf("the file has become %q, %v", b, err)
	}
}

// forbidden is a file system on which nothing can be listed.
type forbidden struct{ vfs.FS }

func (forbidden) List(dir string) ([]string, error) {
	return nil, &os.PathError{Op: "open", Path: dir, Err: os.ErrPermission}
}

func TestADirectoryWithoutPermissionIsRefusedWithAdvice(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(dir, Options{FS: forbidden{vfs.Default}})
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "give the user") {
		t.Errorf("Open: %v", err)
	}
	if names := files(t, dir); len(names) != 0 {
		t.Errorf("files were made: %v", names)
	}
}

func TestADirectoryInUseIsRefused(t *testing.T) {
	for name, opts := range map[string]Options{"disk": {}, "memory": {FS: vfs.NewMem()}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			store := mustOpen(t, dir, opts)
			if _, err := Open(dir, opts); !errors.Is(err, ErrInUse) {
				t.Fatalf("second Open: %v, want ErrInUse", err)
			}
			if err := closeStopped(OpenStopped(dir, opts)); !errors.Is(err, ErrInUse) {
				t.Fatalf("OpenStopped: %v, want ErrInUse", err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			mustOpen(t, dir, opts).Close()
		})
	}
}

func TestAStoppedStoreIsNotMadeWhereThereIsNone(t *testing.T) {
	empty := t.TempDir()
	for _, dir := range []string{empty, filepath.Join(empty, "absent")} {
		if err := closeStopped(OpenStopped(dir, Options{})); !errors.Is(err, ErrNoStore) {
			t.Errorf("OpenStopped(%s): %v, want ErrNoStore", dir, err)
		}
	}
	if names := files(t, empty); len(names) != 0 {
		t.Errorf("files were made: %v", names)
	}
}

// A creation may be interrupted anywhere; a volume has a directory of its own.
func TestADirectoryWithoutDataIsGoodForANewStore(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, dir string){
		"empty":                func(*testing.T, string) {},
		"the root of a volume": func(t *testing.T, dir string) { _ = os.Mkdir(filepath.Join(dir, "lost+found"), 0o700) },
		"a lock file":          func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, "LOCK"), "") },
		"a manifest and a log": func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "MANIFEST-000001"), "x")
			writeFile(t, filepath.Join(dir, "000002.log"), "")
		},
		"a database and no more": func(t *testing.T, dir string) { freshDatabase(t, dir) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			leave(t, dir)
			store := mustOpen(t, dir, Options{Shards: 3})
			defer store.Close()
			if store.Shards() != 3 {
				t.Errorf("%d shards", store.Shards())
			}
		})
	}
}

func freshDatabase(t *testing.T, dir string) {
	t.Helper()
	db, err := cockroach.Open(dir, &cockroach.Options{FormatMajorVersion: pebbleFormat, Logger: pebbleLog{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// Without the end of its log a store cannot be told from one whose last writes
// did not reach the disk when the power went.
func TestALogThatIsCutOffIsReadAsFarAsItGoes(t *testing.T) {
	dir := filled(t)
	names := glob(t, dir, "*.log")
	cut(t, names[len(names)-1])
	store := mustOpen(t, dir, Options{Logger: quiet})
	defer store.Close()
	if _, err := store.Get(t.Context(), 0, []byte("a")); err != nil {
		t.Errorf("a pair that was in a table: %v", err)
	}
}
