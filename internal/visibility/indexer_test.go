package visibility_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/query"
	"github.com/perdure/perdure/internal/visibility/sqlite"
	"github.com/perdure/perdure/internal/visibility/visibilitytest"
)

// changeLog is the log of one shard, and its rows.
type changeLog struct {
	mu      sync.Mutex
	changes []runtime.Change
	trimmed int64
}

func (l *changeLog) add(t *testing.T, x *visibility.Indexer, changes ...visibility.Change) {
	t.Helper()
	l.mu.Lock()
	for _, c := range changes {
		row, err := proto.Marshal(c.Row)
		if err != nil {
			t.Fatal(err)
		}
		l.changes = append(l.changes, runtime.Change{
			Number: int64(len(l.changes) + 1), Entity: entity.Key{Namespace: c.Namespace}, IndexEntry: entity.IndexEntry{ID: c.ID, Row: row},
		})
	}
	l.mu.Unlock()
	x.Changed()
}

func (l *changeLog) Shards() []storage.ShardID { return []storage.ShardID{1} }

func (l *changeLog) ReadChanges(_ context.Context, _ storage.ShardID, after int64, limit int) ([]runtime.Change, int64, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after < l.trimmed {
		return nil, 0, false, fmt.Errorf("read after %d, trimmed through %d", after, l.trimmed)
	}
	end := min(int64(len(l.changes)), after+int64(limit))
	return l.changes[after:end], end, end < int64(len(l.changes)), nil
}

func (l *changeLog) TrimChanges(_ context.Context, _ storage.ShardID, through int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trimmed = through
	return nil
}

func (l *changeLog) Trimmed(context.Context, storage.ShardID) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trimmed, nil
}

func (l *changeLog) ChangesEnd(storage.ShardID) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.changes)), nil
}

func (l *changeLog) ReadRows(context.Context, storage.ShardID, []byte, int) ([]runtime.Change, []byte, error) {
	return nil, nil, nil
}

var errDiskFull = errors.New("database or disk is full")

// disk has the files of an index, which is in memory, and may be full.
type disk struct {
	visibility.Index
	mu   sync.Mutex
	full bool
}

func (d *disk) fill(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

func (d *disk) err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return errDiskFull
	}
	return nil
}

func (d *disk) Open(context.Context) (visibility.Index, error) { return nil, nil }

func (d *disk) Create(ctx context.Context) (visibility.Index, error) {
	index, err := sqlite.Open(ctx, "")
	d.Index = index
	return d, err
}

func (d *disk) Replace(context.Context, visibility.Index) (visibility.Index, error) { return d, nil }

func (d *disk) Apply(ctx context.Context, batch *visibility.Batch) error {
	return errors.Join(d.err(), d.applyIf(ctx, batch))
}

func (d *disk) applyIf(ctx context.Context, batch *visibility.Batch) error {
	if d.err() != nil {
		return nil
	}
	return d.Index.Apply(ctx, batch)
}

func (d *disk) Sync(context.Context) error { return d.err() }

// indexing calls fn, in virtual time, with an indexer that has built its index.
func indexing(t *testing.T, fn func(t *testing.T, x *visibility.Indexer, changes *changeLog, d *disk, logged *bytes.Buffer)) {
	synctest.Test(t, func(t *testing.T) {
		changes, d, logged := &changeLog{}, &disk{}, &bytes.Buffer{}
		x := visibility.New(visibility.Options{
			Files: d, Types: func(string) map[string]searchattribute.Type { return nil },
			Logger: slog.New(slog.NewTextHandler(logged, nil)),
		})
		x.Start(changes)
		defer func() {
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		}()
		if err := x.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		fn(t, x, changes, d, logged)
	})
}

// found is how many rows a query finds.
func found(t *testing.T, x *visibility.Indexer, text string) (int, error) {
	t.Helper()
	q, err := query.Parse(text, visibilitytest.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	page, err := x.List(t.Context(), visibility.ListRequest{Namespace: visibilitytest.Namespace, Query: q, Size: 100})
	if err != nil {
		return 0, err
	}
	return len(page.Rows), nil
}

func TestListsHaveWhatWasDurableWhenTheyWereAskedFor(t *testing.T) {
	indexing(t, func(t *testing.T, x *visibility.Indexer, changes *changeLog, _ *disk, _ *bytes.Buffer) {
		for n := 1; n <= 5; n++ {
			changes.add(t, x, visibilitytest.Change(n))
			if got, err := found(t, x, ""); got != n || err != nil {
				t.Errorf("%d rows are found, want %d: %v", got, n, err)
			}
		}
	})
}

func TestWithAFullDiskUnderTheIndexListsHaveWhatIsKnownAndLaterAllOfIt(t *testing.T) {
	indexing(t, func(t *testing.T, x *visibility.Indexer, changes *changeLog, d *disk, logged *bytes.Buffer) {
		changes.add(t, x, visibilitytest.Change(1))
		if err := x.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.fill(true)
		changes.add(t, x, visibilitytest.Change(2), visibilitytest.Change(3))
		if got, err := found(t, x, ""); got != 1 || err != nil {
			t.Errorf("%d rows are found, want the one that is known: %v", got, err)
		}
		_, err := found(t, x, "WorkflowId = 'workflow-2'")
		if unavailable := new(serviceerror.Unavailable); !errors.As(err, &unavailable) || !strings.Contains(err.Error(), errDiskFull.Error()) {
			t.Errorf("a list that has to be exact answers %v", err)
		}
		if state := x.State(); !errors.Is(state.Err, errDiskFull) {
			t.Errorf("the state says %v", state.Err)
		}
		time.Sleep(10 * time.Minute)
		d.fill(false)
		time.Sleep(time.Minute) // at most half of it until the next attempt
		synctest.Wait()
		if through, _ := changes.Trimmed(t.Context(), 1); through != 3 {
			t.Errorf("the log is trimmed through %d, want 3", through)
		}
		if got, err := found(t, x, ""); got != 3 || err != nil {
			t.Errorf("%d rows are found in the end, want 3: %v", got, err)
		}
		if n := strings.Count(logged.String(), "cannot be brought up to date"); n != 1 {
			t.Errorf("the disk is said to be full %d times:\n%s", n, logged)
		}
		if n := strings.Count(logged.String(), "up to date again"); n != 1 {
			t.Errorf("the end of it is said %d times:\n%s", n, logged)
		}
	})
}

func TestTheLogIsTrimmedOnceTheIndexIsDurable(t *testing.T) {
	indexing(t, func(t *testing.T, x *visibility.Indexer, changes *changeLog, d *disk, _ *bytes.Buffer) {
		changes.add(t, x, visibilitytest.Change(1))
		if err := x.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.fill(true) // what was applied cannot be synced
		time.Sleep(time.Minute)
		synctest.Wait()
		if through, _ := changes.Trimmed(t.Context(), 1); through != 0 {
			t.Errorf("what could not be synced was trimmed, through %d", through)
		}
		d.fill(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if through, _ := changes.Trimmed(t.Context(), 1); through != 1 {
			t.Errorf("the log is trimmed through %d, want 1", through)
		}
	})
}

func TestChangesThatNobodyWaitsForAreInTheIndexAfterASecond(t *testing.T) {
	indexing(t, func(t *testing.T, x *visibility.Indexer, changes *changeLog, d *disk, _ *bytes.Buffer) {
		changes.add(t, x, visibilitytest.Change(1))
		time.Sleep(time.Second)
		synctest.Wait()
		positions, err := d.Positions(t.Context())
		if err != nil || positions[1] != 1 {
			t.Errorf("the index is at %v, %v", positions, err)
		}
	})
}
