// Package ddl makes tables in PostgreSQL that several nodes may be making at the same time.
package ddl

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// DB is a connection, or a pool of them.
type DB interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
}

// tries is how often a statement is carried out at most.
const tries = 5

// Create carries out a statement that makes something unless it is there (IF NOT EXISTS). PostgreSQL looks whether it is there
// before it makes it: when two do that at the same time one of them fails, with one of several codes, though it is there then.
func Create(ctx context.Context, db DB, statement string) (err error) {
	for range tries {
		if _, err = db.Exec(ctx, statement); !madeByAnother(err) {
			break
		}
	}
	return err
}

func madeByAnother(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch answer.Code {
	case "23505", // unique_violation, in PostgreSQL's own catalogs
		"42P07", // duplicate_table
		"42710", // duplicate_object: the type of the rows of a table
		"42701": // duplicate_column
		return true
	}
	return false
}
