// Package verify reads the whole store of a stopped server and tells what does not
// decode, or is not where it belongs.
//
// Every pair must have an owner (runtime.Owner), and be in the shard of its owner.
// Every entity is then loaded as a server would load it, which decodes what a server
// needs to go on with it; a kind whose machine is an entity.Verifier looks closer. Of a kind
// that is entity.Accountable, the timers and tasks that its entities name must be there, and no
// others (tally.go).
//
// If there is an index of what can be listed (Options.Index), then every row that the records make is to be in it, as it is,
// or on its way there in the change log, and no others (index.go).
//
// Nothing is written. Shards are read several at a time; memory is bounded by the largest entity of
// each.
package verify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	processors "runtime"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/pebble"
)

// Options are what is verified and how. Dir and Machines are required.
type Options struct {
	// Dir is the data directory.
	Dir string
	// Store is what is verified in place of a directory. It is not closed.
	Store Store
	// Machines are the kinds of entities there are.
	Machines map[entity.Kind]entity.Machine
	// Index opens the index of what can be listed, or returns nil if there is none. A nil function: that is not verified.
	Index func(context.Context) (Index, error)
	// Problem is called for each problem, in no order that means anything, from one goroutine at a
	// time. Optional.
	Problem func(Problem)
	// Parallel is how many shards are read at once; one for each processor if zero.
	Parallel int
	// Progress is called now and then with the bytes in keys and values that have been
	// read, from one goroutine at a time. Optional.
	Progress func(bytes int64)
	// Logger gets warnings and errors of the store; slog.Default if nil.
	Logger *slog.Logger

	// store are further settings of the store, for tests.
	store pebble.Options
}

// Store is a store that nobody writes to.
type Store interface {
	Shards() int
	Layout() storage.Layout
	Get(ctx context.Context, shard storage.ShardID, key []byte) ([]byte, error)
	Scan(ctx context.Context, shard storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error
}

// Problem is something that is wrong.
type Problem struct {
	Shard storage.ShardID
	// Entity is what it is about; zero if that is not known.
	Entity entity.Key
	Err    error
}

func (p Problem) Error() string {
	if p.Entity == (entity.Key{}) {
		if errors.Is(p.Err, ErrIndex) {
			return p.Err.Error() // it is of all shards
		}
		return fmt.Sprintf("shard %d: %v", p.Shard, p.Err)
	}
	return fmt.Sprintf("shard %d: entity %v: %v", p.Shard, p.Entity, p.Err)
}

// Report is what was found.
type Report struct {
	Shards                 int
	Pairs, Bytes, Entities int64
	// Unknown is how many of the entities are of kinds that this release does not
	// know, and could only be read.
	Unknown  int64
	Problems int64
	// Rows is how many rows of the index were compared, and IndexProblems how many of the problems are of the index, which
	// is built anew from the records. IndexStale is why it was not compared, though it is there.
	Rows, IndexProblems int64
	IndexStale          error
	Took                time.Duration
}

// Run verifies the store. Problems are in the report; an error means that
// it could not be read to the end.
func Run(ctx context.Context, options Options) (report *Report, err error) {
	if options.Problem == nil {
		options.Problem = func(Problem) {}
	}
	if options.Progress == nil {
		options.Progress = func(int64) {}
	}
	start := time.Now()
	opts := options.store
	opts.Logger = options.Logger
	store := options.Store
	if store == nil {
		var opened *pebble.Stopped
		if opened, err = pebble.OpenStopped(options.Dir, opts); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, opened.Close()) }()
		store = opened
	}
	j := &job{options: options, store: store, report: Report{Shards: store.Shards()}}
	if err := j.beginIndex(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.closeIndex()) }()
	if err := j.all(ctx, cmp.Or(options.Parallel, processors.GOMAXPROCS(0))); err != nil {
		return nil, err
	}
	if err := j.endIndex(ctx); err != nil {
		return nil, err
	}
	j.report.Took = time.Since(start)
	return &j.report, nil
}

type job struct {
	options Options
	store   Store
	index   *indexJob // nil if no index is compared

	mu     sync.Mutex
	report Report
	told   int64
}

// all verifies all shards, so many at a time. The first error ends it.
func (j *job) all(ctx context.Context, parallel int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	shards := make(chan storage.ShardID)
	var reading sync.WaitGroup
	for range min(parallel, j.store.Shards()) {
		reading.Go(func() {
			for id := range shards {
				if err := j.shard(ctx, id); err != nil {
					cancel(err)
				}
			}
		})
	}
	for id := range storage.ShardID(j.store.Shards()) {
		select {
		case shards <- id:
		case <-ctx.Done():
		}
	}
	close(shards)
	reading.Wait()
	return context.Cause(ctx)
}

// read notes that a pair has been read.
func (j *job) read(bytes int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.report.Pairs++
	j.report.Bytes += bytes
	if j.report.Bytes-j.told >= progressBytes {
		j.told = j.report.Bytes
		j.options.Progress(j.told)
	}
}

// progressBytes is how much is read between two calls of Options.Progress.
const progressBytes = 1 << 20

// shard verifies one shard. The records of an entity are next to each other, so
// an entity is complete when the next one begins.
func (j *job) shard(ctx context.Context, id storage.ShardID) error {
	var prefix []byte // of the records of the entity that was looked at last; nil before the first one
	var loadErr error
	t := &tally{job: j, shard: id}
	rows, err := j.index.shard(ctx, j, id)
	if err != nil {
		return err
	}
	err = j.store.Scan(ctx, id, storage.Range{}, func(key, value []byte) bool {
		j.read(int64(len(key) + len(value)))
		if prefix != nil && bytes.HasPrefix(key, prefix) {
			return true
		}
		owner, owned, err := runtime.Owner(key, value)
		switch {
		case err != nil:
			j.problem(id, entity.Key{}, err)
			return true
		case !owned:
			return true
		case runtime.ShardOf(owner, j.store.Layout()) != id:
			j.problem(id, owner, fmt.Errorf("its %s belongs to shard %d, where the server looks for it", runtime.SpaceName(key), runtime.ShardOf(owner, j.store.Layout())))
			return true
		}
		t.see(key, owner)
		if start := runtime.RecordPrefix(owner); bytes.HasPrefix(key, start) {
			prefix = start
			loadErr = j.entity(ctx, id, owner, prefix, t, rows)
		}
		return loadErr == nil
	})
	if err := errors.Join(err, loadErr); err != nil {
		return err
	}
	return errors.Join(t.end(ctx), rows.end(ctx))
}

// entity verifies one entity. It fails if the store cannot be read.
func (j *job) entity(ctx context.Context, id storage.ShardID, key entity.Key, prefix []byte, t *tally, rows *rows) error {
	machine := j.options.Machines[key.Kind]
	j.mu.Lock()
	j.report.Entities++
	if machine == nil {
		j.report.Unknown++
	}
	j.mu.Unlock()
	if machine == nil {
		return nil
	}
	r := &reader{ctx: ctx, store: j.store, shard: id, prefix: prefix}
	if _, err := machine.Load(ctx, r, key); err != nil && r.err == nil {
		j.problem(id, key, err)
	}
	if verifier, ok := machine.(entity.Verifier); ok && r.err == nil {
		for _, err := range verifier.Verify(ctx, r, key) {
			j.problem(id, key, err)
		}
	}
	if indexed, ok := machine.(entity.Indexed); ok && r.err == nil {
		if err := rows.compare(ctx, r, indexed, key); err != nil {
			return err
		}
	}
	if accountable, ok := machine.(entity.Accountable); ok && r.err == nil {
		if timers, tasks, err := accountable.Expected(ctx, r, key); err == nil {
			return errors.Join(r.err, t.expect(ctx, key, timers, tasks))
		}
		t.unsure = true // Load has said what is wrong
	}
	return r.err
}

func (j *job) problem(id storage.ShardID, key entity.Key, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.report.Problems++
	j.options.Problem(Problem{Shard: id, Entity: key, Err: err})
}

// reader reads the records of one entity.
type reader struct {
	ctx    context.Context
	store  Store
	shard  storage.ShardID
	prefix []byte
	err    error // of the store, not of what is in it
}

var _ entity.Reader = (*reader)(nil)

func (r *reader) key(record []byte) []byte {
	return append(r.prefix[:len(r.prefix):len(r.prefix)], record...)
}

// Get implements entity.Reader.
func (r *reader) Get(record []byte) ([]byte, error) {
	value, err := r.store.Get(r.ctx, r.shard, r.key(record))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return value, r.note(err)
}

// Scan implements entity.Reader.
func (r *reader) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	bounds := storage.Prefix(r.key(prefix))
	bounds.Reverse = reverse
	switch {
	case from == nil:
	case reverse:
		bounds.End = r.key(from)
	default:
		bounds.Start = r.key(from)
	}
	return r.note(r.store.Scan(r.ctx, r.shard, bounds, func(key, value []byte) bool {
		return visit(key[len(r.prefix):], value)
	}))
}

func (r *reader) note(err error) error {
	if err != nil && r.err == nil {
		r.err = err
	}
	return err
}
