// Package storecopy copies the data of stopped servers from one store to another: from a data
// directory to PostgreSQL, back, or from one database to another.
//
// The copy has the same number of shards and the same pairs, byte by byte. It is written where
// no server finds it, compared with what it was made from, and only then becomes a store,
// at once. A copy that was interrupted leaves nothing but space that the next one, to the
// same place, clears away. The index of workflows is not copied: the first server builds it anew.
package storecopy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/storage/postgres"
)

// Stopped is the store of stopped servers, opened for reading.
type Stopped interface {
	Shards() int
	Layout() storage.Layout
	Get(ctx context.Context, shard storage.ShardID, key []byte) ([]byte, error)
	Scan(ctx context.Context, shard storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error
	Close() error
}

// IsURL reports whether a place is the URL of a database, or several with commas between them; else it is a directory.
func IsURL(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// Open opens the store of stopped servers at a place: a data directory, or URLs of databases.
func Open(ctx context.Context, place string, logger *slog.Logger) (Stopped, error) {
	if IsURL(place) {
		return opened(postgres.OpenStopped(ctx, postgres.Options{URLs: urls(place), Logger: logger}))
	}
	return opened(pebble.OpenStopped(place, pebble.Options{Logger: logger}))
}

// opened keeps a nil pointer from being a Stopped that is not nil.
func opened[S Stopped](s S, err error) (Stopped, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// urls takes URLs apart, each of which may have commas between its hosts.
func urls(place string) (all []string) {
	for _, part := range strings.Split(place, ",") {
		if len(all) == 0 || strings.Contains(part, "://") {
			all = append(all, part)
		} else {
			all[len(all)-1] += "," + part
		}
	}
	return all
}

// Options are what is copied. From and To are required.
type Options struct {
	// From and To are places: data directories, or URLs of databases.
	From, To string
	// Progress is called now and then with what is done ("copy", "compare") and the bytes of keys
	// and values that have been. Optional.
	Progress func(phase string, bytes int64)
	Logger   *slog.Logger
}

// Report is what was copied.
type Report struct {
	Shards       int
	Pairs, Bytes int64
	Took         time.Duration
}

// target is where a copy is written.
type target interface {
	// Shard writes the pairs of a shard.
	Shard(ctx context.Context, id storage.ShardID, read func(add func(key, value []byte) bool) error) error
	// Written opens what was written for reading.
	Written(ctx context.Context) (Stopped, error)
	// Finish makes a store of it.
	Finish(ctx context.Context) error
	Close() error
}

// Run copies.
func Run(ctx context.Context, options Options) (report *Report, err error) {
	if options.Progress == nil {
		options.Progress = func(string, int64) {}
	}
	began := time.Now()
	from, err := Open(ctx, options.From, options.Logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if layout := from.Layout(); !layout.Plain() {
		return nil, fmt.Errorf("the store was made with %d shards and has %d, and a copy needs a store that has been split all the way, to twice as many or four times: "+
			"start the nodes, and have 'perdure cluster reshard' go on", layout.Base(), layout.Shards())
	}
	to, err := create(ctx, options.To, from.Shards(), options.Logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	r := &Report{Shards: from.Shards()}
	sums, err := copyPairs(ctx, from, to, r, options)
	if err != nil {
		return nil, err
	}
	if err := compare(ctx, to, sums, options); err != nil {
		return nil, err
	}
	if err := to.Finish(ctx); err != nil {
		return nil, err
	}
	r.Took = time.Since(began)
	return r, nil
}

// progressBytes is how much is done between two calls of Options.Progress.
const progressBytes = 1 << 20

// sum adds up the pairs of a shard.
type sum struct {
	digest *xxhash.Digest
	pairs  int64
}

func newSum() *sum { return &sum{digest: xxhash.New()} }

func (s *sum) add(key, value []byte) {
	var lengths [8]byte
	binary.BigEndian.PutUint32(lengths[:4], uint32(len(key)))
	binary.BigEndian.PutUint32(lengths[4:], uint32(len(value)))
	_, _ = s.digest.Write(lengths[:])
	_, _ = s.digest.Write(key)
	_, _ = s.digest.Write(value)
	s.pairs++
}

func copyPairs(ctx context.Context, from Stopped, to target, r *Report, options Options) ([]*sum, error) {
	var sums []*sum
	told := int64(0)
	for id := range storage.ShardID(from.Shards()) {
		s := newSum()
		err := to.Shard(ctx, id, func(add func(key, value []byte) bool) error {
			return from.Scan(ctx, id, storage.Range{}, func(key, value []byte) bool {
				s.add(key, value)
				if r.Bytes += int64(len(key) + len(value)); r.Bytes-told >= progressBytes {
					told = r.Bytes
					options.Progress("copy", told)
				}
				return add(key, value)
			})
		})
		if err != nil {
			return nil, err
		}
		r.Pairs += s.pairs
		sums = append(sums, s)
	}
	return sums, nil
}

// compare reads what was written.
func compare(ctx context.Context, to target, want []*sum, options Options) (err error) {
	written, err := to.Written(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, written.Close()) }()
	bytes, told := int64(0), int64(0)
	for id := range storage.ShardID(len(want)) {
		s := newSum()
		err := written.Scan(ctx, id, storage.Range{}, func(key, value []byte) bool {
			s.add(key, value)
			if bytes += int64(len(key) + len(value)); bytes-told >= progressBytes {
				told = bytes
				options.Progress("compare", told)
			}
			return true
		})
		if err != nil {
			return err
		}
		if s.pairs != want[id].pairs || s.digest.Sum64() != want[id].digest.Sum64() {
			return fmt.Errorf("shard %d of the copy has %d pairs that are not the %d it was made from: run the copy again, and check the disks", id, s.pairs, want[id].pairs)
		}
	}
	return nil
}

func create(ctx context.Context, place string, shards int, logger *slog.Logger) (target, error) {
	if IsURL(place) {
		m, err := postgres.Create(ctx, postgres.Options{URLs: urls(place), Shards: shards, Logger: logger})
		if err != nil {
			return nil, err
		}
		return database{m}, nil
	}
	return createDirectory(ctx, place, shards, logger)
}

// database is a target in PostgreSQL.
type database struct{ *postgres.Import }

func (d database) Written(context.Context) (Stopped, error) { return kept{d.Store()}, nil }

// kept is a store that somebody else closes.
type kept struct{ *postgres.Store }

func (kept) Close() error { return nil }

// directory is a target that is a data directory. It is written beside its place, and then renamed.
type directory struct {
	dir, working string
	shards       int
	logger       *slog.Logger
	store        *pebble.Store // nil once all is written
}

func createDirectory(_ context.Context, dir string, shards int, logger *slog.Logger) (*directory, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("the directory %s is not empty: choose another one", dir)
	}
	d := &directory{dir: filepath.Clean(dir), shards: shards, logger: logger}
	d.working = d.dir + ".copying"
	if err := os.RemoveAll(d.working); err != nil {
		return nil, err
	}
	d.store, err = pebble.Open(d.working, pebble.Options{Shards: shards, Logger: logger})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// batchBytes is how much is written to a data directory at a time.
const batchBytes = 1 << 20

// Shard implements target.
func (d *directory) Shard(ctx context.Context, id storage.ShardID, read func(add func(key, value []byte) bool) error) error {
	lease, err := d.store.Acquire(ctx, id)
	if err != nil {
		return err
	}
	var failed error
	batch := &storage.Batch{}
	write := func(durability storage.Durability) bool {
		result := make(chan error, 1)
		d.store.Commit(lease, batch, durability, func(err error) { result <- err })
		batch = &storage.Batch{}
		failed = <-result
		return failed == nil
	}
	err = read(func(key, value []byte) bool {
		batch.Set(append([]byte{}, key...), append([]byte{}, value...))
		return batch.Size() < batchBytes || write(storage.Lazy)
	})
	if err == nil && failed == nil {
		write(storage.Synced) // and all before it
	}
	return errors.Join(err, failed)
}

// Written implements target.
func (d *directory) Written(context.Context) (Stopped, error) {
	err := d.store.Close()
	d.store = nil
	if err != nil {
		return nil, err
	}
	return opened(pebble.OpenStopped(d.working, pebble.Options{Logger: d.logger}))
}

// Finish implements target.
func (d *directory) Finish(context.Context) error {
	if err := os.Remove(d.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(d.working, d.dir); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(d.dir))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}

// Close implements target.
func (d *directory) Close() error {
	if d.store == nil {
		return nil
	}
	return d.store.Close()
}
