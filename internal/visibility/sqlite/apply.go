package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/clause"
)

// statements are what Apply executes again and again.
type statements struct {
	find, insert, touch, closed, update, remove  *sql.Stmt
	addAttribute, moveAttributes, dropAttributes *sql.Stmt
	count, position                              *sql.Stmt
	findPartition, addPartition                  *sql.Stmt
	findAttribute, addAttributeName              *sql.Stmt
}

// The columns of a run, in three groups, by how often they change: never as a rule, when a run
// closes, and while it runs. No index has a column of the last group.
const (
	placeColumns = `part, workflow_id, workflow_type, task_queue, started, parent_workflow_id, parent_run_id, root_workflow_id, root_run_id`
	closeColumns = `status, closed, history_length, history_size, transitions, duration`
	touchColumns = `executed, rest`

	runColumns = `namespace, run_id, ` + touchColumns + `, ` + closeColumns + `, ` + placeColumns
)

func prepare(ctx context.Context, conn *sql.Conn) (*statements, error) {
	s := &statements{}
	for _, each := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&s.find, "SELECT id, status, closed, rest, " + placeColumns + " FROM runs WHERE run_id = ? AND namespace = ?"},
		{&s.insert, "INSERT INTO runs (" + runColumns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
		// SQLite removes and adds the entries of each index that has one of the columns, also where the
		// value is as it was; among a million runs each is a page of its own to read and to write.
		{&s.touch, "UPDATE runs SET (" + touchColumns + ") = (?,?) WHERE id = ?"},
		{&s.closed, "UPDATE runs SET (" + touchColumns + ", " + closeColumns + ") = (?,?,?,?,?,?,?,?) WHERE id = ?"},
		{&s.update, "UPDATE runs SET (" + touchColumns + ", " + closeColumns + ", " + placeColumns + ") = (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) WHERE id = ?"},
		{&s.remove, "DELETE FROM runs WHERE id = ?"},
		{&s.addAttribute, "INSERT OR IGNORE INTO attributes (id, attr, value, closed, started, status, part) VALUES (?, ?, ?, ?, ?, ?, ?)"},
		// OR ROLLBACK, as SQLite otherwise keeps a journal of the one statement, for which it
		// allocates and frees 64 KiB.
		{&s.moveAttributes, "UPDATE OR ROLLBACK attributes SET closed = ?, started = ?, status = ?, part = ? WHERE id = ?"},
		{&s.dropAttributes, "DELETE FROM attributes WHERE id = ?"},
		{&s.count, "INSERT INTO counts (part, status, n) VALUES (?, ?, ?) ON CONFLICT (part, status) DO UPDATE SET n = n + excluded.n"},
		{&s.position, "INSERT INTO positions (shard, through) VALUES (?, ?) ON CONFLICT (shard) DO UPDATE SET through = excluded.through"},
		{&s.findPartition, "SELECT id FROM partitions WHERE namespace = ? AND division IS ?"},
		{&s.addPartition, "INSERT INTO partitions (namespace, division) VALUES (?, ?)"},
		{&s.findAttribute, "SELECT id FROM attribute_names WHERE namespace = ? AND name = ? AND type = ?"},
		{&s.addAttributeName, "INSERT INTO attribute_names (namespace, name, type) VALUES (?, ?, ?)"},
	} {
		statement, err := conn.PrepareContext(ctx, each.text)
		if err != nil {
			s.close()
			return nil, err
		}
		*each.to = statement
	}
	return s, nil
}

func (s *statements) close() {
	for _, statement := range []*sql.Stmt{s.find, s.insert, s.touch, s.closed, s.update, s.remove, s.addAttribute, s.moveAttributes, s.dropAttributes,
		s.count, s.position, s.findPartition, s.addPartition, s.findAttribute, s.addAttributeName} {
		if statement != nil {
			_ = statement.Close()
		}
	}
}

// Apply implements visibility.Index.
func (x *Index) Apply(ctx context.Context, batch *visibility.Batch) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	a := &application{index: x, counts: make(map[countKey]int64)}
	err := a.exec1("BEGIN IMMEDIATE")
	if err != nil {
		return failure("beginning to write", err)
	}
	if err = a.batch(ctx, batch); err == nil {
		if err = a.exec1("COMMIT"); err == nil {
			return nil
		}
	}
	// An error may have ended the transaction already.
	_ = a.exec1("ROLLBACK")
	x.names.forget()
	return failure("applying a batch", err)
}

// batch writes all of a batch.
func (a *application) batch(ctx context.Context, batch *visibility.Batch) error {
	s := a.index.statements
	for _, change := range latest(batch.Changes) {
		// Not by the statements, for which the driver would need a goroutine each.
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.change(change); err != nil {
			return fmt.Errorf("row %s: %w", change.ID, err)
		}
	}
	for key, n := range a.counts {
		if n == 0 {
			continue
		}
		if _, err := a.exec(s.count, key.part, key.status, n); err != nil {
			return err
		}
	}
	for shard, through := range batch.Through {
		if _, err := a.exec(s.position, shard, through); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// latest returns the last change of each row.
func latest(changes []visibility.Change) []*visibility.Change {
	type rowKey struct{ namespace, id string }
	at := make(map[rowKey]int, len(changes))
	last := make([]*visibility.Change, 0, len(changes))
	for i := range changes {
		key := rowKey{changes[i].Namespace, changes[i].ID}
		if j, ok := at[key]; ok {
			last[j] = &changes[i]
			continue
		}
		at[key] = len(last)
		last = append(last, &changes[i])
	}
	return last
}

// application is a batch being applied.
type application struct {
	index  *Index
	counts map[countKey]int64
}

type countKey struct {
	part   int64
	status int32
}

// always is the context of statements, which see no other.
var always = context.Background()

func (a *application) exec(statement *sql.Stmt, args ...any) (sql.Result, error) {
	return statement.ExecContext(always, args...)
}

func (a *application) exec1(text string) error {
	_, err := a.index.conn.ExecContext(always, text)
	return err
}

// stored is what a row is at present.
type stored struct {
	id int64
	place
	status int32
	closed int64
	rest   []byte
}

// place is placeColumns.
type place struct {
	part                                int64
	workflowID, workflowType, taskQueue string
	started                             int64
	parent, parentRun, root, rootRun    sql.NullString
}

func (a *application) change(c *visibility.Change) error {
	namespace, err := a.partition(c.Namespace, nil, c.Row != nil)
	if err != nil || namespace == 0 {
		return err
	}
	var old stored
	err = a.index.statements.find.QueryRowContext(always, c.ID, namespace).
		Scan(&old.id, &old.status, &old.closed, &old.rest, &old.part, &old.workflowID, &old.workflowType, &old.taskQueue, &old.started,
			&old.parent, &old.parentRun, &old.root, &old.rootRun)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		old.id = 0
	case err != nil:
		return err
	}
	if old.id != 0 {
		a.counts[countKey{old.part, old.status}]--
	}
	if c.Row == nil {
		return a.remove(old)
	}
	part := namespace
	if c.Division != nil {
		if part, err = a.partition(c.Namespace, c.Division, true); err != nil {
			return err
		}
	}
	return a.set(c, old, part, namespace)
}

func (a *application) remove(old stored) error {
	if old.id == 0 {
		return nil
	}
	if _, err := a.exec(a.index.statements.remove, old.id); err != nil {
		return err
	}
	if len(old.rest) == 0 {
		return nil
	}
	_, err := a.exec(a.index.statements.dropAttributes, old.id)
	return err
}

func (a *application) set(c *visibility.Change, old stored, part, namespace int64) error {
	now, values, err := columnsOf(c, part, namespace)
	if err != nil {
		return err
	}
	a.counts[countKey{part, now.status}]++
	s := a.index.statements
	// The values begin with namespace and run id; then there are 2 of touchColumns and 6 of closeColumns.
	switch now.id = old.id; {
	case old.id == 0:
		var result sql.Result
		if result, err = a.exec(s.insert, values...); err == nil {
			now.id, err = result.LastInsertId()
		}
	case old.place != now.place:
		_, err = a.exec(s.update, append(values[2:], old.id)...)
	case old.status != now.status || now.closed != clause.EndOfTime:
		_, err = a.exec(s.closed, append(values[2:10:10], old.id)...)
	default:
		_, err = a.exec(s.touch, append(values[2:4:4], old.id)...)
	}
	if err != nil {
		return err
	}
	return a.setAttributes(c, old, now)
}

// columnsOf are the values of runColumns for a row, and those of them by which it is compared with the next change of it.
func columnsOf(c *visibility.Change, part, namespace int64) (stored, []any, error) {
	row := c.Row
	now := stored{
		place: place{
			part: part, workflowID: row.WorkflowId, workflowType: row.WorkflowType, taskQueue: row.TaskQueue, started: clause.Nanos(row.StartTime.AsTime()),
			parent: optional(row.Parent.GetWorkflowId()), parentRun: optional(row.Parent.GetRunId()),
		},
		status: int32(row.Status), closed: clause.EndOfTime,
	}
	if root := row.Root; root.GetWorkflowId() != "" && (root.WorkflowId != row.WorkflowId || root.RunId != c.ID) {
		now.root, now.rootRun = sql.NullString{String: root.WorkflowId, Valid: true}, sql.NullString{String: root.RunId, Valid: true}
	}
	var length, size, transitions, duration any
	if !visibility.Open(row.Status) {
		now.closed = min(clause.Nanos(row.CloseTime.AsTime()), clause.EndOfTime-1)
		length, size, transitions, duration = row.HistoryLength, row.HistorySize, row.StateTransitionCount, int64(visibility.Duration(row))
	}
	var err error
	if now.rest, err = encodeRest(row); err != nil {
		return stored{}, nil, err
	}
	return now, []any{
		namespace, c.ID,
		clause.Nanos(row.ExecutionTime.AsTime()), now.rest,
		int64(now.status), now.closed, length, size, transitions, duration,
		part, now.workflowID, now.workflowType, now.taskQueue, now.started, orNull(now.parent), orNull(now.parentRun), orNull(now.root), orNull(now.rootRun),
	}, nil
}

// setAttributes makes the attributes of the run those of the change.
func (a *application) setAttributes(c *visibility.Change, old, now stored) error {
	s := a.index.statements
	if old.id != 0 && len(old.rest) > 0 {
		if string(old.rest) == string(now.rest) {
			if old.closed == now.closed && old.started == now.started && old.status == now.status && old.part == now.part {
				return nil
			}
			_, err := a.exec(s.moveAttributes, now.closed, now.started, now.status, now.part, now.id)
			return err
		}
		if _, err := a.exec(s.dropAttributes, now.id); err != nil {
			return err
		}
	}
	for i := range c.Attributes {
		attribute := &c.Attributes[i]
		attr, err := a.attribute(c.Namespace, attribute)
		if err != nil {
			return err
		}
		for _, value := range indexed(attribute) {
			if _, err := a.exec(s.addAttribute, now.id, attr, value, now.closed, now.started, now.status, now.part); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexed are the values by which an attribute is found.
func indexed(attribute *visibility.Attribute) []any {
	if attribute.Type == enumspb.INDEXED_VALUE_TYPE_TEXT {
		var values []any
		for _, text := range attribute.Values {
			for _, word := range clause.Words(text.(string)) {
				values = append(values, word)
			}
		}
		return values
	}
	values := make([]any, len(attribute.Values))
	for i, value := range attribute.Values {
		values[i] = bound(value)
	}
	return values
}

// bound is a value as it is stored and as parameters are.
func bound(value any) any {
	switch v := value.(type) {
	case time.Time:
		return clause.Nanos(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	}
	return value
}

func optional(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }

func orNull(text sql.NullString) any {
	if !text.Valid {
		return nil
	}
	return text.String
}

// encodeRest encodes what of a row is no column; nil if there is nothing.
func encodeRest(row *records.WorkflowRow) ([]byte, error) {
	rest := &records.WorkflowRow{
		Memo: row.Memo, SearchAttributes: row.SearchAttributes, ParentNamespaceId: row.ParentNamespaceId, BuildIds: row.BuildIds,
	}
	if row.FirstRunId != row.RunId {
		rest.FirstRunId = row.FirstRunId
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(rest)
	if len(data) == 0 {
		return nil, err
	}
	return data, err
}

// partition returns the id of a partition, which is made if need be; 0 if it is not there
// and not to be made.
func (a *application) partition(namespace string, division *string, create bool) (int64, error) {
	key := partitionName{namespace: namespace}
	if division != nil {
		key.division, key.divided = *division, true
	}
	if id, ok := cached(&a.index.names, &a.index.names.partitions, key); ok {
		return id, nil
	}
	s := a.index.statements
	id, err := a.find(s.findPartition, namespace, division)
	if err == nil && id == 0 && create {
		id, err = a.add(s.addPartition, namespace, division)
	}
	if err == nil && id != 0 {
		keep(&a.index.names, &a.index.names.partitions, key, id)
	}
	return id, err
}

// attribute returns the id of an attribute, which is made if need be.
func (a *application) attribute(namespace string, attribute *visibility.Attribute) (int64, error) {
	key := attributeName{namespace, attribute.Name, int32(attribute.Type)}
	if id, ok := cached(&a.index.names, &a.index.names.attributes, key); ok {
		return id, nil
	}
	s := a.index.statements
	id, err := a.find(s.findAttribute, namespace, attribute.Name, key.kind)
	if err == nil && id == 0 {
		id, err = a.add(s.addAttributeName, namespace, attribute.Name, key.kind)
	}
	if err == nil {
		keep(&a.index.names, &a.index.names.attributes, key, id)
	}
	return id, err
}

// find returns the id that a statement selects; 0 if there is none.
func (a *application) find(statement *sql.Stmt, args ...any) (id int64, err error) {
	err = statement.QueryRowContext(always, args...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

func (a *application) add(statement *sql.Stmt, args ...any) (int64, error) {
	result, err := a.exec(statement, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}
