package postgres

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/internal/cluster"
)

const (
	// deadFor is how long the row of a node that has run out is kept.
	deadFor = 10 * time.Minute
	// buryEvery is after how many renewals, more or less, such rows are removed.
	buryEvery = 64
	// directoryPatience is how long a call of the directory is tried if its context has no end. A node
	// that cannot renew has to know it before its row runs out.
	directoryPatience = 2 * time.Second
)

var _ cluster.Directory = (*Store)(nil)

// directory is what a store remembers as a cluster.Directory. The rows are in the first database.
type directory struct {
	// renewed: the row of this store's node has been there.
	renewed atomic.Bool
	// known is who holds the shards, as it was read last; nil before that.
	known atomic.Pointer[holders]
}

// holders are those of all shards, of which there are rows. digests are those of the rows of each database. They are never changed.
type holders struct {
	byShard []cluster.NodeID
	there   []bool
	digests []string
}

// known are the holders of the shards up to the first of which no row has been read: one may be made in a database that was
// read first, and then one in another.
func (h *holders) known() []cluster.NodeID {
	if first := slices.Index(h.there, false); first >= 0 {
		return h.byShard[:first]
	}
	return h.byShard
}

// Renew implements cluster.Directory.
func (s *Store) Renew(ctx context.Context, node cluster.Node, ttl time.Duration) (m cluster.Membership, err error) {
	err = s.direct(ctx, func(ctx context.Context) error {
		there := false
		if there, m, err = s.touch(ctx, node, ttl); err != nil || there {
			return err
		}
		if err := s.enter(ctx, node, ttl); err != nil {
			return err
		}
		m, err = s.members(ctx)
		return err
	})
	if err != nil {
		return cluster.Membership{}, fmt.Errorf("renew the row of the node: %w", err)
	}
	return m, nil
}

const nodeValues = `name = $2, address = $3, version = $4, format = $5, draining = $6, shards = $7, load = $8,
	seen = clock_timestamp(), expires = clock_timestamp() + $9 * interval '1 microsecond', cut_off = $10, changes = $11, splits = $12`

func nodeArgs(node cluster.Node, ttl time.Duration) []any {
	return []any{string(node.ID), node.Name, node.Address, node.Version, int32(node.Format), node.Draining, int32(node.Shards), node.Load, ttl.Microseconds(), texts(node.CutOff), node.Changes, node.Splits}
}

// texts are ids as an array of the database has them.
func texts(ids []cluster.NodeID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = string(id)
	}
	return list
}

// touch renews a row that is alive, which nobody can compete with, and reads what the directory knows then, in one
// statement: nodes do it all the time. Who holds the shards is read by another one, if it has changed.
func (s *Store) touch(ctx context.Context, node cluster.Node, ttl time.Duration) (there bool, m cluster.Membership, err error) {
	if rand.N(buryEvery) == 0 {
		if _, err := s.dbs[0].reads.Exec(ctx, bury, int64(deadFor.Seconds())); err != nil {
			return false, m, err
		}
	}
	rows, _ := s.dbs[0].reads.Query(ctx, touchNode, nodeArgs(node, ttl)...)
	digest, err := scanNodes(rows, &m)
	if err != nil {
		return false, m, err
	}
	at := slices.IndexFunc(m.Nodes, func(other cluster.Node) bool { return other.ID == node.ID })
	if at < 0 {
		return false, m, nil
	}
	s.renewed.Store(true)
	m.Holders, err = s.holdersOf(ctx, digest)
	return true, m, err
}

// enter writes a row that is not there, or not alive, if the name is free. One at a time.
func (s *Store) enter(ctx context.Context, node cluster.Node, ttl time.Duration) error {
	return pgx.BeginFunc(ctx, s.dbs[0].reads, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT 1 FROM perdure_store WHERE id = 1 FOR UPDATE`); err != nil {
			return err
		}
		var taken, there bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM perdure_nodes WHERE name = $2 AND id <> $1 AND expires > clock_timestamp()),
			EXISTS (SELECT 1 FROM perdure_nodes WHERE id = $1)`, string(node.ID), node.Name).Scan(&taken, &there)
		switch {
		case err != nil:
			return err
		case taken:
			return cluster.ErrNameTaken
		case there:
			_, err = tx.Exec(ctx, `UPDATE perdure_nodes SET `+nodeValues+` WHERE id = $1`, nodeArgs(node, ttl)...)
		case s.renewed.Load():
			return cluster.ErrOusted
		default:
			_, err = tx.Exec(ctx, `INSERT INTO perdure_nodes (id, name, address, version, format, draining, shards, load, started, seen, expires, cut_off, changes, splits)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), clock_timestamp(), clock_timestamp() + $9 * interval '1 microsecond', $10, $11, $12)`, nodeArgs(node, ttl)...)
		}
		if err == nil {
			_, err = tx.Exec(ctx, bury, int64(deadFor.Seconds()))
		}
		if err == nil {
			s.renewed.Store(true)
		}
		return err
	})
}

// Leave implements cluster.Directory.
func (s *Store) Leave(ctx context.Context, id cluster.NodeID) error {
	err := s.direct(ctx, func(ctx context.Context) error {
		for _, d := range s.dbs {
			if _, err := d.reads.Exec(ctx, `UPDATE perdure_shards SET holder = '' WHERE holder = $1`, string(id)); err != nil {
				return err
			}
		}
		_, err := s.dbs[0].reads.Exec(ctx, `DELETE FROM perdure_nodes WHERE id = $1`, string(id))
		return err
	})
	if err != nil {
		return fmt.Errorf("take node %s off: %w", id, err)
	}
	return nil
}

// Members implements cluster.Directory.
func (s *Store) Members(ctx context.Context) (m cluster.Membership, err error) {
	err = s.direct(ctx, func(ctx context.Context) error {
		m, err = s.members(ctx)
		return err
	})
	if err != nil {
		return cluster.Membership{}, fmt.Errorf("read the nodes: %w", err)
	}
	return m, nil
}

func (s *Store) members(ctx context.Context) (m cluster.Membership, err error) {
	rows, _ := s.dbs[0].reads.Query(ctx, selectNodes)
	digest, err := scanNodes(rows, &m)
	if err == nil {
		m.Holders, err = s.holdersOf(ctx, digest)
	}
	return m, err
}

// holdersOf are the holders of all shards, of which those in the first database have the digest, or had when it was read.
func (s *Store) holdersOf(ctx context.Context, digest string) ([]cluster.NodeID, error) {
	known := s.known.Load()
	if known == nil {
		known = &holders{digests: make([]string, len(s.dbs))}
	}
	next := known
	for i, d := range s.dbs {
		if i > 0 {
			if err := d.reads.QueryRow(ctx, "SELECT "+digestOfHolders).Scan(&digest); err != nil {
				return nil, err
			}
		}
		if known.digests[i] == digest {
			continue
		}
		if next == known {
			next = &holders{slices.Clone(known.byShard), slices.Clone(known.there), slices.Clone(known.digests)}
		}
		rows, _ := d.reads.Query(ctx, selectHolders)
		var err error
		if next.digests[i], err = scanHolders(rows, next); err != nil {
			return nil, err
		}
	}
	s.known.Store(next)
	found := next.known()
	s.grow(len(found))
	return found, nil
}

const (
	// nodeColumns are what scanNodes reads of the nodes n, at a time t.now, with the digest of who holds the shards.
	nodeColumns = `t.now, ` + digestOfHolders + `, n.id, n.name, n.address, n.version, n.format, n.draining OR n.drain, n.shards, n.load, n.started, n.seen, n.cut_off, n.changes, n.splits, n.expires,
		(SELECT wanted FROM perdure_store WHERE id = 1)`
	selectNodes = `SELECT ` + nodeColumns + ` FROM (SELECT clock_timestamp() AS now) AS t LEFT JOIN perdure_nodes AS n ON n.expires > t.now ORDER BY n.id`
	// touchNode renews a row. What it returns of the row is what has been written, of the others what was there before.
	touchNode = `WITH own AS (UPDATE perdure_nodes SET ` + nodeValues + ` WHERE id = $1 AND name = $2 AND expires > clock_timestamp() RETURNING *),
		n AS (SELECT * FROM own UNION ALL SELECT * FROM perdure_nodes WHERE id <> $1)
		SELECT ` + nodeColumns + ` FROM (SELECT clock_timestamp() AS now) AS t LEFT JOIN n ON n.expires > t.now ORDER BY n.id`
	bury = `DELETE FROM perdure_nodes WHERE expires < clock_timestamp() - $1 * interval '1 second'`
	// digestOfHolders is what changes when shards of a database get other holders; see scanHolders.
	digestOfHolders = `(SELECT md5(coalesce(string_agg(holder, ',' ORDER BY shard), '')) FROM perdure_shards)`
	selectHolders   = `SELECT shard, holder FROM perdure_shards ORDER BY shard`
)

// scanNodes takes in rows of nodeColumns, and returns the digest of who holds the shards of the first database.
func scanNodes(rows pgx.Rows, m *cluster.Membership) (digest string, err error) {
	defer rows.Close()
	for rows.Next() {
		var id, name, address, version *string
		var format, shards *int32
		var draining *bool
		var load *float64
		var started, seen, expires *time.Time
		var cutOff []string
		var changes *int64
		var splits *bool
		if err := rows.Scan(&m.Now, &digest, &id, &name, &address, &version, &format, &draining, &shards, &load, &started, &seen, &cutOff, &changes, &splits, &expires, &m.Wanted); err != nil {
			return "", err
		}
		if id != nil {
			node := cluster.Node{ID: cluster.NodeID(*id), Name: *name, Address: *address, Version: *version, Format: int(*format),
				Draining: *draining, Shards: int(*shards), Load: *load, Changes: *changes, Splits: *splits, Started: *started, Seen: *seen, Expires: *expires}
			for _, other := range cutOff {
				node.CutOff = append(node.CutOff, cluster.NodeID(other))
			}
			m.Nodes = append(m.Nodes, node)
		}
	}
	return digest, rows.Err()
}

// scanHolders takes in rows of selectHolders, and returns their digest.
func scanHolders(rows pgx.Rows, into *holders) (digest string, err error) {
	defer rows.Close()
	sum, comma := md5.New(), ""
	for rows.Next() {
		var shard int32
		var holder string
		if err := rows.Scan(&shard, &holder); err != nil {
			return "", err
		}
		if shard >= MaxShards || shard < 0 {
			return "", errors.New("there is a row of a shard that no store can have")
		}
		for int(shard) >= len(into.byShard) {
			into.byShard, into.there = append(into.byShard, ""), append(into.there, false)
		}
		into.byShard[shard], into.there[shard] = cluster.NodeID(holder), true
		_, _ = io.WriteString(sum, comma+holder)
		comma = ","
	}
	return hex.EncodeToString(sum.Sum(nil)), rows.Err()
}

// Drain implements cluster.Directory.
func (s *Store) Drain(ctx context.Context, id cluster.NodeID, drain bool) error {
	err := s.direct(ctx, func(ctx context.Context) error {
		tag, err := s.dbs[0].reads.Exec(ctx, `UPDATE perdure_nodes SET drain = $2 WHERE id = $1 AND expires > clock_timestamp()`, string(id), drain)
		if err == nil && tag.RowsAffected() == 0 {
			err = cluster.ErrNoNode
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("drain node %s: %w", id, err)
	}
	return nil
}

// Want implements cluster.Directory. From the first call on no release works on the store that does not know of it.
func (s *Store) Want(ctx context.Context, shards, instead int) error {
	if shards > MaxShards {
		return fmt.Errorf("a store has %d shards at most", MaxShards)
	}
	err := s.direct(ctx, func(ctx context.Context) error {
		for _, d := range s.dbs {
			if _, err := d.reads.Exec(ctx, `UPDATE perdure_store SET compatible = $1 WHERE id = 1 AND compatible < $1`, splitVersion); err != nil {
				return err
			}
		}
		tag, err := s.dbs[0].reads.Exec(ctx, `UPDATE perdure_store SET wanted = $1 WHERE id = 1 AND wanted IN ($1, $2)`, int32(shards), int32(instead))
		if err == nil && tag.RowsAffected() == 0 {
			err = cluster.ErrWanted
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("write how many shards there are to be: %w", err)
	}
	return nil
}

// direct carries out a call of the directory.
func (s *Store) direct(ctx context.Context, fn func(ctx context.Context) error) error {
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, directoryPatience)
		defer cancel()
	}
	return s.read(ctx, func() error { return fn(ctx) })
}
