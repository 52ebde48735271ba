package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/format"
	"github.com/perdure/perdure/internal/storage/inorder"
)

const (
	// DefaultShards is the number of shards of a new store when Options has none.
	DefaultShards = 64
	// MaxShards is how many a store may have.
	MaxShards = cluster.MaxShards
	// DefaultWriters is how many transactions a store has under way in each database when Options
	// does not say.
	DefaultWriters = 2
	// MaxWriters is how many there may be.
	MaxWriters = 64
	// ConnectionsPerNode is how many connections a store with DefaultWriters takes at most in each database.
	ConnectionsPerNode = readConnections + scanConnections + DefaultWriters
)

// Options are the settings of a store. URLs is required.
type Options struct {
	// URLs are those of the databases that the store is kept in, as libpq and pgx understand
	// them. The shards are spread over them. Their order does not matter, their number is fixed
	// when the store is created.
	URLs []string
	// Shards is the number of shards of a store that Open creates, at most MaxShards;
	// DefaultShards if zero. A store that exists keeps its number.
	Shards int
	// Holder is written beside the epoch of a shard that is acquired, and tells other nodes who
	// has it. No two stores that are open may have the same. Random if empty.
	Holder cluster.NodeID
	// Writers is how many transactions may be under way in each database at a time; DefaultWriters
	// if zero. More of them wait less for disks that are far away, and gather fewer keys each.
	Writers int
	// Observer is told of what is written, by all writers. Optional.
	Observer storage.Observer
	// Logger gets warnings and errors; slog.Default if nil.
	Logger *slog.Logger

	// formats are other than this release's in tests of upgrades.
	formats *format.Registry
	// looking: OpenStopped opens the store, and changes nothing.
	looking bool
	// importing: Create makes the store.
	importing bool
}

func (opts *Options) product() string {
	if opts.importing {
		return productImport
	}
	return product
}

// Store implements storage.Store in PostgreSQL. See the package comment.
type Store struct {
	log *slog.Logger
	// observer may be nil.
	observer storage.Observer
	holder   string
	id       string // of what is stored
	format   uint32
	// layout only ever grows (grow). shards have room for all that there may come to be.
	layout  atomic.Pointer[storage.Layout]
	growing sync.Mutex
	shards  []shardState
	dbs     []*database // by part

	directory

	closeOnce sync.Once
	closed    chan struct{} // closed when Close begins
	after     inorder.Queue // calls the dones of what was submitted after the writers have ended
}

var (
	_ storage.Store    = (*Store)(nil)
	_ storage.Splitter = (*Store)(nil)
)

// Open opens the store in the databases and creates it if there is none. Its errors say what
// to do: ErrFormat is wrapped by those of databases that hold something else.
func Open(ctx context.Context, opts Options) (*Store, error) {
	s := &Store{observer: opts.Observer, closed: make(chan struct{})}
	if err := s.open(ctx, opts); err != nil {
		s.abandon()
		return nil, fmt.Errorf("open the store in PostgreSQL: %w", err)
	}
	return s, nil
}

func (opts Options) withDefaults() (Options, error) {
	opts.Shards = cmp.Or(opts.Shards, DefaultShards)
	opts.Writers = cmp.Or(opts.Writers, DefaultWriters)
	switch {
	case len(opts.URLs) == 0:
		return opts, errors.New("the URL of a database is missing")
	case opts.Shards < 1 || opts.Shards > MaxShards:
		return opts, fmt.Errorf("%d shards: must be between 1 and %d", opts.Shards, MaxShards)
	case opts.Writers < 1 || opts.Writers > MaxWriters:
		return opts, fmt.Errorf("%d writers: must be between 1 and %d", opts.Writers, MaxWriters)
	case opts.Shards < len(opts.URLs):
		return opts, fmt.Errorf("%d shards cannot be spread over %d databases", opts.Shards, len(opts.URLs))
	}
	if opts.Holder == "" {
		opts.Holder = cluster.NodeID(uuid.NewString())
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.formats == nil {
		present := format.Present()
		opts.formats = &present
	}
	return opts, nil
}

func (s *Store) open(ctx context.Context, opts Options) (err error) {
	if opts, err = opts.withDefaults(); err != nil {
		return err
	}
	s.log, s.holder = opts.Logger, string(opts.Holder)
	if s.dbs, s.id, s.format, err = claim(ctx, opts); err != nil {
		return err
	}
	for _, d := range s.dbs {
		d.nameSessions(s.id)
		if err := d.openPools(ctx); err != nil {
			return explain(err, d)
		}
	}
	if err := s.readLayout(ctx); err != nil {
		return err
	}
	s.shards = make([]shardState, MaxShards)
	if opts.looking || opts.importing {
		return nil
	}
	for _, d := range s.dbs {
		for i := range opts.Writers {
			d.writers = append(d.writers, newWriter(s, d, int32(i)))
		}
	}
	for i := range s.shards {
		d := s.database(storage.ShardID(i))
		s.shards[i].writer = d.writers[i/len(s.dbs)%len(d.writers)]
	}
	for _, d := range s.dbs {
		if err := s.register(ctx, d); err != nil {
			return explain(err, d)
		}
		for _, w := range d.writers {
			w.start()
		}
	}
	return nil
}

// register begins the numbers of the transactions of the writers.
func (s *Store) register(ctx context.Context, d *database) error {
	_, err := d.reads.Exec(ctx, `INSERT INTO perdure_commits (holder, writer, seq) SELECT $1, g, 0 FROM generate_series(0, $2::int4) AS g`, s.holder, len(d.writers)-1)
	if codeOf(err) == codeUniqueViolation {
		return fmt.Errorf("another store is open for the node id %q", s.holder)
	}
	if err != nil {
		return err
	}
	// What nodes have left behind that were killed. A node that lives holds shards, or has a row.
	_, err = d.reads.Exec(ctx, `DELETE FROM perdure_commits AS c WHERE c.at < now() - interval '1 day'
		AND NOT EXISTS (SELECT 1 FROM perdure_shards AS s WHERE s.holder = c.holder) AND NOT EXISTS (SELECT 1 FROM perdure_nodes AS n WHERE n.id = c.holder)`)
	return err
}

// ID is that of what is stored: two stores with the same are the same.
func (s *Store) ID() string { return s.id }

// URL is that of the first database, the same for all nodes: what is not of a shard is there.
func (s *Store) URL() string { return s.dbs[0].url }

// Holder is the name under which the store acquires shards.
func (s *Store) Holder() cluster.NodeID { return cluster.NodeID(s.holder) }

// Shards implements storage.Store.
func (s *Store) Shards() int { return s.Layout().Shards() }

func (s *Store) checkShard(id storage.ShardID) error {
	if n := s.Shards(); uint64(id) >= uint64(n) {
		return fmt.Errorf("postgres store: there is no shard %d of %d", id, n)
	}
	return nil
}

// database is where a shard is: those that were made by splits are where their parents are.
func (s *Store) database(id storage.ShardID) *database {
	return s.dbs[int(s.Layout().Root(id))%len(s.dbs)]
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// closeTimeout is how long Close goes on trying to write what was submitted when the database
// does not answer.
const closeTimeout = 10 * time.Second

// Close implements storage.Store: it waits for submitted batches and for reads under way, and
// closes all connections. If a database does not answer for long, what was submitted fails.
func (s *Store) Close() error {
	first := false
	s.closeOnce.Do(func() { first = true; close(s.closed) })
	if !first {
		return storage.ErrClosed
	}
	s.abandon()
	s.after.Wait()
	return nil
}

// abandon ends what was begun.
func (s *Store) abandon() {
	for _, d := range s.dbs {
		for _, w := range d.writers {
			w.shut()
		}
	}
	for _, d := range s.dbs {
		for _, w := range d.writers {
			w.wait()
		}
		if len(d.writers) > 0 && d.writers[0].stopped != nil {
			s.forget(d)
		}
		d.close()
	}
}

// forget removes the numbers of the transactions, which nobody will ask for any more. Those of nodes
// that had no time for it are removed by others (tidy).
func (s *Store) forget(d *database) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = d.reads.Exec(ctx, `DELETE FROM perdure_commits WHERE holder = $1`, s.holder)
}

// begin connects to each database and looks at it.
func begin(ctx context.Context, opts Options) (dbs []*database, conns []*pgx.Conn, rows []*found, err error) {
	seen := map[string]bool{}
	for _, text := range opts.URLs {
		d := &database{log: opts.Logger, url: text}
		if d.config, d.name, err = parseURL(text); err != nil {
			return dbs, conns, rows, err
		}
		if seen[d.name] {
			return dbs, conns, rows, fmt.Errorf("the database %s is named twice", d.name)
		}
		seen[d.name] = true
		dbs = append(dbs, d)
		conn, err := d.connect(ctx)
		if err != nil {
			return dbs, conns, rows, explain(err, d)
		}
		conns = append(conns, conn)
		if err := d.examine(ctx, conn); err != nil {
			return dbs, conns, rows, explain(err, d)
		}
		row, err := readFound(ctx, conn)
		if err != nil {
			return dbs, conns, rows, fmt.Errorf("database %s: %w", d.name, err)
		}
		rows = append(rows, row)
	}
	return dbs, conns, rows, nil
}
