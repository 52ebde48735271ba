package server_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage/postgres"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
	"github.com/perdure/perdure/internal/verify"
	pgindex "github.com/perdure/perdure/internal/visibility/postgres"
)

// verifyDatabase verifies the store in a database and its index, and returns the problems.
func verifyDatabase(t *testing.T, url string) (*verify.Report, []string) {
	t.Helper()
	store, err := postgres.OpenStopped(t.Context(), postgres.Options{URLs: []string{url}})
	for deadline := time.Now().Add(10 * time.Second); errors.Is(err, postgres.ErrInUse) && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		// The database has not seen yet that the server has gone.
		store, err = postgres.OpenStopped(t.Context(), postgres.Options{URLs: []string{url}})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var problems []string
	report, err := verify.Run(t.Context(), verify.Options{
		Store: store, Dir: "the database", Machines: server.Machines(), Problem: func(p verify.Problem) { problems = append(problems, p.Error()) },
		Index: func(ctx context.Context) (verify.Index, error) { return pgindex.OpenStopped(ctx, store.URL()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return report, problems
}

func TestTheIndexInADatabaseHasWhatTheRecordsMakeAndVerifyTellsWhereItHasNot(t *testing.T) {
	url := postgrestest.URL(t)
	fillLists(t, server.Options{Postgres: server.PostgresOptions{URLs: []string{url}, Shards: 4}})
	report, problems := verifyDatabase(t, url)
	if len(problems) > 0 || report.IndexStale != nil || report.Rows < 5 {
		t.Fatalf("%d rows were compared; problems: %v, %v", report.Rows, problems, report.IndexStale)
	}
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	exec := func(t *testing.T, statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if _, err := db.Exec(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	tables := []string{"runs", "attributes", "counts"}
	for _, table := range tables {
		exec(t, "CREATE TABLE kept_"+table+" AS TABLE perdure_visibility_"+table)
	}
	for name, c := range map[string]struct{ spoil, says string }{
		"a row that is not as its records are": {"UPDATE perdure_visibility_runs SET status = 2 WHERE workflow_id = 'open'", "its status in the index is 2, where its records have 1"},
		"a text that is not":                   {"UPDATE perdure_visibility_runs SET task_queue = 'else' WHERE workflow_id = 'open'", "its task_queue in the index is else"},
		"a row of another shard":               {"UPDATE perdure_visibility_runs SET shard = shard + 1 WHERE workflow_id = 'open'", "its shard in the index is"},
		"a memo that is not":                   {"UPDATE perdure_visibility_runs SET rest = NULL WHERE workflow_id = 'open'", "its rest in the index is"},
		"a row that is missing":                {"DELETE FROM perdure_visibility_runs WHERE workflow_id = 'done'", "the index does not have it"},
		"a row of nothing":                     {"UPDATE perdure_visibility_runs SET run_id = 'nobody' WHERE workflow_id = 'done'", "row nobody of the index is of nothing"},
		"a value by which nothing is to be found": {"UPDATE perdure_visibility_attributes SET value = 'you' WHERE value = 'me' AND id = (SELECT id FROM perdure_visibility_runs WHERE workflow_id = 'open')",
			"other values of its search attribute Customer"},
		"an attribute that is missing": {"DELETE FROM perdure_visibility_attributes a USING perdure_visibility_names n WHERE n.id = a.attr AND n.name = 'Amount'", "not found by its search attribute Amount"},
		"an attribute of no row":       {"UPDATE perdure_visibility_attributes a SET id = 99 FROM perdure_visibility_names n WHERE n.id = a.attr AND n.name = 'Amount'", "search attributes are of no row: row 99"},
		"a count":                      {"UPDATE perdure_visibility_counts SET n = n + 1 WHERE status = 1", "the counts of the index are not those of its rows"},
	} {
		t.Run(name, func(t *testing.T) {
			exec(t, c.spoil)
			report, problems := verifyDatabase(t, url)
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, c.says) }) || report.IndexProblems != report.Problems {
				t.Errorf("no problem says %q, or not all are of the index: %v", c.says, problems)
			}
			for _, table := range tables {
				exec(t, "TRUNCATE perdure_visibility_"+table, "INSERT INTO perdure_visibility_"+table+" TABLE kept_"+table)
			}
		})
	}
}
