package pebble

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/format"
	"github.com/perdure/perdure/internal/storage/inorder"
)

// DefaultShards is the number of shards of a new store when Options has none.
const DefaultShards = 16

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
	// CacheBytes is the size of the cache of table blocks; 4 MiB if zero. Up to
	// 16 MiB of memory for recent writes come on top.
	CacheBytes int64
	// Observer is told of what is written. Optional.
	Observer storage.Observer
	// Logger gets warnings and errors; slog.Default if nil.
	Logger *slog.Logger

	// memTableBytes is smaller in tests that want flushes and compactions.
	memTableBytes int
	// copyBytes is less than copyBatchBytes in tests that want many batches.
	copyBytes int
	// formats are other than this release's in tests of upgrades.
	formats *format.Registry
	// lock is held on the directory already, by whoever looked at it before.
	lock io.Closer
	// reshard opens a store that is in the middle of a resharding as well.
	reshard bool
}

// Store implements storage.Store on disk. See the package comment.
type Store struct {
	dir    string
	logger *slog.Logger
	fs     *guardedFS
	lock   io.Closer
	db     *cockroach.DB
	// observer may be nil.
	observer storage.Observer
	shards   []shardState // length fixed at Open, contents guarded by mu
	// generation is where the pairs are. Fixed at Open.
	generation generation
	recovery   Recovery // fixed at Open

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
	// applying is held by the committer while it writes to the log.
	applying sync.Mutex
	// checkpoint: there is one.
	checkpoint atomic.Bool
	after      inorder.Queue // calls dones once ended is set
	reads      gate
}

var (
	_ storage.Store  = (*Store)(nil)
	_ storage.Joiner = (*Store)(nil)
)

// Open opens the store in dir and creates it if there is none; it upgrades one of
// an older format. It fails with an error that wraps ErrInUse while another
// process has the directory open, ErrFormat if it cannot understand what is
// there, ErrDamaged if a part of it is missing, ErrResharding if a resharding
// was not ended. To such a directory it has written nothing.
func Open(dir string, opts Options) (*Store, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open storage in %s: %w", dir, err)
	}
	s := &Store{
		dir:      dir,
		logger:   opts.Logger,
		observer: opts.Observer,
		wake:     make(chan struct{}, 1),
		stopped:  make(chan struct{}),
		failed:   make(chan struct{}),
	}
	s.space.L = &s.mu
	s.reads.empty.L = &s.reads.mu
	s.fs = &guardedFS{FS: opts.FS, onError: s.fail, noSync: opts.NoSync, checkpoint: opts.FS.PathJoin(dir, checkpointName)}
	if err := s.open(opts); err != nil {
		return nil, fmt.Errorf("open storage in %s: %w", dir, err)
	}
	go s.run()
	return s, nil
}

func (opts Options) withDefaults() (Options, error) {
	if opts.Shards == 0 {
		opts.Shards = DefaultShards
	}
	if opts.Shards < 0 || opts.Shards > MaxShards {
		return opts, fmt.Errorf("%d shards: must be between 1 and %d", opts.Shards, MaxShards)
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
	if opts.copyBytes == 0 {
		opts.copyBytes = copyBatchBytes
	}
	if opts.formats == nil {
		present := format.Present()
		opts.formats = &present
	}
	return opts, nil
}

func (s *Store) open(opts Options) (err error) {
	// The file that Pebble locks as well, but held here, so that it can be let go
	// of when Pebble cannot be closed any more. guardedFS.Lock does nothing.
	found := pebbleFiles
	if s.lock = opts.lock; s.lock == nil {
		if s.lock, found, err = claim(opts.FS, s.dir, true); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()
	if found == pebbleFiles && opts.lock == nil {
		if err := check(opts.FS, s.dir, opts); err != nil {
			return err
		}
		if err := removeCheckpoint(opts.FS, s.dir); err != nil {
			return err
		}
	}
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
	err = s.contain("read the header", func() error { return s.load(opts) })
	if err != nil {
		// An error here is one of understanding, not of the disk.
		return errors.Join(err, s.contain("close", s.db.Close))
	}
	s.gathering, s.spare = newGroup(s.db), newGroup(s.db)
	return nil
}

// check fails if the database in the directory is damaged or is no store that
// can be opened. It does not write.
func check(fs vfs.FS, dir string, opts Options) error {
	db, err := openForReading(fs, dir, opts)
	if err != nil {
		return err
	}
	found, err := readState(db, *opts.formats)
	if err == nil && found.reshard != nil && !opts.reshard {
		err = found.resharding(dir)
	}
	return errors.Join(err, db.Close())
}

// load reads the header and the epochs, or writes the header of a new store.
func (s *Store) load(opts Options) error {
	found, err := readState(s.db, *opts.formats)
	if err != nil {
		return err
	}
	h := found.header
	switch {
	case found.fresh:
		version := opts.formats.Version()
		h = header{version: version, upgradeFrom: version, shards: uint32(opts.Shards)}
		if err := s.db.Set(headerKey(), h.encode(), cockroach.Sync); err != nil {
			return fmt.Errorf("write the header: %w", err)
		}
		s.recovery = Recovery{Fresh: true}
	case found.upgrade:
		if h, err = s.upgrade(h, *opts.formats); err != nil {
			return err
		}
	}
	s.generation = h.generation
	s.shards = make([]shardState, h.shards)
	for id, epoch := range found.epochs {
		s.shards[id].epoch = epoch
	}
	if err := s.readStopped(); err != nil {
		return fmt.Errorf("read when the store was closed: %w", err)
	}
	return nil
}

// Shards implements storage.Store.
func (s *Store) Shards() int { return len(s.shards) }

// Layout implements storage.Store.
func (s *Store) Layout() storage.Layout { return storage.Fixed(len(s.shards)) }

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
		return errors.Join(s.writeStopped(), s.db.Close())
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
	s.fs.direct.close()
	if err := s.lock.Close(); err != nil {
		s.logger.Error("storage: cannot unlock the data directory", "dir", s.dir, "error", err)
	}
}
