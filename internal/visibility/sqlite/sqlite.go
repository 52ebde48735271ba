// Package sqlite is the visibility index in an SQLite database: a file beside the store,
// or one in memory.
//
// # Shape
//
// Every run is a row of the table runs, with columns for what the system knows of it, and
// indexes on what people search by, each of which ends with the order of lists. So a list
// of the runs with a certain id, type, task queue, status or parent reads as many entries of
// an index as it has rows, wherever in the list the page begins. Search attributes are rows of
// a table of their own, with such an index over all of their values, so there may be any number
// of them, one that a run does not have costs nothing, and lists of keywords and the words of
// texts are nothing special. The runs of each status are counted as they change.
//
// What was tried and measured (BenchmarkIndex, a million runs): columns for each of the fields
// of custom attributes, as SQL databases of Temporal servers have them, which cost 33 indexes
// of which most are empty, and show the values of an attribute that was removed under the name
// of the next one that gets its field.
//
// # Plans
//
// Queries are compiled to SQL in which all that comes from a client is a parameter
// (compile.go). Which index is read is not left to SQLite, which does not know what is
// rare: plan.go looks into each index that could be used, as far as some hundred entries,
// and takes the one in which there are the fewest. An index that has all that a query is
// about answers it alone (narrow.go).
//
// # Durability
//
// The journal is a write-ahead log that is synced when it is moved into the file
// (synchronous = NORMAL): a killed process loses nothing, a power cut what came after the
// last Sync, and the file is whole in any case.
package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/visibility"
)

// version is that of the schema. An index of another one is built anew.
const version = "3"

//go:embed schema.sql
var schema string

// readers is how many lists and counts are answered at the same time.
const readers = 4

// Index is a visibility.Index.
type Index struct {
	write, read *sql.DB // read is nil in memory
	names       names

	// mu is held while conn is used: the one connection of write.
	mu         sync.Mutex
	conn       *sql.Conn
	statements *statements
}

var _ visibility.Index = (*Index)(nil)

// Open opens the index in the file at path, which is made if it is not there; in memory
// if path is empty. A file that is damaged, or of another version, is a
// visibility.ErrCorrupt.
func Open(ctx context.Context, path string) (*Index, error) {
	holdPages()
	x := &Index{}
	var err error
	if path == "" {
		if x.write, err = open(":memory:", nil); err != nil {
			return nil, err
		}
	} else {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, fmt.Errorf("visibility index: %w", err)
		}
		settings := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "cache_size(-4096)", "wal_autocheckpoint(4000)"}}
		if x.write, err = open(path, settings); err != nil {
			return nil, err
		}
		if x.read, err = open(path, url.Values{"_pragma": {"busy_timeout(10000)", "query_only(1)", "cache_size(-1024)"}}); err != nil {
			_ = x.write.Close()
			return nil, err
		}
		x.read.SetMaxOpenConns(readers)
		x.read.SetMaxIdleConns(readers)
	}
	if x.conn, err = x.write.Conn(ctx); err == nil {
		err = x.setUp(ctx)
	}
	if err != nil {
		_ = x.Close()
		return nil, failure("opening", err)
	}
	return x, nil
}

func open(path string, settings url.Values) (*sql.DB, error) {
	name := path
	if settings != nil {
		name = (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: settings.Encode()}).String()
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("visibility index %s: %w", path, err)
	}
	return db, nil
}

// setUp makes the tables, or checks that they are those of this version.
func (x *Index) setUp(ctx context.Context) error {
	var tables int
	if err := x.conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		if _, err := x.conn.ExecContext(ctx, "BEGIN;"+schema+"INSERT INTO meta (key, value) VALUES ('version', '"+version+"'); COMMIT"); err != nil {
			return err
		}
	}
	var found string
	switch err := x.conn.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'version'").Scan(&found); {
	case errors.Is(err, sql.ErrNoRows):
		found = "none"
	case err != nil:
		return err
	}
	if found != version {
		return fmt.Errorf("it is of version %s, not %s: %w", found, version, visibility.ErrCorrupt)
	}
	var err error
	x.statements, err = prepare(ctx, x.conn)
	return err
}

// Close implements visibility.Index.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.statements != nil {
		x.statements.close()
	}
	var errs []error
	if x.conn != nil {
		errs = append(errs, x.conn.Close())
	}
	if x.read != nil {
		errs = append(errs, x.read.Close())
	}
	return errors.Join(append(errs, x.write.Close())...)
}

// Positions implements visibility.Index.
func (x *Index) Positions(ctx context.Context) (map[storage.ShardID]int64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	rows, err := x.conn.QueryContext(ctx, "SELECT shard, through FROM positions")
	if err != nil {
		return nil, failure("reading positions", err)
	}
	defer rows.Close()
	positions := make(map[storage.ShardID]int64)
	for rows.Next() {
		var shard storage.ShardID
		var through int64
		if err := rows.Scan(&shard, &through); err != nil {
			return nil, failure("reading positions", err)
		}
		positions[shard] = through
	}
	return positions, failure("reading positions", rows.Err())
}

// Sync implements visibility.Index.
func (x *Index) Sync(ctx context.Context) error {
	if x.read == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	var busy, frames, moved int64
	if err := x.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(FULL)").Scan(&busy, &frames, &moved); err != nil {
		return failure("syncing", err)
	}
	if busy != 0 || moved < frames {
		return fmt.Errorf("visibility index: a reader kept %d of %d pages from being synced", frames-moved, frames)
	}
	return nil
}

// failure says what was being done when SQLite failed, and whether the index is
// damaged.
func failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	var failed *sqlite.Error
	if errors.As(err, &failed) {
		switch failed.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT:
			return fmt.Errorf("visibility index: %s: %w: %w", doing, err, visibility.ErrCorrupt)
		}
	}
	return fmt.Errorf("visibility index: %s: %w", doing, err)
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

// forget drops what was cached in a transaction that has failed.
func (n *names) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.partitions, n.attributes = nil, nil
}
