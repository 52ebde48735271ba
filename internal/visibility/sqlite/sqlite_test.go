package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/sqlite"
	"github.com/perdure/perdure/internal/visibility/visibilitytest"
)

func open(t *testing.T, path string) *sqlite.Index {
	t.Helper()
	index, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestAnIndexInAFile(t *testing.T) {
	visibilitytest.Run(t, func(t *testing.T) visibility.Index { return open(t, filepath.Join(t.TempDir(), "a ? # b", "index.db")) })
}

func TestAnIndexInMemory(t *testing.T) {
	visibilitytest.Run(t, func(t *testing.T) visibility.Index { return open(t, "") })
}

func TestAnIndexIsThereWhenItIsOpenedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	index := open(t, path)
	if err := index.Apply(t.Context(), &visibility.Batch{Changes: []visibility.Change{visibilitytest.Change(1)}}); err != nil {
		t.Fatal(err)
	}
	if err := index.Close(); err != nil {
		t.Fatal(err)
	}
	index = open(t, path)
	defer index.Close()
	q := visibility.ListRequest{Namespace: visibilitytest.Namespace, Query: parse(t, ""), Size: 10}
	if page, err := index.List(t.Context(), q); err != nil || len(page.Rows) != 1 {
		t.Errorf("lists %v, %v", page, err)
	}
}

func TestAFileThatIsNoIndexIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(path, []byte("this is no database, but it is long enough to have a header of one, which is a hundred bytes, or so they say"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, visibility.ErrCorrupt) {
		t.Errorf("error is %v", err)
	}
}
