package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/clause"
)

// Apply implements visibility.Index. It fails with visibility.ErrMoved if another indexer has gone on with
// one of the shards.
func (x *Index) Apply(ctx context.Context, batch *visibility.Batch) error {
	a := &application{index: x, ctx: ctx, counts: make(map[countKey]int64), partitions: make(map[partitionName]int64), attributes: make(map[attributeName]int64)}
	err := pgx.BeginFunc(ctx, x.write, func(tx pgx.Tx) error {
		a.tx = tx
		if err := a.move(batch.Through); err != nil {
			return err
		}
		if err := a.rows(latest(batch.Changes)); err != nil {
			return err
		}
		return a.count()
	})
	if err != nil {
		return failure("applying a batch", err)
	}
	for key, id := range a.partitions {
		keep(&x.names, &x.names.partitions, key, id)
	}
	for key, id := range a.attributes {
		keep(&x.names, &x.names.attributes, key, id)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	maps.Copy(x.at, batch.Through)
	return nil
}

// latest returns the last change of each row.
func latest(changes []visibility.Change) []*visibility.Change {
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

type rowKey struct{ namespace, id string }

// application is a batch being applied.
type application struct {
	index  *Index
	ctx    context.Context
	tx     pgx.Tx
	counts map[countKey]int64
	// partitions and attributes have the ids that were looked up. They are cached for others once the
	// transaction is over.
	partitions map[partitionName]int64
	attributes map[attributeName]int64
}

type countKey struct {
	part   int64
	status int32
}

// move writes the positions, each only if it is where this indexer has left it.
func (a *application) move(through map[storage.ShardID]int64) error {
	for _, shard := range slices.Sorted(maps.Keys(through)) {
		a.index.mu.Lock()
		at, known := a.index.at[shard]
		a.index.mu.Unlock()
		statement, args := "INSERT INTO perdure_visibility_positions (shard, through) VALUES ($1, $2) ON CONFLICT (shard) DO NOTHING", []any{int32(shard), through[shard]}
		if known {
			statement, args = "UPDATE perdure_visibility_positions SET through = $2 WHERE shard = $1 AND through = $3", append(args, at)
		}
		tag, err := a.tx.Exec(a.ctx, statement, args...)
		if err != nil {
			return err
		}
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("shard %d: %w", shard, visibility.ErrMoved)
		}
	}
	return nil
}

// stored is what a row is at present.
type stored struct {
	id, part int64
	status   int32
	shard    storage.ShardID
}

// find reads what the rows are at present, and locks them in the order of their ids, as whoever else has some of them does.
func (a *application) find(changes []*visibility.Change, namespaces []int64) (map[rowKey]stored, error) {
	ids := make([][]byte, len(changes))
	of := make(map[int64]string, 4)
	for i, c := range changes {
		ids[i] = []byte(c.ID)
		of[namespaces[i]] = c.Namespace
	}
	rows, err := a.tx.Query(a.ctx, `SELECT r.id, r.part, r.status, r.shard, r.run_id, r.namespace FROM unnest($1::bytea[], $2::int8[]) AS u(run_id, namespace)
		JOIN perdure_visibility_runs AS r ON r.run_id = u.run_id AND r.namespace = u.namespace ORDER BY r.id FOR UPDATE OF r`, ids, namespaces)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[rowKey]stored)
	for rows.Next() {
		var s stored
		var id []byte
		var namespace int64
		var shard int32
		if err := rows.Scan(&s.id, &s.part, &s.status, &shard, &id, &namespace); err != nil {
			return nil, err
		}
		s.shard = storage.ShardID(shard)
		found[rowKey{of[namespace], string(id)}] = s
	}
	return found, rows.Err()
}

// rows writes the rows and their attributes.
func (a *application) rows(changes []*visibility.Change) error {
	if len(changes) == 0 {
		return nil
	}
	namespaces := make([]int64, len(changes))
	for i, c := range changes {
		var err error
		if namespaces[i], err = a.partition(c.Namespace, nil); err != nil {
			return err
		}
	}
	found, err := a.find(changes, namespaces)
	if err != nil {
		return err
	}
	var fresh, known table
	known.replace = true
	next := a.index.newIDs(len(changes))
	for i, c := range changes {
		old, there := found[rowKey{c.Namespace, c.ID}]
		if there && old.shard > c.Shard {
			continue // what it is about has gone to a shard made of this one, whose log is further
		}
		w := &fresh
		if there {
			w = &known
			a.counts[countKey{old.part, old.status}]--
			w.old = append(w.old, old.id)
		}
		if c.Row == nil {
			if there {
				w.removed = append(w.removed, old.id)
			}
			continue
		}
		part := namespaces[i]
		if c.Division != nil {
			if part, err = a.partition(c.Namespace, c.Division); err != nil {
				return err
			}
		}
		id := old.id
		if !there {
			id = next + int64(i)
		}
		a.counts[countKey{part, int32(c.Row.Status)}]++
		if err := w.add(c, id, part, namespaces[i]); err != nil {
			return err
		}
		for j := range c.Attributes {
			attr, err := a.attribute(c.Namespace, &c.Attributes[j])
			if err != nil {
				return err
			}
			w.addAttribute(attr, &c.Attributes[j])
		}
	}
	b := &pgx.Batch{}
	known.queue(b)
	fresh.queue(b)
	if b.Len() == 0 {
		return nil
	}
	return a.tx.SendBatch(a.ctx, b).Close()
}

// count adds up the counts. In one order, as others do it at the same time.
func (a *application) count() error {
	keys := slices.SortedFunc(maps.Keys(a.counts), func(a, b countKey) int {
		return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.status, b.status))
	})
	for _, key := range keys {
		if a.counts[key] == 0 {
			continue
		}
		if _, err := a.tx.Exec(a.ctx, `INSERT INTO perdure_visibility_counts (part, status, slot, n) VALUES ($1, $2, $3, $4)
			ON CONFLICT (part, status, slot) DO UPDATE SET n = perdure_visibility_counts.n + excluded.n`, key.part, key.status, a.index.slot, a.counts[key]); err != nil {
			return err
		}
	}
	return nil
}

// table is rows on their way into the database, by columns.
type table struct {
	// replace: the rows are there, and are replaced. Else they are new, and it is an error if there are
	// others with their ids.
	replace      bool
	old, removed []int64 // ids of rows that are replaced or removed, and of those that are removed

	ids, parts, namespaces, closed, started, executed           []int64
	shards, statuses                                            []int32
	runs, workflows, types, queues, rest                        [][]byte
	parents, parentRuns, roots, rootRuns                        [][]byte
	lengths, sizes, transitions, durations                      []*int64
	attributeIDs, attributes, attributesClosed, attributesStart []int64
	values                                                      [][]byte
}

func (w *table) add(c *visibility.Change, id, part, namespace int64) error {
	row := c.Row
	closed := int64(clause.EndOfTime)
	var length, size, transitions, duration *int64
	if !visibility.Open(row.Status) {
		closed = min(clause.Nanos(row.CloseTime.AsTime()), clause.EndOfTime-1)
		took := int64(visibility.Duration(row))
		length, size, transitions, duration = &row.HistoryLength, &row.HistorySize, &row.StateTransitionCount, &took
	}
	rest, err := encodeRest(row)
	if err != nil {
		return err
	}
	var root, rootRun []byte
	if r := row.Root; r.GetWorkflowId() != "" && (r.WorkflowId != row.WorkflowId || r.RunId != c.ID) {
		root, rootRun = []byte(r.WorkflowId), []byte(r.RunId)
	}
	w.ids, w.shards, w.parts, w.namespaces = append(w.ids, id), append(w.shards, int32(c.Shard)), append(w.parts, part), append(w.namespaces, namespace)
	w.runs, w.workflows = append(w.runs, []byte(c.ID)), append(w.workflows, []byte(row.WorkflowId))
	w.types, w.queues = append(w.types, []byte(row.WorkflowType)), append(w.queues, []byte(row.TaskQueue))
	w.statuses, w.closed = append(w.statuses, int32(row.Status)), append(w.closed, closed)
	w.started, w.executed = append(w.started, clause.Nanos(row.StartTime.AsTime())), append(w.executed, clause.Nanos(row.ExecutionTime.AsTime()))
	w.parents, w.parentRuns = append(w.parents, optional(row.Parent.GetWorkflowId())), append(w.parentRuns, optional(row.Parent.GetRunId()))
	w.roots, w.rootRuns = append(w.roots, root), append(w.rootRuns, rootRun)
	w.lengths, w.sizes = append(w.lengths, length), append(w.sizes, size)
	w.transitions, w.durations = append(w.transitions, transitions), append(w.durations, duration)
	w.rest = append(w.rest, rest)
	return nil
}

// addAttribute adds an attribute of the row that was added last.
func (w *table) addAttribute(attr int64, attribute *visibility.Attribute) {
	last := len(w.ids) - 1
	for _, value := range indexed(attribute) {
		w.attributeIDs, w.attributes, w.values = append(w.attributeIDs, w.ids[last]), append(w.attributes, attr), append(w.values, value)
		w.attributesClosed, w.attributesStart = append(w.attributesClosed, w.closed[last]), append(w.attributesStart, w.started[last])
	}
}

// runColumns are the columns of a row, in the order of the fields of a table.
const runColumns = "id, shard, part, namespace, run_id, workflow_id, workflow_type, task_queue, status, closed, started, executed, " +
	"parent_workflow_id, parent_run_id, root_workflow_id, root_run_id, history_length, history_size, transitions, duration, rest"

const insertRuns = `INSERT INTO perdure_visibility_runs (` + runColumns + `)
	SELECT * FROM unnest($1::int8[], $2::int4[], $3::int8[], $4::int8[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[], $9::int4[], $10::int8[], $11::int8[],
		$12::int8[], $13::bytea[], $14::bytea[], $15::bytea[], $16::bytea[], $17::int8[], $18::int8[], $19::int8[], $20::int8[], $21::bytea[])`

const replaceRuns = ` ON CONFLICT (id) DO UPDATE SET shard = excluded.shard, part = excluded.part, workflow_id = excluded.workflow_id, workflow_type = excluded.workflow_type,
		task_queue = excluded.task_queue, status = excluded.status, closed = excluded.closed, started = excluded.started, executed = excluded.executed,
		parent_workflow_id = excluded.parent_workflow_id, parent_run_id = excluded.parent_run_id, root_workflow_id = excluded.root_workflow_id,
		root_run_id = excluded.root_run_id, history_length = excluded.history_length, history_size = excluded.history_size,
		transitions = excluded.transitions, duration = excluded.duration, rest = excluded.rest`

// queue adds the statements that write the table.
func (w *table) queue(b *pgx.Batch) {
	if len(w.old) > 0 {
		b.Queue("DELETE FROM perdure_visibility_attributes WHERE id = ANY($1::int8[])", w.old)
	}
	if len(w.removed) > 0 {
		b.Queue("DELETE FROM perdure_visibility_runs WHERE id = ANY($1::int8[])", w.removed)
	}
	if len(w.ids) > 0 {
		text := insertRuns
		if w.replace {
			text += replaceRuns
		}
		b.Queue(text,
			w.ids, w.shards, w.parts, w.namespaces, w.runs, w.workflows, w.types, w.queues, w.statuses, w.closed, w.started, w.executed,
			w.parents, w.parentRuns, w.roots, w.rootRuns, w.lengths, w.sizes, w.transitions, w.durations, w.rest)
	}
	if len(w.attributeIDs) > 0 {
		b.Queue(`INSERT INTO perdure_visibility_attributes (id, attr, value, closed, started)
			SELECT * FROM unnest($1::int8[], $2::int8[], $3::bytea[], $4::int8[], $5::int8[]) ON CONFLICT DO NOTHING`,
			w.attributeIDs, w.attributes, w.values, w.attributesClosed, w.attributesStart)
	}
}

// indexed are the values by which an attribute is found.
func indexed(attribute *visibility.Attribute) [][]byte {
	var values [][]byte
	for _, value := range attribute.Values {
		if attribute.Type != enumspb.INDEXED_VALUE_TYPE_TEXT {
			values = append(values, encode(value))
			continue
		}
		for _, word := range clause.Words(value.(string)) {
			values = append(values, encodeText(word))
		}
	}
	return values
}

func optional(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

// encodeRest encodes what of a row is no column; nil if there is nothing.
func encodeRest(row *records.WorkflowRow) ([]byte, error) {
	rest := &records.WorkflowRow{
		Memo: row.Memo, SearchAttributes: row.SearchAttributes, ParentNamespaceId: row.ParentNamespaceId, BuildIds: row.BuildIds,
	}
	if row.FirstRunId != row.RunId {
		rest.FirstRunId = row.FirstRunId
	}
	return proto.Marshal(rest)
}

// partition returns the id of a partition, which is made if need be.
func (a *application) partition(namespace string, division *string) (int64, error) {
	key := partitionName{namespace: namespace}
	if division != nil {
		key.division, key.divided = *division, true
	}
	if id, ok := a.partitions[key]; ok {
		return id, nil
	}
	id, ok := cached(&a.index.names, &a.index.names.partitions, key)
	var err error
	if !ok {
		id, err = a.name("perdure_visibility_partitions", "namespace, divided, division", []byte(namespace), key.divided, []byte(key.division))
	}
	a.partitions[key] = id
	return id, err
}

// attribute returns the id of an attribute, which is made if need be.
func (a *application) attribute(namespace string, attribute *visibility.Attribute) (int64, error) {
	key := attributeName{namespace, attribute.Name, int32(attribute.Type)}
	if id, ok := a.attributes[key]; ok {
		return id, nil
	}
	id, ok := cached(&a.index.names, &a.index.names.attributes, key)
	var err error
	if !ok {
		id, err = a.name("perdure_visibility_names", "namespace, name, type", []byte(namespace), []byte(key.name), key.kind)
	}
	a.attributes[key] = id
	return id, err
}

// name returns the id of the row with the three values, which is made if need be.
func (a *application) name(table, columns string, values ...any) (id int64, err error) {
	if _, err := a.tx.Exec(a.ctx, "INSERT INTO "+table+" (id, "+columns+") VALUES ($1, $2, $3, $4) ON CONFLICT ("+columns+") DO NOTHING",
		append([]any{a.index.newIDs(1)}, values...)...); err != nil {
		return 0, err
	}
	err = a.tx.QueryRow(a.ctx, "SELECT id FROM "+table+" WHERE ("+columns+") = ($1, $2, $3)", values...).Scan(&id)
	return id, err
}
