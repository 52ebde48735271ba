package server_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/verify"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/sqlite"
)

// listedData makes a data directory with something of each kind that lists show, and stops its server.
func listedData(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "data")
	fillLists(t, server.Options{DataDir: dir})
	return dir
}

// fillLists starts a server with the options, makes something of each kind that lists show, and stops it.
func fillLists(t *testing.T, options server.Options) {
	options.DynamicConfig, options.SearchAttributes = fast, types{
		"Customer": keyword, "Amount": integer, "Notes": enumspb.INDEXED_VALUE_TYPE_TEXT, "Tags": enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST}
	b := start(t, options)
	for _, id := range []string{"open", "waits", "done", "deleted"} {
		b.startWorkflow(id, func(r *workflowservice.StartWorkflowExecutionRequest) {
			r.SearchAttributes = attribute("Customer", `"me"`)
			r.SearchAttributes.IndexedFields["Notes"] = attribute("Notes", `"Two words, two"`).IndexedFields["Notes"]
			r.SearchAttributes.IndexedFields["Tags"] = attribute("Tags", `["a", "b", "a"]`).IndexedFields["Tags"]
		})
	}
	b.complete(b.pollWorkflow(), upsertAmount())
	b.complete(b.pollWorkflow(), scheduleActivity("a"))
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	b.terminate("deleted")
	if _, err := b.client.DeleteWorkflowExecution(b.ctx(), &workflowservice.DeleteWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: execution("deleted")}); err != nil {
		t.Fatal(err)
	}
	b.startActivity("alone")
	b.createSchedule("now and then", eachSecond)
	b.expect("WorkflowId = 'done'", "done")
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}
}

func upsertAmount() *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
		Attributes: &commandpb.Command_UpsertWorkflowSearchAttributesCommandAttributes{
			UpsertWorkflowSearchAttributesCommandAttributes: &commandpb.UpsertWorkflowSearchAttributesCommandAttributes{SearchAttributes: attribute("Amount", `3`)}},
	}
}

// verifyWithIndex verifies a data directory and its index, and returns the problems.
func verifyWithIndex(t *testing.T, dir string) (*verify.Report, []string) {
	t.Helper()
	var problems []string
	report, err := verify.Run(t.Context(), verify.Options{
		Dir: dir, Machines: server.Machines(), Problem: func(p verify.Problem) { problems = append(problems, p.Error()) },
		Index: func(ctx context.Context) (verify.Index, error) {
			index, err := sqlite.OpenStopped(ctx, filepath.Join(dir, visibility.Dir))
			if err != nil || index == nil {
				return nil, err
			}
			return index, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	return report, problems
}

func TestTheIndexOfAStoppedServerHasWhatItsRecordsMake(t *testing.T) {
	report, problems := verifyWithIndex(t, listedData(t))
	if len(problems) > 0 || report.IndexStale != nil {
		t.Errorf("problems: %v, %v", problems, report.IndexStale)
	}
	if report.Rows < 5 {
		t.Errorf("%d rows were compared", report.Rows)
	}
}

func TestVerifyTellsWhatIsWrongWithTheIndex(t *testing.T) {
	dir := listedData(t)
	path := filepath.Join(dir, visibility.Dir, "index.db")
	for name, c := range map[string]struct{ spoil, says string }{
		"a row that is not as its records are": {"UPDATE runs SET status = 2 WHERE workflow_id = 'open'", "its status in the index is 2, where its records have 1"},
		"a memo that is not":                   {"UPDATE runs SET rest = NULL WHERE workflow_id = 'open'", "its rest in the index is"},
		"a row that is missing":                {"DELETE FROM runs WHERE workflow_id = 'done'", "the index does not have it"},
		"a row of nothing":                     {"UPDATE runs SET run_id = 'nobody' WHERE workflow_id = 'done'", "row nobody of the index is of nothing"},
		"a value by which nothing is to be found": {"UPDATE attributes SET value = 'you' WHERE value = 'me' AND id = (SELECT id FROM runs WHERE workflow_id = 'open')",
			"other values of its search attribute Customer"},
		"an attribute that is missing": {"DELETE FROM attributes WHERE value = 3", "not found by its search attribute Amount"},
		"an attribute of no row":       {"UPDATE attributes SET id = 99 WHERE value = 3", "search attributes are of no row: row 99"},
		"a count":                      {"UPDATE counts SET n = n + 1 WHERE status = 1", "the counts of the index are not those of its rows"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			if _, err := db.Exec("VACUUM INTO ?", path+".kept"); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(c.spoil); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			report, problems := verifyWithIndex(t, dir)
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, c.says) }) || report.IndexProblems != report.Problems {
				t.Errorf("no problem says %q, or not all are of the index: %v", c.says, problems)
			}
			if err := errors.Join(sqlite.Remove(filepath.Dir(path)), os.Rename(path+".kept", path)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAnIndexThatIsBuiltAnewAnywayIsNotCompared(t *testing.T) {
	dir := listedData(t)
	db, err := sql.Open("sqlite", filepath.Join(dir, visibility.Dir, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE positions SET through = 0"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	report, problems := verifyWithIndex(t, dir)
	if len(problems) > 0 || report.IndexStale == nil || report.Rows != 0 {
		t.Errorf("%d rows, stale: %v, problems: %v", report.Rows, report.IndexStale, problems)
	}
}
