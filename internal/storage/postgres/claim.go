package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// claim connects to the databases of the options, finds the store in them or creates it, and
// returns them by part, with the id of the store and the format of what is in it.
func claim(ctx context.Context, opts Options) (dbs []*database, id string, format uint32, err error) {
	dbs, conns, rows, err := begin(ctx, opts)
	defer func() {
		for _, conn := range conns {
			_ = conn.Close(ctx)
		}
	}()
	if err != nil {
		return nil, "", 0, err
	}
	if rows, err = checkImport(ctx, opts, dbs, conns, rows); err != nil {
		return nil, "", 0, err
	}
	if err := checkParts(dbs, rows); err != nil {
		return nil, "", 0, err
	}
	if !complete(rows) {
		if opts.looking {
			return nil, "", 0, fmt.Errorf("%w %s", ErrNoStore, dbs[0].name)
		}
		if rows, err = createStore(ctx, opts, dbs, conns, rows); err != nil {
			return nil, "", 0, err
		}
	}
	for i, row := range rows {
		if _, err := opts.formats.Check(row.format); err != nil {
			return nil, "", 0, fmt.Errorf("%w: database %s: %w", ErrFormat, dbs[i].name, err)
		}
		upgrade, err := opts.formats.Check(row.upgradeFrom)
		if err != nil {
			return nil, "", 0, fmt.Errorf("%w: database %s: %w", ErrFormat, dbs[i].name, err)
		}
		if opts.looking && upgrade {
			return nil, "", 0, fmt.Errorf("%w: the data have format %d, and this needs format %d: start a server of this release on them once, which converts them",
				ErrFormat, row.upgradeFrom, opts.formats.Version())
		}
		if !opts.looking && row.tables < int32(len(migrations)) {
			if err := migrate(ctx, conns[i], row.tables); err != nil {
				return nil, "", 0, explain(err, dbs[i])
			}
		}
		dbs[i].part, dbs[i].shards = row.part, int(row.shards)
	}
	format = rows[0].upgradeFrom
	for _, row := range rows {
		format = min(format, row.upgradeFrom)
	}
	id = rows[0].store
	slices.SortFunc(dbs, func(a, b *database) int { return int(a.part - b.part) })
	return dbs, id, format, nil
}

// complete reports whether the store is there in all databases.
func complete(rows []*found) bool {
	return !slices.ContainsFunc(rows, func(row *found) bool { return row == nil || !row.ready })
}

// checkParts fails if the databases do not hold one store in as many parts.
func checkParts(dbs []*database, rows []*found) error {
	var first *found
	var firstName string
	seen := map[int32]string{}
	empty, ready := "", ""
	for i, row := range rows {
		if row == nil {
			empty = dbs[i].name
			continue
		}
		if row.ready {
			ready = dbs[i].name
		}
		switch {
		case int(row.parts) != len(dbs):
			return fmt.Errorf("%w: the store in %s is spread over %d databases, and the URLs name %d: name all of them, and no other",
				ErrFormat, dbs[i].name, row.parts, len(dbs))
		case first != nil && row.store != first.store:
			return fmt.Errorf("%w: the databases %s and %s belong to different stores: check the URLs", ErrFormat, firstName, dbs[i].name)
		case seen[row.part] != "":
			return fmt.Errorf("%w: the databases %s and %s are the same part of the store: is one a copy of the other?", ErrFormat, seen[row.part], dbs[i].name)
		}
		if first == nil {
			first, firstName = row, dbs[i].name
		}
		seen[row.part] = dbs[i].name
	}
	if empty != "" && ready != "" {
		return fmt.Errorf("%w: %s holds a part of a store, and %s holds none: check the URLs", ErrFormat, ready, empty)
	}
	return nil
}

// createStore makes the tables and the rows of the store where they are missing. Other nodes may
// do the same at the same time, and what was interrupted is gone on with.
func createStore(ctx context.Context, opts Options, dbs []*database, conns []*pgx.Conn, rows []*found) ([]*found, error) {
	for i, conn := range conns {
		if err := migrate(ctx, conn, 0); err != nil {
			return nil, explain(err, dbs[i])
		}
	}
	plan := found{store: uuid.NewString(), shards: int32(opts.Shards)}
	for _, row := range rows {
		if row != nil {
			plan.store, plan.shards = row.store, row.shards
		}
	}
	rows = slices.Clone(rows)
	for i, conn := range conns {
		err := again(ctx, func() error {
			_, err := conn.Exec(ctx, `INSERT INTO perdure_store (id, product, tables, compatible, store, format, upgrade_from, shards, part, parts, ready)
				VALUES (1, $1, $2, $3, $4, $5, $5, $6, $7, $8, false) ON CONFLICT (id) DO NOTHING`,
				opts.product(), len(migrations), migrations[len(migrations)-1].compatible, plan.store, opts.formats.Version(), plan.shards, freePart(rows, i), len(dbs))
			return err
		})
		if err == nil {
			rows[i], err = readFound(ctx, conn)
		}
		if err == nil && rows[i] == nil {
			err = errors.New("the row of the store is gone")
		}
		if err != nil {
			return nil, fmt.Errorf("create the store: %w", explain(err, dbs[i]))
		}
		plan.store, plan.shards = rows[i].store, rows[i].shards // another node may have been first
	}
	if err := checkParts(dbs, rows); err != nil {
		return nil, err
	}
	for i, conn := range conns {
		err := again(ctx, func() error {
			_, err := conn.Exec(ctx, `INSERT INTO perdure_shards (shard, epoch, holder)
				SELECT g, 0, '' FROM generate_series($1::int4, $2::int4, $3::int4) AS g ON CONFLICT (shard) DO NOTHING`,
				rows[i].part, rows[i].shards-1, rows[i].parts)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("create the shards: %w", explain(err, dbs[i]))
		}
	}
	for i, conn := range conns {
		if _, err := conn.Exec(ctx, `UPDATE perdure_store SET ready = true WHERE id = 1 AND NOT ready`); err != nil && !passes(err) {
			return nil, fmt.Errorf("create the store: %w", explain(err, dbs[i]))
		}
		rows[i].ready = true
	}
	return rows, nil
}

// freePart is the part that the database with the index becomes: one that no other has.
func freePart(rows []*found, index int) int32 {
	taken := map[int32]bool{}
	for i, row := range rows {
		if row != nil && i != index {
			taken[row.part] = true
		}
	}
	part := int32(0)
	for i := range rows {
		if rows[i] != nil && i != index {
			continue
		}
		for taken[part] {
			part++
		}
		if i == index {
			break
		}
		part++
	}
	return part
}

// examine looks at what a database is: whether it can be written to, keeps what it has
// acknowledged, and has about the same time.
func (d *database) examine(ctx context.Context, conn *pgx.Conn) error {
	var theirs time.Time
	sent := time.Now()
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
		return err
	}
	if err := checkClock(d, theirs, sent, time.Now()); err != nil {
		return err
	}
	if show(ctx, conn, "transaction_read_only") == "on" {
		return fmt.Errorf("the database %s is read-only: it is a standby, or has default_transaction_read_only. Perdure needs the one that is written to", d.name)
	}
	d.asynchronous = show(ctx, conn, "synchronous_commit") != ""
	if show(ctx, conn, "fsync") == "off" {
		d.log.Warn("The database runs with fsync = off: a power cut loses acknowledged writes and may damage it", "database", d.name)
	}
	if encoding := show(ctx, conn, "server_encoding"); encoding != "" && encoding != "UTF8" {
		return fmt.Errorf("the database %s has the encoding %s, and Perdure needs UTF8: create it with ENCODING 'UTF8'", d.name, encoding)
	}
	return nil
}

// show is the value of a setting; "" if the engine does not know it.
func show(ctx context.Context, conn *pgx.Conn, setting string) (value string) {
	if err := conn.QueryRow(ctx, "SHOW "+setting).Scan(&value); err != nil {
		return ""
	}
	return value
}
