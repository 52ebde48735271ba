package pebble

import (
	"context"
	"errors"
	"fmt"
	"io"

	cockroach "github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/internal/storage"
)

// Stopped is the store of a stopped server, opened to be looked at. It holds the
// lock of the directory, and writes nothing. Its methods may be called from many
// goroutines at once, but for Close and Reshard.
type Stopped struct {
	dir   string
	opts  Options
	lock  io.Closer
	db    *cockroach.DB
	state *state
}

// OpenStopped opens the store in dir for reading. It fails as Open does, and with
// ErrNoStore if there is none; a store in the middle of a resharding is welcome.
// A store of an older format is not: what reads it knows the present one.
// Of the options Shards has no meaning.
func OpenStopped(dir string, opts Options) (*Stopped, error) {
	s := &Stopped{dir: dir}
	if err := s.open(opts); err != nil {
		return nil, fmt.Errorf("open storage in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Stopped) open(opts Options) (err error) {
	opts.Shards = 0
	if s.opts, err = opts.withDefaults(); err != nil {
		return err
	}
	if s.lock, _, err = claim(s.opts.FS, s.dir, false); err != nil {
		return err
	}
	if s.db, err = openForReading(s.opts.FS, s.dir, s.opts); err != nil {
		return errors.Join(err, s.lock.Close())
	}
	if s.state, err = readState(s.db, *s.opts.formats); err == nil {
		switch {
		case s.state.fresh:
			err = ErrNoStore
		case s.state.upgrade:
			err = fmt.Errorf("%w: its data have format %d, and this needs format %d: start a server of this release on it once, which converts them",
				ErrFormat, s.state.header.upgradeFrom, s.opts.formats.Version())
		}
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// Shards is the number of shards. In the middle of a resharding it is still the old one.
func (s *Stopped) Shards() int { return int(s.state.header.shards) }

// Layout says what belongs to which of them.
func (s *Stopped) Layout() storage.Layout { return storage.Fixed(s.Shards()) }

// Resharding is the number of shards of the resharding under way; 0 if there is
// none.
func (s *Stopped) Resharding() int {
	if s.state.reshard == nil {
		return 0
	}
	return int(s.state.reshard.To)
}

// Get is storage.Store.Get.
func (s *Stopped) Get(_ context.Context, shard storage.ShardID, key []byte) ([]byte, error) {
	value, err := get(s.db, s.state.header.generation.appendKey(nil, shard, key))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("read a key of shard %d: %w", shard, err)
	}
	return value, err
}

// Scan is storage.Store.Scan.
func (s *Stopped) Scan(ctx context.Context, shard storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error {
	return (&shardOfDB{s.db, s.state.header.generation, shard}).Scan(ctx, r, visit)
}

// Disk is how many bytes the store has on disk, and how many more there are to be
// had. Free is 0 where the file system does not tell.
func (s *Stopped) Disk() (used, free uint64, err error) {
	used = s.db.Metrics().DiskSpaceUsage()
	disk, err := s.opts.FS.GetDiskUsage(s.dir)
	if err != nil {
		return used, 0, nil
	}
	return used, disk.AvailBytes, nil
}

// Close gives up the directory.
func (s *Stopped) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	s.db, s.lock = nil, nil
	return err
}
