package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/perdure/perdure/internal/storage/postgres/ddl"
)

// The tables have a version of their own, beside the format of what is in them
// (package format). Migrations lead from one to the next and only ever add: the release
// before goes on working on the tables of this one, so nodes can be replaced one by one.
// A migration that an older release could not work with says so in its compatible.
//
// Each statement must be one that can be run again: several nodes may migrate at the same
// time, and a node may die in the midst of it.

// migration leads from the version before to the next one.
type migration struct {
	// compatible is the oldest version whose releases can work with the tables after it.
	compatible int32
	// statements are carried out one by one.
	statements []string
	// hints are statements that make PostgreSQL faster, and that other engines need not know:
	// their errors are passed over.
	hints []string
}

// migrations have at index i the one to version i+1.
var migrations = []migration{{
	compatible: 1,
	statements: []string{
		// One row.
		`CREATE TABLE IF NOT EXISTS perdure_store (
			id int4 PRIMARY KEY,
			product text NOT NULL,
			tables int4 NOT NULL,
			compatible int4 NOT NULL,
			store text NOT NULL,
			format int4 NOT NULL,
			upgrade_from int4 NOT NULL,
			shards int4 NOT NULL,
			part int4 NOT NULL,
			parts int4 NOT NULL,
			ready bool NOT NULL,
			created timestamptz NOT NULL DEFAULT now())`,
		// A row for each shard of this database. Locked by every transaction that writes to the
		// shard, and updated by Acquire.
		`CREATE TABLE IF NOT EXISTS perdure_shards (
			shard int4 PRIMARY KEY,
			epoch int8 NOT NULL,
			holder text NOT NULL)`,
		`CREATE TABLE IF NOT EXISTS perdure_pairs (
			shard int4 NOT NULL,
			key bytea NOT NULL,
			value bytea NOT NULL,
			PRIMARY KEY (shard, key))`,
		// The last transactions of each writer (see writer.go).
		`CREATE TABLE IF NOT EXISTS perdure_commits (
			holder text NOT NULL,
			writer int4 NOT NULL,
			seq int8 NOT NULL,
			at timestamptz NOT NULL DEFAULT now(),
			PRIMARY KEY (holder, writer, seq))`,
		// The nodes (see directory.go), in the first database only.
		`CREATE TABLE IF NOT EXISTS perdure_nodes (
			id text PRIMARY KEY,
			name text NOT NULL,
			address text NOT NULL,
			version text NOT NULL,
			format int4 NOT NULL,
			draining bool NOT NULL,
			drain bool NOT NULL DEFAULT false,
			shards int4 NOT NULL,
			load float8 NOT NULL,
			started timestamptz NOT NULL,
			seen timestamptz NOT NULL,
			expires timestamptz NOT NULL)`,
	},
	hints: []string{
		// Most updates are of small values that stay small: with room in the page they need no new
		// entry in the index. Vacuum is to come often, while what it looks for is still in memory.
		`ALTER TABLE perdure_pairs SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,
			autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
			autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_analyze_scale_factor = 0.2)`,
		`ALTER TABLE perdure_shards SET (fillfactor = 20)`,
		`ALTER TABLE perdure_commits SET (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0)`,
		`ALTER TABLE perdure_nodes SET (fillfactor = 20)`,
		`ALTER TABLE perdure_pairs ALTER COLUMN value SET COMPRESSION lz4`,
	},
}, {
	compatible: 1,
	statements: []string{
		// The ids of nodes that a node does not reach.
		`ALTER TABLE perdure_nodes ADD COLUMN IF NOT EXISTS cut_off text[] NOT NULL DEFAULT '{}'`,
	},
}, {
	compatible: 1,
	statements: []string{
		// How often a node has changed what all look up.
		`ALTER TABLE perdure_nodes ADD COLUMN IF NOT EXISTS changes int8 NOT NULL DEFAULT 0`,
	},
}, {
	compatible: 1,
	statements: []string{
		// Whether a node knows that the number of shards grows, and how many there are to be (in the first database).
		`ALTER TABLE perdure_nodes ADD COLUMN IF NOT EXISTS splits bool NOT NULL DEFAULT false`,
		`ALTER TABLE perdure_store ADD COLUMN IF NOT EXISTS wanted int4 NOT NULL DEFAULT 0`,
	},
}}

// splitVersion is the version of the tables that a release has to know to work on a store that has been split.
const splitVersion = 4

// product is what perdure_store.product says, and productImport what it says of a store that is being
// written by an Import and not complete: servers refuse it.
const (
	product       = "perdure"
	productImport = "perdure, being copied"
)

// Codes of PostgreSQL.
const (
	codeUndefinedTable  = "42P01"
	codeUndefinedColumn = "42703"
	codeUniqueViolation = "23505"
)

// found is the row of perdure_store.
type found struct {
	product             string
	tables, compatible  int32
	store               string // an id made when the store was created
	format, upgradeFrom uint32
	shards              int32 // with how many the store was made, over all databases
	part, parts         int32 // which database this is, and of how many
	ready               bool  // all parts have been created
}

// readFound reads what a database says of itself; nil if there is no store in it.
func readFound(ctx context.Context, conn *pgx.Conn) (*found, error) {
	f := new(found)
	err := conn.QueryRow(ctx, `SELECT product, tables, compatible, store, format, upgrade_from, shards, part, parts, ready FROM perdure_store WHERE id = 1`).
		Scan(&f.product, &f.tables, &f.compatible, &f.store, &f.format, &f.upgradeFrom, &f.shards, &f.part, &f.parts, &f.ready)
	switch code := codeOf(err); {
	case errors.Is(err, pgx.ErrNoRows), code == codeUndefinedTable:
		return nil, nil
	case code == codeUndefinedColumn:
		return nil, fmt.Errorf("%w: it has a table perdure_store of another form: %w", ErrFormat, err)
	case err != nil:
		return nil, fmt.Errorf("read what the database holds: %w", err)
	}
	if f.product == productImport {
		return f, nil
	}
	if f.product != product {
		return nil, fmt.Errorf("%w: its table perdure_store says that it belongs to %q", ErrFormat, f.product)
	}
	if f.compatible > int32(len(migrations)) {
		return nil, fmt.Errorf("%w: its tables have version %d, and this release knows them up to version %d: use the release that made them, or a newer one",
			ErrFormat, f.tables, len(migrations))
	}
	return f, nil
}

// migrate makes the tables, or brings them up to the present version.
func migrate(ctx context.Context, conn *pgx.Conn, from int32) error {
	for version := from; version < int32(len(migrations)); version++ {
		m := migrations[version]
		for _, statement := range m.statements {
			if err := againOn(ctx, func() error { return ddl.Create(ctx, conn, statement) }, collided); err != nil {
				return fmt.Errorf("make the tables of version %d: %w", version+1, err)
			}
		}
		for _, hint := range m.hints {
			if _, err := conn.Exec(ctx, hint); err != nil && codeOf(err) == "" {
				return fmt.Errorf("set up the tables of version %d: %w", version+1, err)
			}
		}
		_, err := conn.Exec(ctx, `UPDATE perdure_store SET tables = $1, compatible = greatest(compatible, $2) WHERE id = 1 AND tables < $1`, version+1, m.compatible)
		if err != nil {
			return fmt.Errorf("write the version of the tables: %w", err)
		}
	}
	return nil
}

// collided reports whether a statement failed because of another one at the same time. Everything
// else is for whoever starts the server to know at once.
func collided(err error) bool {
	code := codeOf(err)
	return code == "40001" || code == "40P01"
}

// codeOf is the SQLSTATE that the server has answered with; "" if it has not answered.
func codeOf(err error) string {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer.Code
	}
	return ""
}
