package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/visibility"
)

// Stopped is the index of stopped servers, opened to be compared with the rows that there are to be. Nothing is
// written. Its methods may be called from many goroutines at once.
type Stopped struct {
	db         *pgxpool.Pool
	partitions map[partitionName]int64

	mu  sync.Mutex
	met map[int64]struct{} // ids of the rows that were compared, or looked up
}

// OpenStopped opens the index in a database; nil if there is none. One of another version is a
// visibility.ErrCorrupt.
func OpenStopped(ctx context.Context, url string) (*Stopped, error) {
	db, err := pool(ctx, url, readers, pgx.QueryExecModeCacheStatement, "SET default_transaction_read_only = on")
	if err != nil {
		return nil, failure("opening", err)
	}
	s := &Stopped{db: db, partitions: make(map[partitionName]int64), met: make(map[int64]struct{})}
	there, err := s.setUp(ctx)
	if err != nil || !there {
		_ = s.Close()
		return nil, failure("opening", err)
	}
	return s, nil
}

// setUp reads the names of partitions, if there is an index.
func (s *Stopped) setUp(ctx context.Context) (there bool, err error) {
	found, err := versionIn(ctx, s.db)
	if err != nil || found == "" {
		return false, err
	}
	if found != version {
		return false, fmt.Errorf("it is of version %s, not %s: %w", found, version, visibility.ErrCorrupt)
	}
	rows, err := s.db.Query(ctx, "SELECT id, namespace, divided, division FROM perdure_visibility_partitions")
	if err != nil {
		return false, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var namespace, division []byte
		var name partitionName
		if err := rows.Scan(&id, &namespace, &name.divided, &division); err != nil {
			return false, err
		}
		name.namespace, name.division = string(namespace), string(division)
		s.partitions[name] = id
	}
	return true, rows.Err()
}

// Close closes the index.
func (s *Stopped) Close() error {
	s.db.Close()
	return nil
}

// Positions are how far the change log of each shard has been applied.
func (s *Stopped) Positions(ctx context.Context) (map[storage.ShardID]int64, error) {
	return positionsIn(ctx, s.db)
}

// adopted reports whether the rows of a shard are all noted as its own.
func (s *Stopped) adopted(ctx context.Context, shard storage.ShardID) (adopted bool, err error) {
	err = s.db.QueryRow(ctx, "SELECT NOT EXISTS (SELECT 1 FROM perdure_visibility_meta WHERE key = $1)", orphanKey(shard)).Scan(&adopted)
	return adopted, failure("reading which shards are new", err)
}

var errMissing = errors.New("the index does not have it")

// Compare looks up the row of a change, which is one that sets it, and says what is wrong with it; nil if nothing is. err is
// that the index cannot be read.
func (s *Stopped) Compare(ctx context.Context, c *visibility.Change) (wrong, err error) {
	got, err := s.look(ctx, c.Namespace, c.ID)
	if err != nil {
		return nil, err
	}
	if got == nil {
		return errMissing, nil
	}
	namespace := s.partitions[partitionName{namespace: c.Namespace}]
	part := namespace
	if c.Division != nil {
		part = s.partitions[partitionName{c.Namespace, *c.Division, true}]
	}
	id := got[0].(int64)
	want := new(table)
	if err := want.add(c, id, part, namespace); err != nil {
		return nil, err
	}
	columns := strings.Split(runColumns, ", ")
	for i, value := range want.first() {
		if name := columns[i]; !sameValue(name, value, got[i]) {
			if name == "shard" {
				if adopted, err := s.adopted(ctx, c.Shard); err != nil || !adopted {
					return nil, err
				}
			}
			return fmt.Errorf("its %s in the index is %v, where its records have %v", name, shown(name, got[i]), shown(name, value)), nil
		}
	}
	if len(want.rest[0]) == 0 {
		return nil, nil // it has no search attributes
	}
	return s.compareAttributes(ctx, c, id, want)
}

// Account looks up a row that is not to be compared, as the index has not been told of its last change yet.
func (s *Stopped) Account(ctx context.Context, namespace, id string) error {
	_, err := s.look(ctx, namespace, id)
	return err
}

// look finds a row, and notes that it was met. It returns the values of runColumns; nil if there is none.
func (s *Stopped) look(ctx context.Context, namespace, id string) ([]any, error) {
	part, ok := s.partitions[partitionName{namespace: namespace}]
	if !ok {
		return nil, nil
	}
	rows, err := s.db.Query(ctx, "SELECT "+runColumns+" FROM perdure_visibility_runs WHERE run_id = $1 AND namespace = $2", []byte(id), part)
	if err != nil {
		return nil, failure("reading a row", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, failure("reading a row", rows.Err())
	}
	values, err := rows.Values()
	if err != nil {
		return nil, failure("reading a row", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.met[values[0].(int64)] = struct{}{}
	return values, nil
}

// compareAttributes compares the search attributes of the row, which is the first of want. One whose type has changed since it was
// indexed is found by the values of the old one, and is not compared.
func (s *Stopped) compareAttributes(ctx context.Context, c *visibility.Change, id int64, want *table) (wrong, err error) {
	rows, err := s.db.Query(ctx, `SELECT n.name, n.type, a.value, a.closed = $2 AND a.started = $3
		FROM perdure_visibility_attributes a JOIN perdure_visibility_names n ON n.id = a.attr WHERE a.id = $1`, id, want.closed[0], want.started[0])
	if err != nil {
		return nil, failure("reading search attributes", err)
	}
	defer rows.Close()
	type indexedAs struct {
		kind   int32
		values map[string]bool
	}
	found := make(map[string]*indexedAs)
	for rows.Next() {
		var name, value []byte
		var kind int32
		var sorted bool
		if err := rows.Scan(&name, &kind, &value, &sorted); err != nil {
			return nil, failure("reading search attributes", err)
		}
		if !sorted {
			return fmt.Errorf("its search attribute %s is sorted otherwise than the row itself", name), nil
		}
		if found[string(name)] == nil {
			found[string(name)] = &indexedAs{kind, make(map[string]bool)}
		}
		found[string(name)].values[string(value)] = true
	}
	if err := rows.Err(); err != nil {
		return nil, failure("reading search attributes", err)
	}
	for i := range c.Attributes {
		attribute := &c.Attributes[i]
		is, values := found[attribute.Name], distinct(indexed(attribute))
		switch {
		case is == nil && len(values) == 0:
		case is == nil:
			return fmt.Errorf("it is not found by its search attribute %s", attribute.Name), nil
		case is.kind != int32(attribute.Type):
		case slices.ContainsFunc(values, func(value []byte) bool { return !is.values[string(value)] }) || len(is.values) > len(values):
			return fmt.Errorf("it is found by other values of its search attribute %s than it has", attribute.Name), nil
		}
		delete(found, attribute.Name)
	}
	for name := range found {
		if c.Row.SearchAttributes.GetIndexedFields()[name] == nil {
			return fmt.Errorf("it is found by a search attribute that it does not have, %s", name), nil
		}
	}
	return nil, nil
}

// distinct are the values without repetition, in order.
func distinct(values [][]byte) [][]byte {
	slices.SortFunc(values, bytes.Compare)
	return slices.CompactFunc(values, bytes.Equal)
}

// Rest calls problem for what is wrong with the index itself, and for each row that was neither compared nor looked up: there is
// nothing of which it could be the row.
func (s *Stopped) Rest(ctx context.Context, problem func(namespace, workflowID string, err error)) error {
	if err := s.checkItself(ctx, problem); err != nil {
		return failure("checking", err)
	}
	rows, err := s.db.Query(ctx, "SELECT r.id, p.namespace, r.workflow_id, r.run_id FROM perdure_visibility_runs r LEFT JOIN perdure_visibility_partitions p ON p.id = r.namespace")
	if err != nil {
		return failure("listing", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var namespace, workflowID, runID []byte
		if err := rows.Scan(&id, &namespace, &workflowID, &runID); err != nil {
			return failure("listing", err)
		}
		if _, met := s.met[id]; !met {
			problem(string(namespace), string(workflowID), fmt.Errorf("row %s of the index is of nothing that there is", runID))
		}
	}
	return failure("listing", rows.Err())
}

// checkItself checks that the counts are those of the rows, and that no search attribute is of no row.
func (s *Stopped) checkItself(ctx context.Context, problem func(namespace, workflowID string, err error)) error {
	for _, query := range []struct{ text, says string }{
		{`SELECT 'part ' || part || ', status ' || status || ': ' || sum(n) FROM
		   (SELECT part, status, n FROM perdure_visibility_counts UNION ALL SELECT part, status, -count(*) FROM perdure_visibility_runs GROUP BY part, status) AS c
		  GROUP BY part, status HAVING sum(n) <> 0 LIMIT 20`, "the counts of the index are not those of its rows: %s too many"},
		{`SELECT 'row ' || id FROM perdure_visibility_attributes a WHERE NOT EXISTS (SELECT 1 FROM perdure_visibility_runs r WHERE r.id = a.id)
		  GROUP BY id LIMIT 20`, "search attributes are of no row: %s"},
	} {
		rows, err := s.db.Query(ctx, query.text)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, what := range found {
			problem("", "", fmt.Errorf(query.says, what))
		}
	}
	return nil
}

// first are the values of the first row of a table, in the order of runColumns.
func (w *table) first() []any {
	return []any{
		w.ids[0], w.shards[0], w.parts[0], w.namespaces[0], w.runs[0], w.workflows[0], w.types[0], w.queues[0], w.statuses[0], w.closed[0], w.started[0], w.executed[0],
		w.parents[0], w.parentRuns[0], w.roots[0], w.rootRuns[0], number(w.lengths[0]), number(w.sizes[0]), number(w.transitions[0]), number(w.durations[0]), w.rest[0],
	}
}

func number(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

// sameValue reports whether a column has the value that it is to have. What is in "rest" is a records.WorkflowRow.
func sameValue(column string, want, got any) bool {
	blob, ok := want.([]byte)
	if !ok {
		return want == got
	}
	is, _ := got.([]byte)
	if bytes.Equal(blob, is) {
		return true
	}
	a, b := new(records.WorkflowRow), new(records.WorkflowRow)
	return column == "rest" && proto.Unmarshal(blob, a) == nil && proto.Unmarshal(is, b) == nil && proto.Equal(a, b)
}

// shown is a value for people.
func shown(column string, value any) any {
	blob, ok := value.([]byte)
	if !ok {
		return value
	}
	if row := new(records.WorkflowRow); column == "rest" && proto.Unmarshal(blob, row) == nil {
		return "{" + row.String() + "}"
	}
	return string(blob)
}
