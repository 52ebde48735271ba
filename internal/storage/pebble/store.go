package pebble

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"log/slog"
	"sync"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/inorder"
)

// DefaultShards is the number of shards of a new store when Options has none.
const DefaultShards = 16

var (
	// ErrInUse is wrapped by the error of Open when another process, or this one,
	// has the directory open.
	ErrInUse = errors.New("data directory is in use")
	// ErrFormat is wrapped by the error of Open for a store that a newer release
	// has written, and for a directory that holds something else.
	ErrFormat = errors.New("data directory has an unknown format")
)

// Options are the settings of a store. The zero value works.
type Options struct {
	// Shards is the number of shards of a store that Open creates, at most
	// MaxShards; DefaultShards if zero. A store that exists keeps its number.
	Shards int
	// FS is the file system; that of the operating system if nil.
	FS vfs.FS
	// NoSync leaves it to the operating system when data reach the disk. What was
	// acknowledged then survives a killed process but not a power cut or a crash
	// of the machine, after which the store may even be damaged. For tests and
	// throw-away data.
	NoSync bool
	// CacheBytes is the size of the cache of table blocks; 32 MiB if zero. Up to
	// 64 MiB of memory for recent writes come on top.
	CacheBytes int64
	// Logger gets warnings and errors; slog.Default if nil.
	Logger *slog.Logger

	// memTableBytes is smaller in tests that want flushes and compactions.
	memTableBytes int
}

// Store implements storage.Store on disk. See the package comment.
type Store struct {
	dir    string
	logger *slog.Logger
	fs     *guardedFS
	lock   io.Closer
	db     *cockroach.DB
	shards []shardState // length fixed at Open, contents guarded by mu

	mu        sync.Mutex
	space     sync.Cond // L is &mu; broadcast when gathering is emptied or the store ends
	gathering *group    // to be written next; never nil
	inflight  *group    // being written, nil if none; its dones are not yet called
	spare     *group    // empty, while nothing is being written
	idle      bool      // the committer waits for wake
	closing   bool      // no new commits; the committer finishes what it has
	ended     error     // non-nil once failed or closed: the answer to everything

	wake    chan struct{} // room for one
	stopped chan struct{} // closed when the committer has ended

	failed   chan struct{} // closed when the store has failed
	failure  error         // wraps storage.ErrFailed; to be read when failed is closed
	failOnce sync.Once

	// delivering is held by the committer while it calls dones, so that those
	// called after a failure come later.
	delivering sync.Mutex
	after      inorder.Queue // calls dones once ended is set
	reads      gate
}

var _ storage.Store = (*Store)(nil)

// Open opens the store in dir and creates it if there is none. It fails with an
// error that wraps ErrInUse while another process has the directory open, and
// with one that wraps ErrFormat if it cannot understand what is there.
func Open(dir string, opts Options) (*Store, error) {
	if opts.Shards == 0 {
		opts.Shards = DefaultShards
	}
	if opts.Shards < 0 || opts.Shards > MaxShards {
		return nil, fmt.Errorf("open storage in %s: %d shards: must be between 1 and %d", dir, opts.Shards, MaxShards)
	}
	if opts.FS == nil {
		opts.FS = vfs.Default
	}
	if opts.CacheBytes <= 0 {
		opts.CacheBytes = defaultCacheBytes
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.memTableBytes == 0 {
		opts.memTableBytes = defaultMemTableBytes
	}
	s := &Store{
		dir:     dir,
		logger:  opts.Logger,
		wake:    make(chan struct{}, 1),
		stopped: make(chan struct{}),
		failed:  make(chan struct{}),
	}
	s.space.L = &s.mu
	s.reads.empty.L = &s.reads.mu
	s.fs = &guardedFS{FS: opts.FS, onError: s.fail, noSync: opts.NoSync}
	if err := s.open(opts); err != nil {
		return nil, fmt.Errorf("open storage in %s: %w", dir, err)
	}
	go s.run()
	return s, nil
}

func (s *Store) open(opts Options) (err error) {
	if err := makeDirectory(opts.FS, s.dir); err != nil {
		return err
	}
	// The file that Pebble locks as well, but held here, so that it can be let go
	// of when Pebble cannot be closed any more. guardedFS.Lock does nothing.
	s.lock, err = opts.FS.Lock(opts.FS.PathJoin(s.dir, "LOCK"))
	if err != nil {
		if _, ok := errors.AsType[*iofs.PathError](err); ok {
			return err // the lock file could not even be made
		}
		return fmt.Errorf("%w: stop the server that uses it, or choose another directory (%w)", ErrInUse, err)
	}
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()

	po := &cockroach.Options{
		FS:            s.fs,
		Logger:        pebbleLog{s},
		EventListener: s.listener(),
	}
	tune(po, opts)
	err = s.contain("recover", func() (err error) {
		s.db, err = cockroach.Open(s.dir, po)
		return err
	})
	if err != nil {
		return err
	}
	err = s.contain("read the header", func() error { return s.load(opts.Shards) })
	if err != nil {
		// An error here is one of understanding, not of the disk.
		return errors.Join(err, s.contain("close", s.db.Close))
	}
	s.gathering, s.spare = newGroup(s.db), newGroup(s.db)
	return nil
}

// makeDirectory makes dir and the directories above it, each of them durable.
func makeDirectory(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil || !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := makeDirectory(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	d, err := fs.OpenDir(parent)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// load reads the header and the epochs, or writes the header of a new store.
func (s *Store) load(shards int) error {
	value, closer, err := s.db.Get(headerKey())
	if errors.Is(err, cockroach.ErrNotFound) {
		return s.create(shards)
	}
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	h, err := decodeHeader(value)
	if err := errors.Join(err, closer.Close()); err != nil {
		return err
	}
	s.shards = make([]shardState, h.shards)
	for id := range s.shards {
		value, closer, err := s.db.Get(epochKey(storage.ShardID(id)))
		if errors.Is(err, cockroach.ErrNotFound) {
			continue // never acquired
		}
		if err != nil {
			return fmt.Errorf("read the epoch of shard %d: %w", id, err)
		}
		epoch, err := decodeEpoch(value)
		if err := errors.Join(err, closer.Close()); err != nil {
			return err
		}
		s.shards[id].epoch = epoch
	}
	return nil
}

func (s *Store) create(shards int) error {
	iter, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	foreign := iter.First()
	if err := errors.Join(iter.Error(), iter.Close()); err != nil {
		return err
	}
	if foreign {
		return fmt.Errorf("%w: it holds a Pebble database of something else", ErrFormat)
	}
	h := header{version: formatVersion, shards: uint32(shards)}
	if err := s.db.Set(headerKey(), h.encode(), cockroach.Sync); err != nil {
		return fmt.Errorf("write the header: %w", err)
	}
	s.shards = make([]shardState, shards)
	return nil
}

// Shards implements storage.Store.
func (s *Store) Shards() int { return len(s.shards) }

func (s *Store) checkShard(shard storage.ShardID) error {
	if uint64(shard) >= uint64(len(s.shards)) {
		return fmt.Errorf("pebble store: there is no shard %d of %d", shard, len(s.shards))
	}
	return nil
}

// Close implements storage.Store: it waits for submitted batches and for reads
// under way, and closes the database. The Close of a store that has failed
// reports the failure and leaves behind what Pebble has in memory, which is no
// longer fit to be closed; it can write nothing any more, and the directory can
// be opened anew. A second Close returns storage.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return storage.ErrClosed
	}
	s.closing = true
	s.wakeLocked()
	s.mu.Unlock()

	select {
	case <-s.stopped:
	case <-s.failed:
	}
	s.end(storage.ErrClosed)
	defer s.after.Wait()
	err := s.contain("close the database", func() error {
		s.reads.wait()
		return s.db.Close()
	})
	s.abandon()
	if err != nil {
		return fmt.Errorf("close storage in %s: %w", s.dir, err)
	}
	return nil
}

// abandon gives up the directory. Whatever is still alive in Pebble cannot write
// to it any more.
func (s *Store) abandon() {
	s.fs.bar()
	s.fs.settle()
	if err := s.lock.Close(); err != nil {
		s.logger.Error("storage: cannot unlock the data directory", "dir", s.dir, "error", err)
	}
}
