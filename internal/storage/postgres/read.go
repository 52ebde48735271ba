package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/internal/storage"
)

const (
	// firstPage is how many pairs the first query of a scan asks for, in one statement without a
	// transaction. Most scans are of fewer. pageBytes is how large they may be together.
	firstPage = 32
	pageBytes = 1 << 20
	// laterPage is how many pairs the later ones ask for, in one transaction.
	laterPage = 512
	// scanWait is how long a scan waits for a connection before it makes one of its own. It
	// may be within another scan that has the connection it waits for.
	scanWait = 2 * time.Second
)

// read carries out something that can be tried again. Without a deadline it is tried for readPatience.
func (s *Store) read(ctx context.Context, fn func() error) error {
	if s.isClosed() {
		return storage.ErrClosed
	}
	limit := ctx
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, readPatience)
		defer cancel()
	}
	err := againOn(limit, fn, func(err error) bool { return passes(err) && !s.isClosed() })
	if err != nil && s.isClosed() {
		return storage.ErrClosed
	}
	return err
}

// Get implements storage.Store.
func (s *Store) Get(ctx context.Context, shard storage.ShardID, key []byte) (value []byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.checkShard(shard); err != nil {
		return nil, err
	}
	err = s.read(ctx, func() error {
		return s.database(shard).reads.QueryRow(ctx, `SELECT value FROM perdure_pairs WHERE shard = $1 AND key = $2`, int32(shard), some(key)).Scan(&value)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, storage.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("read a key of shard %d: %w", shard, err)
	}
	return some(value), nil
}

type pair struct{ key, value []byte }

// Scan implements storage.Store. A range of few pairs takes one statement, which sees one state. One
// of more takes a transaction, which has a connection until the scan is over.
func (s *Store) Scan(ctx context.Context, shard storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.checkShard(shard); err != nil {
		return err
	}
	return s.scan(ctx, shard, r, visit)
}

// scan is Scan of a shard that nobody may know yet.
func (s *Store) scan(ctx context.Context, shard storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error {
	var pairs []pair
	whole := false
	err := s.read(ctx, func() error {
		conn, err := s.database(shard).reads.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		pairs, whole, err = readFirst(ctx, conn.Conn(), shard, r)
		return err
	})
	switch {
	case err != nil:
	case whole:
		for i := range pairs {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !visit(pairs[i].key, pairs[i].value) {
				return nil
			}
		}
		return nil
	default:
		err = s.scanLong(ctx, shard, r, visit)
	}
	if err != nil {
		return fmt.Errorf("scan shard %d: %w", shard, err)
	}
	return nil
}

// readFirst reads the first pairs of the range, and reports whether they are all.
func readFirst(ctx context.Context, conn *pgx.Conn, shard storage.ShardID, r storage.Range) (pairs []pair, whole bool, err error) {
	rows, err := query(ctx, conn, shard, r, firstPage)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	size := 0
	for rows.Next() {
		values := rows.RawValues()
		p := pair{append([]byte(nil), values[0]...), append([]byte(nil), values[1]...)}
		pairs = append(pairs, p)
		size += len(p.value)
		if size > pageBytes {
			return nil, false, nil
		}
	}
	return pairs, len(pairs) < firstPage, rows.Err()
}

// query asks for the first pairs of the range.
func query(ctx context.Context, conn *pgx.Conn, shard storage.ShardID, r storage.Range, limit int) (pgx.Rows, error) {
	order := "key LIMIT $3"
	if r.Reverse {
		order = "key DESC LIMIT $3"
	}
	if len(r.End) == 0 {
		return conn.Query(ctx, `SELECT key, value FROM perdure_pairs WHERE shard = $1 AND key >= $2 ORDER BY `+order, int32(shard), some(r.Start), limit)
	}
	order = order[:len(order)-1] + "4"
	return conn.Query(ctx, `SELECT key, value FROM perdure_pairs WHERE shard = $1 AND key >= $2 AND key < $3 ORDER BY `+order, int32(shard), some(r.Start), r.End, limit)
}

// scanLong scans a range in one transaction. Only its beginning is tried again.
func (s *Store) scanLong(ctx context.Context, shard storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error {
	var conn *pgx.Conn
	var release func()
	var rows pgx.Rows
	err := s.read(ctx, func() (err error) {
		if conn, release, err = s.scanConnection(ctx, shard); err != nil {
			return err
		}
		if _, err = conn.Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`); err == nil {
			rows, err = query(ctx, conn, shard, r, laterPage)
		}
		if err != nil {
			_ = conn.Close(ctx)
			release()
		}
		return err
	})
	if err != nil {
		return err
	}
	defer release()
	for {
		last, n, more := []byte(nil), 0, true
		for more && rows.Next() {
			values := rows.RawValues()
			last = append(last[:0], values[0]...)
			n++
			more = visit(values[0], values[1])
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			_ = conn.Close(ctx)
			return err
		}
		if !more || n < laterPage || r.Reverse && len(last) == 0 {
			break
		}
		if r.Reverse {
			r.End = last
		} else {
			r.Start = append(last, 0)
		}
		if rows, err = query(ctx, conn, shard, r, laterPage); err != nil {
			_ = conn.Close(ctx)
			return err
		}
	}
	if _, err := conn.Exec(context.WithoutCancel(ctx), `COMMIT`); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx)) // what was read is right all the same
	}
	return nil
}

// scanConnection returns a connection for a scan, and how to give it back.
func (s *Store) scanConnection(ctx context.Context, shard storage.ShardID) (*pgx.Conn, func(), error) {
	d := s.database(shard)
	short, cancel := context.WithTimeout(ctx, scanWait)
	defer cancel()
	pooled, err := d.scans.Acquire(short)
	if err == nil {
		return pooled.Conn(), pooled.Release, nil
	}
	if ctx.Err() != nil || s.isClosed() || !errors.Is(err, context.DeadlineExceeded) {
		return nil, nil, err
	}
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	return conn, func() { _ = conn.Close(context.WithoutCancel(ctx)) }, nil
}
