package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/visibility"
)

// Stopped is the index of a stopped server, opened to be compared with the rows that there are to be. Nothing is
// written. Its methods may be called from many goroutines at once.
type Stopped struct {
	db          *sql.DB
	find, attrs *sql.Stmt
	partitions  map[partitionName]int64

	mu  sync.Mutex
	met bitset // ids of the rows that were compared, or looked up
}

// OpenStopped opens the index in a directory; nil if there is none. One that is damaged, or of another version, is a
// visibility.ErrCorrupt.
func OpenStopped(ctx context.Context, dir string) (*Stopped, error) {
	path := Files{dir}.current()
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("visibility index: %w", err)
	}
	settings := url.Values{"_pragma": {"busy_timeout(10000)", "query_only(1)", "cache_size(-8192)"}, "mode": {"ro"}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		// No journal was left, so there is no need of one, nor of the files that go with it.
		settings.Set("immutable", "1")
	}
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	db, err := open(path, settings)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	s := &Stopped{db: db, partitions: make(map[partitionName]int64)}
	if err := s.setUp(ctx); err != nil {
		_ = s.Close()
		return nil, failure("opening", err)
	}
	return s, nil
}

func (s *Stopped) setUp(ctx context.Context) (err error) {
	var found string
	if err := s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'version'").Scan(&found); err != nil {
		return err
	}
	if found != version {
		return fmt.Errorf("it is of version %s, not %s: %w", found, version, visibility.ErrCorrupt)
	}
	rows, err := s.db.QueryContext(ctx, "SELECT id, namespace, division FROM partitions")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var name partitionName
		var division sql.NullString
		if err := rows.Scan(&id, &name.namespace, &division); err != nil {
			return err
		}
		name.division, name.divided = division.String, division.Valid
		s.partitions[name] = id
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if s.find, err = s.db.PrepareContext(ctx, "SELECT id, "+runColumns+" FROM runs WHERE run_id = ? AND namespace = ?"); err != nil {
		return err
	}
	s.attrs, err = s.db.PrepareContext(ctx, "SELECT n.name, n.type, a.value, a.closed, a.started, a.status, a.part FROM attributes a JOIN attribute_names n ON n.id = a.attr WHERE a.id = ?")
	return err
}

// Close closes the index.
func (s *Stopped) Close() error {
	for _, statement := range []*sql.Stmt{s.find, s.attrs} {
		if statement != nil {
			_ = statement.Close()
		}
	}
	return s.db.Close()
}

// Positions are how far the change log of each shard has been applied.
func (s *Stopped) Positions(ctx context.Context) (map[storage.ShardID]int64, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT shard, through FROM positions")
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

var errMissing = errors.New("the index does not have it")

// Compare looks up the row of a change, which is one that sets it, and says what is wrong with it; nil if nothing is. err is
// that the index cannot be read.
func (s *Stopped) Compare(ctx context.Context, c *visibility.Change) (wrong, err error) {
	now, got, err := s.look(ctx, c.Namespace, c.ID)
	if err != nil || now.id == 0 {
		return errMissing, err
	}
	namespace := s.partitions[partitionName{namespace: c.Namespace}]
	part := namespace
	if c.Division != nil {
		part = s.partitions[partitionName{c.Namespace, *c.Division, true}]
	}
	want, values, err := columnsOf(c, part, namespace)
	if err != nil {
		return nil, err
	}
	names := strings.Fields(strings.ReplaceAll(runColumns, ",", " "))
	for i := range values {
		if !sameValue(values[i], got[i]) {
			return fmt.Errorf("its %s in the index is %v, where its records have %v", names[i], shown(got[i]), shown(values[i])), nil
		}
	}
	want.id = now.id
	return s.compareAttributes(ctx, c, want)
}

// Account looks up a row that is not to be compared, as the index has not been told of its last change yet.
func (s *Stopped) Account(ctx context.Context, namespace, id string) error {
	_, _, err := s.look(ctx, namespace, id)
	return err
}

// look finds a row, and notes that it was met. The id is 0 if there is none.
func (s *Stopped) look(ctx context.Context, namespace, id string) (stored, []any, error) {
	part, ok := s.partitions[partitionName{namespace: namespace}]
	if !ok {
		return stored{}, nil, nil
	}
	var row stored
	values := make([]any, strings.Count(runColumns, ",")+1)
	into := []any{&row.id}
	for i := range values {
		into = append(into, &values[i])
	}
	err := s.find.QueryRowContext(ctx, id, part).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return stored{}, nil, nil
	}
	if err != nil {
		return stored{}, nil, failure("reading a row", err)
	}
	s.mu.Lock()
	s.met.add(row.id)
	s.mu.Unlock()
	return row, values, nil
}

// compareAttributes compares the search attributes of a row. One whose type has changed since it was
// indexed is found by the values of the old one, and is not compared.
func (s *Stopped) compareAttributes(ctx context.Context, c *visibility.Change, row stored) (wrong, err error) {
	if len(row.rest) == 0 {
		return nil, nil
	}
	rows, err := s.attrs.QueryContext(ctx, row.id)
	if err != nil {
		return nil, failure("reading search attributes", err)
	}
	defer rows.Close()
	type indexedAs struct {
		kind   int32
		values map[any]bool
	}
	found := make(map[string]*indexedAs)
	for rows.Next() {
		var name string
		var kind int32
		var value any
		at := stored{id: row.id, rest: row.rest}
		if err := rows.Scan(&name, &kind, &value, &at.closed, &at.started, &at.status, &at.part); err != nil {
			return nil, failure("reading search attributes", err)
		}
		if at.closed != row.closed || at.started != row.started || at.status != row.status || at.part != row.part {
			return fmt.Errorf("its search attribute %s is sorted otherwise than the row itself", name), nil
		}
		if found[name] == nil {
			found[name] = &indexedAs{kind, make(map[any]bool)}
		}
		if text, ok := value.([]byte); ok {
			value = string(text)
		}
		found[name].values[value] = true
	}
	if err := rows.Err(); err != nil {
		return nil, failure("reading search attributes", err)
	}
	for i := range c.Attributes {
		attribute := &c.Attributes[i]
		is, values := found[attribute.Name], indexed(attribute)
		switch {
		case is == nil && len(values) == 0:
		case is == nil:
			return fmt.Errorf("it is not found by its search attribute %s", attribute.Name), nil
		case is.kind != int32(attribute.Type):
		case slices.ContainsFunc(values, func(value any) bool { return !is.values[value] }) || len(is.values) > len(values):
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

// Rest calls problem for what is wrong with the index itself, and for each row that was neither compared nor looked up: there is
// nothing of which it could be the row.
func (s *Stopped) Rest(ctx context.Context, problem func(namespace, workflowID string, err error)) error {
	if err := s.checkItself(ctx, problem); err != nil {
		return failure("checking", err)
	}
	rows, err := s.db.QueryContext(ctx, "SELECT r.id, p.namespace, r.workflow_id, r.run_id FROM runs r LEFT JOIN partitions p ON p.id = r.namespace")
	if err != nil {
		return failure("listing", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var namespace sql.NullString
		var workflowID, runID string
		if err := rows.Scan(&id, &namespace, &workflowID, &runID); err != nil {
			return failure("listing", err)
		}
		if !s.met.has(id) {
			problem(namespace.String, workflowID, fmt.Errorf("row %s of the index is of nothing that there is", runID))
		}
	}
	return failure("listing", rows.Err())
}

// checkItself checks what SQLite can tell of the file, that the counts are those of the rows, and that no search attribute is
// of no row.
func (s *Stopped) checkItself(ctx context.Context, problem func(namespace, workflowID string, err error)) error {
	for _, query := range []struct{ text, says string }{
		{"SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok' LIMIT 20", "the file of the index: %s"},
		{`SELECT 'part ' || part || ', status ' || status || ': ' || sum(n) FROM
		   (SELECT part, status, n FROM counts UNION ALL SELECT part, status, -count(*) FROM runs GROUP BY part, status)
		  GROUP BY part, status HAVING sum(n) <> 0 LIMIT 20`, "the counts of the index are not those of its rows: %s too many"},
		{"SELECT 'row ' || id FROM attributes a WHERE NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = a.id) GROUP BY id LIMIT 20", "search attributes are of no row: %s"},
	} {
		rows, err := s.db.QueryContext(ctx, query.text)
		if err != nil {
			return err
		}
		for rows.Next() {
			var what string
			if err := rows.Scan(&what); err != nil {
				return errors.Join(err, rows.Close())
			}
			problem("", "", fmt.Errorf(query.says, what))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
	}
	return nil
}

// sameValue reports whether a column has the value that it is to have. Blobs are records.WorkflowRows.
func sameValue(want, got any) bool {
	switch want := want.(type) {
	case []byte:
		blob, _ := got.([]byte)
		if bytes.Equal(want, blob) {
			return true
		}
		a, b := new(records.WorkflowRow), new(records.WorkflowRow)
		return proto.Unmarshal(want, a) == nil && proto.Unmarshal(blob, b) == nil && proto.Equal(a, b)
	case string:
		if blob, ok := got.([]byte); ok {
			return want == string(blob)
		}
	}
	return want == got
}

// shown is a value for people.
func shown(value any) any {
	if blob, ok := value.([]byte); ok {
		row := new(records.WorkflowRow)
		if proto.Unmarshal(blob, row) == nil {
			return "{" + row.String() + "}"
		}
	}
	return value
}

// bitset is a set of small numbers.
type bitset []uint64

func (b *bitset) add(n int64) {
	word := int(n / bits.UintSize)
	if word >= len(*b) {
		*b = append(*b, make([]uint64, word+1-len(*b))...)
	}
	(*b)[word] |= 1 << (n % bits.UintSize)
}

func (b bitset) has(n int64) bool {
	word := int(n / bits.UintSize)
	return word < len(b) && b[word]&(1<<(n%bits.UintSize)) != 0
}
