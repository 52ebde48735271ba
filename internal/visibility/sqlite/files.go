package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/perdure/perdure/internal/visibility"
)

// Files are the files of an index in a directory: index.db, and next.db while another
// one is built. Without a directory the index is in memory.
type Files struct{ Dir string }

var _ visibility.Files = Files{}

func (f Files) current() string { return filepath.Join(f.Dir, "index.db") }
func (f Files) next() string    { return filepath.Join(f.Dir, "next.db") }

// Open implements visibility.Files.
func (f Files) Open(ctx context.Context) (visibility.Index, error) {
	if f.Dir == "" {
		return nil, nil
	}
	switch _, err := os.Stat(f.current()); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("visibility index: %w", err)
	}
	return opened(Open(ctx, f.current()))
}

// Create implements visibility.Files.
func (f Files) Create(ctx context.Context) (visibility.Index, error) {
	if f.Dir == "" {
		return opened(Open(ctx, ""))
	}
	if err := remove(f.next()); err != nil {
		return nil, err
	}
	return opened(Open(ctx, f.next()))
}

// Replace implements visibility.Files.
func (f Files) Replace(ctx context.Context, created visibility.Index) (visibility.Index, error) {
	if f.Dir == "" {
		return created, nil
	}
	// The last connection that is closed moves the journal into the file.
	if err := created.Close(); err != nil {
		return nil, err
	}
	if err := remove(f.current()); err != nil {
		return nil, err
	}
	if err := os.Rename(f.next(), f.current()); err != nil {
		return nil, fmt.Errorf("visibility index: %w", err)
	}
	return opened(Open(ctx, f.current()))
}

// Remove removes the index in a directory. The next server builds it anew.
func Remove(dir string) error {
	f := Files{dir}
	return errors.Join(remove(f.current()), remove(f.next()))
}

// remove removes a database with what SQLite keeps beside it, itself first: a journal
// without its file is nothing.
func remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("visibility index: %w", err)
		}
	}
	return nil
}

// opened keeps a nil *Index from being an Index that is not nil.
func opened(index *Index, err error) (visibility.Index, error) {
	if err != nil {
		return nil, err
	}
	return index, nil
}
