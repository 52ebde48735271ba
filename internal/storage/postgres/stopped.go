package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/internal/storage"
)

// What is done with the store of stopped servers: it is looked at (OpenStopped), or made of another
// one (Create). Both fail with ErrInUse while servers have it open.

// OpenStopped opens a store for reading. It fails with ErrNoStore if there is none, with ErrInUse
// while servers use it, and with ErrFormat as Open does, and if the data are of an older format.
func OpenStopped(ctx context.Context, opts Options) (*Store, error) {
	opts.looking = true
	return Open(ctx, opts)
}

// checkImport fails if somebody uses the store whom the options do not go with, and clears away what
// an Import has left that was interrupted.
func checkImport(ctx context.Context, opts Options, dbs []*database, conns []*pgx.Conn, rows []*found) ([]*found, error) {
	for i, row := range rows {
		switch {
		case row == nil:
		case opts.importing && row.product != productImport:
			return nil, fmt.Errorf("the database %s holds a store already: choose an empty database, or another schema", dbs[i].name)
		case opts.importing:
			if err := clearImport(ctx, conns[i]); err != nil {
				return nil, explain(err, dbs[i])
			}
			rows[i] = nil
		case row.product == productImport:
			return nil, fmt.Errorf("%w: the store in %s was begun by 'perdure admin copy' and is not complete: run that again", ErrFormat, dbs[i].name)
		case opts.looking:
			var used bool
			err := conns[i].QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM perdure_nodes WHERE expires > clock_timestamp())`).Scan(&used)
			if err == nil && !used {
				used = sessions(ctx, conns[i], row.store)
			}
			if err != nil {
				return nil, explain(err, dbs[i])
			}
			if used {
				return nil, fmt.Errorf("%w: servers are connected to %s: stop them first", ErrInUse, dbs[i].name)
			}
		}
	}
	return rows, nil
}

// sessions reports whether servers have the store open, as far as the engine tells.
func sessions(ctx context.Context, conn *pgx.Conn, store string) (used bool) {
	err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid())`, sessionsOf(store)).Scan(&used)
	return err == nil && used
}

func clearImport(ctx context.Context, conn *pgx.Conn) error {
	for _, table := range []string{"perdure_pairs", "perdure_shards", "perdure_commits", "perdure_store"} {
		if _, err := conn.Exec(ctx, "TRUNCATE TABLE "+table); err != nil {
			return err
		}
	}
	return nil
}

// Import writes a whole store. Until Finish nobody else can open it; one that was interrupted is
// begun anew by the next Create.
type Import struct{ store *Store }

// Create begins a store with the number of shards of the options in databases that hold none.
func Create(ctx context.Context, opts Options) (*Import, error) {
	opts.importing = true
	s, err := Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	if opts.Shards != s.Shards() {
		return nil, fmt.Errorf("the store has %d shards and not %d: somebody else is making it", s.Shards(), opts.Shards)
	}
	return &Import{s}, nil
}

// Shard writes all pairs of a shard, in one transaction. read calls add with each, in order; key and
// value are its own until add returns.
func (m *Import) Shard(ctx context.Context, id storage.ShardID, read func(add func(key, value []byte) bool) error) error {
	conn, release, err := m.store.scanConnection(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	rows := &pairSource{next: make(chan [2][]byte, 64), stop: make(chan struct{})}
	go func() {
		defer close(rows.next)
		rows.err = read(func(key, value []byte) bool {
			select {
			case rows.next <- [2][]byte{append([]byte{}, key...), append([]byte{}, value...)}:
				return true
			case <-rows.stop:
				return false
			}
		})
	}()
	rows.shard = int32(id)
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"perdure_pairs"}, []string{"shard", "key", "value"}, rows)
	close(rows.stop)
	for range rows.next { // until read has returned
	}
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return fmt.Errorf("write shard %d: %w", id, err)
	}
	return nil
}

// pairSource implements pgx.CopyFromSource.
type pairSource struct {
	shard int32
	next  chan [2][]byte
	stop  chan struct{}
	pair  [2][]byte
	err   error // of read, to be looked at once next is closed
}

func (s *pairSource) Next() (ok bool) {
	s.pair, ok = <-s.next
	return ok
}

func (s *pairSource) Values() ([]any, error) { return []any{s.shard, s.pair[0], s.pair[1]}, nil }
func (s *pairSource) Err() error             { return s.err }

// Store is what has been written, to be read.
func (m *Import) Store() *Store { return m.store }

// Finish makes the store one that servers can open.
func (m *Import) Finish(ctx context.Context) error {
	for _, d := range m.store.dbs {
		if _, err := d.reads.Exec(ctx, `UPDATE perdure_store SET product = $1 WHERE id = 1 AND product = $2`, product, productImport); err != nil {
			return fmt.Errorf("finish the store: %w", explain(err, d))
		}
		// So that the first plans know how much there is. It makes no difference to what they find.
		_, _ = d.reads.Exec(ctx, `ANALYZE perdure_pairs`)
	}
	return nil
}

// Close closes the connections.
func (m *Import) Close() error { return m.store.Close() }
