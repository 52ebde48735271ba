package ddl_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/internal/storage/postgres/ddl"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
)

func TestSeveralMayMakeTheSameTablesAtTheSameTime(t *testing.T) {
	url := postgrestest.URL(t)
	const nodes, tables = 6, 20
	var all sync.WaitGroup
	for range nodes {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context()) //nolint:errcheck
		all.Go(func() {
			for table := range tables {
				for _, statement := range []string{
					fmt.Sprintf("CREATE TABLE IF NOT EXISTS made_%d (id int4 PRIMARY KEY)", table),
					fmt.Sprintf("ALTER TABLE made_%d ADD COLUMN IF NOT EXISTS more text", table),
				} {
					if err := ddl.Create(t.Context(), conn, statement); err != nil {
						t.Errorf("%s: %v", statement, err)
					}
				}
			}
		})
	}
	all.Wait()
}

func TestWhatIsWrongIsReportedAtOnce(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck
	if err := ddl.Create(t.Context(), conn, "CREATE TABLE IF NOT EXISTS made (id no_such_type)"); err == nil {
		t.Error("a table of an unknown type was made")
	}
}
