package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/internal/storage"
)

// orphanKey is that of the row of perdure_visibility_meta which says that rows of a shard may be with another one.
func orphanKey(shard storage.ShardID) string { return fmt.Sprintf("%s%d", orphanPrefix, shard) }

const orphanPrefix = "orphan "

// Split implements visibility.Shared.
func (x *Index) Split(ctx context.Context, parent, child storage.ShardID) error {
	err := pgx.BeginFunc(ctx, x.write, func(tx pgx.Tx) error {
		for _, statement := range []struct {
			text string
			args []any
		}{
			{`DELETE FROM perdure_visibility_positions WHERE shard = $1`, []any{int32(child)}},
			{`INSERT INTO perdure_visibility_positions (shard, through) SELECT $2::int4, through FROM perdure_visibility_positions WHERE shard = $1::int4`, []any{int32(parent), int32(child)}},
			{`INSERT INTO perdure_visibility_meta (key, value) VALUES ($1, '') ON CONFLICT (key) DO NOTHING`, []any{orphanKey(child)}},
		} {
			if _, err := tx.Exec(ctx, statement.text, statement.args...); err != nil {
				return err
			}
		}
		return nil
	})
	return failure("splitting a shard", err)
}

// Orphans implements visibility.Shared.
func (x *Index) Orphans(ctx context.Context) (shards []storage.ShardID, err error) {
	rows, err := x.write.Query(ctx, "SELECT key FROM perdure_visibility_meta WHERE key LIKE $1", orphanPrefix+"%")
	if err != nil {
		return nil, failure("reading which shards are new", err)
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		var shard storage.ShardID
		if err := rows.Scan(&key); err != nil {
			return nil, failure("reading which shards are new", err)
		}
		if _, err := fmt.Sscanf(key, orphanPrefix+"%d", &shard); err == nil {
			shards = append(shards, shard)
		}
	}
	return shards, failure("reading which shards are new", rows.Err())
}

// Adopted implements visibility.Shared.
func (x *Index) Adopted(ctx context.Context, shard storage.ShardID) error {
	_, err := x.write.Exec(ctx, "DELETE FROM perdure_visibility_meta WHERE key = $1", orphanKey(shard))
	return failure("noting that a shard is not new any more", err)
}
