// Package postgres is the visibility index in PostgreSQL, which all nodes of a cluster share: each
// writes the rows of the shards it holds, and any can list all of them.
//
// It has the shape of the index in SQLite: rows of runs with an index for each of what people
// search by, each of which ends with the order of lists; rows of search attributes, one for each
// value; and counts of the runs of each status, kept as they change (apply.go), so that a
// count of ten million is a look at a few rows.
//
// Texts are kept as bytes: they may hold any, and are compared as bytes. Values of search
// attributes are bytes that sort as the values do (value.go).
//
// # Many writers
//
// How far the log of a shard has been applied is written with the rows, and only if it is
// what this indexer has written or read last. So an indexer that was paused, and whose shard
// another has taken meanwhile, writes nothing (visibility.ErrMoved).
package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/postgres/ddl"
	"github.com/perdure/perdure/internal/visibility"
)

// version is that of the tables. An index of another one is a visibility.ErrCorrupt.
const version = "1"

//go:embed schema.sql
var schema string

// readers is how many lists and counts are answered at the same time, writers how many connections
// there are for batches.
const readers, writers = 4, 2

// Index is a visibility.Index.
type Index struct {
	// read is for lists and counts, write for batches.
	read, write *pgxpool.Pool
	names       names
	// slot is where this writer adds up its counts: nodes do not wait for each other.
	slot int32

	mu sync.Mutex
	// at are the positions as this indexer has written or read them last.
	at map[storage.ShardID]int64
	// lastID is the id that was given to a row last.
	lastID int64
}

var (
	_ visibility.Index  = (*Index)(nil)
	_ visibility.Shared = (*Index)(nil)
)

// slots is how many counts are kept of the same.
const slots = 16

// Open opens the index in the database with the URL, and makes its tables if they are not there.
func Open(ctx context.Context, url string) (*Index, error) {
	x := &Index{slot: rand.Int32N(slots), at: make(map[storage.ShardID]int64)}
	var err error
	// What a query looks for decides how it is best carried out.
	if x.read, err = pool(ctx, url, readers, pgx.QueryExecModeExec, ""); err != nil {
		return nil, failure("opening", err)
	}
	// Batches find rows by lists of keys, which come as arrays.
	// A node that is cut off in the middle of one must not keep others from the shards in it for long.
	x.write, err = pool(ctx, url, writers, pgx.QueryExecModeCacheStatement, "SET idle_in_transaction_session_timeout = '10s'; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off")
	if err == nil {
		err = x.setUp(ctx)
	}
	if err != nil {
		_ = x.Close()
		return nil, failure("opening", err)
	}
	return x, nil
}

// pool makes connections with a setting, which other engines than PostgreSQL need not know.
func pool(ctx context.Context, url string, size int32, mode pgx.QueryExecMode, setting string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the URL of the database cannot be understood")
	}
	config.MaxConns, config.MinConns = size, 0
	config.ConnConfig.DefaultQueryExecMode = mode
	config.ConnConfig.RuntimeParams["application_name"] = "perdure visibility"
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.PgConn().Exec(ctx, setting).ReadAll(); err != nil && codeOf(err) == "" {
			return err
		}
		return nil
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// setUp makes the tables, or checks that they are those of this version.
func (x *Index) setUp(ctx context.Context) error {
	found, err := x.version(ctx)
	if err != nil {
		return err
	}
	if found == "" {
		for _, statement := range strings.Split(schema, ";") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			err := ddl.Create(ctx, x.write, statement)
			if err != nil {
				return err
			}
		}
		if _, err := x.write.Exec(ctx, "INSERT INTO perdure_visibility_meta (key, value) VALUES ('version', $1) ON CONFLICT (key) DO NOTHING", version); err != nil {
			return err
		}
		if found, err = x.version(ctx); err != nil {
			return err
		}
	}
	if found != version {
		return fmt.Errorf("its tables have version %s, and this release knows version %s: use the release that made them, or a newer one", found, version)
	}
	return nil
}

// version is that of the tables that are there; "" if there are none.
func (x *Index) version(ctx context.Context) (string, error) { return versionIn(ctx, x.write) }

func versionIn(ctx context.Context, db *pgxpool.Pool) (found string, err error) {
	err = db.QueryRow(ctx, "SELECT value FROM perdure_visibility_meta WHERE key = 'version'").Scan(&found)
	if errors.Is(err, pgx.ErrNoRows) || codeOf(err) == "42P01" {
		return "", nil
	}
	return found, err
}

func codeOf(err error) string {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer.Code
	}
	return ""
}

// Close implements visibility.Index.
func (x *Index) Close() error {
	if x.read != nil {
		x.read.Close()
	}
	if x.write != nil {
		x.write.Close()
	}
	return nil
}

// Positions implements visibility.Index.
func (x *Index) Positions(ctx context.Context) (map[storage.ShardID]int64, error) {
	positions, err := positionsIn(ctx, x.write)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.at = maps.Clone(positions)
	return positions, nil
}

func positionsIn(ctx context.Context, db *pgxpool.Pool) (map[storage.ShardID]int64, error) {
	rows, err := db.Query(ctx, "SELECT shard, through FROM perdure_visibility_positions")
	if err != nil {
		return nil, failure("reading positions", err)
	}
	defer rows.Close()
	positions := make(map[storage.ShardID]int64)
	for rows.Next() {
		var shard int32
		var through int64
		if err := rows.Scan(&shard, &through); err != nil {
			return nil, failure("reading positions", err)
		}
		positions[storage.ShardID(shard)] = through
	}
	return positions, failure("reading positions", rows.Err())
}

// Sync implements visibility.Index: what has been applied is durable.
func (x *Index) Sync(context.Context) error { return nil }

// Clear implements visibility.Shared.
func (x *Index) Clear(ctx context.Context, shard storage.ShardID) error {
	err := pgx.BeginFunc(ctx, x.write, func(tx pgx.Tx) error {
		for _, statement := range []string{
			`INSERT INTO perdure_visibility_counts (part, status, slot, n) SELECT part, status, 0, -count(*) FROM perdure_visibility_runs WHERE shard = $1
				GROUP BY part, status ON CONFLICT (part, status, slot) DO UPDATE SET n = perdure_visibility_counts.n + excluded.n`,
			`DELETE FROM perdure_visibility_attributes WHERE id IN (SELECT id FROM perdure_visibility_runs WHERE shard = $1)`,
			`DELETE FROM perdure_visibility_runs WHERE shard = $1`,
			`DELETE FROM perdure_visibility_positions WHERE shard = $1`,
		} {
			if _, err := tx.Exec(ctx, statement, int32(shard)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return failure("clearing a shard", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.at, shard)
	return nil
}

// failure says what was being done when the database failed.
func failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("visibility index: %s: %w", doing, err)
}

// newIDs gives ids to n rows. They are times, so that the last rows are together; two nodes that give
// the same one are told by the database, and the batch is tried again.
func (x *Index) newIDs(n int) int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	first := max(x.lastID+1, time.Now().UnixNano()&^(slots-1)+int64(x.slot))
	x.lastID = first + int64(n)
	return first
}

// Files is the place of an index in a database, as visibility.Files: there is always one.
type Files struct{ URL string }

var _ visibility.SharedFiles = Files{}

// Shared implements visibility.SharedFiles.
func (Files) Shared() {}

// Open implements visibility.Files.
func (f Files) Open(ctx context.Context) (visibility.Index, error) {
	index, err := Open(ctx, f.URL)
	if err != nil {
		return nil, err
	}
	return index, nil
}

// Create implements visibility.Files. It is not called: an index that is shared is built anew shard by shard, where it is.
func (f Files) Create(ctx context.Context) (visibility.Index, error) { return f.Open(ctx) }

// Replace implements visibility.Files.
func (f Files) Replace(_ context.Context, created visibility.Index) (visibility.Index, error) {
	return created, nil
}

// names caches the ids of partitions and attributes, which never change.
type names struct {
	mu         sync.Mutex
	partitions map[partitionName]int64
	attributes map[attributeName]int64
}

type partitionName struct {
	namespace, division string
	divided             bool
}

type attributeName struct {
	namespace, name string
	kind            int32
}

// mostNames bounds how many of each are cached.
const mostNames = 10_000

func cached[K comparable](n *names, in *map[K]int64, key K) (int64, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	id, ok := (*in)[key]
	return id, ok
}

func keep[K comparable](n *names, in *map[K]int64, key K, id int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if *in == nil || len(*in) >= mostNames {
		*in = make(map[K]int64)
	}
	(*in)[key] = id
}
