package visibility

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/visibility/query"
)

// Index keeps the rows of all namespaces and finds them. Its methods may be called from
// many goroutines at once, but for Apply and Sync, which one goroutine calls.
//
// Rows are in one order in all lists whose query has no other: those that are open first, then by the time they
// closed, the latest first; those that are equal in that by the time they started, the
// latest first; then in some order that does not change.
type Index interface {
	// Positions are how far the change log of each shard has been applied: the
	// greatest Batch.Through of those that are durable.
	Positions(ctx context.Context) (map[storage.ShardID]int64, error)
	// Apply carries out all of the batch or, on an error, nothing of it. When it
	// returns, lists see it. A power cut may lose it, with those that came after it.
	Apply(ctx context.Context, batch *Batch) error
	// Sync makes durable what has been applied.
	Sync(ctx context.Context) error
	// List returns a page of the rows of a namespace. Rows that do not change are
	// on exactly one page, whatever comes and goes in between.
	List(ctx context.Context, request ListRequest) (*Page, error)
	// Count counts the rows of a namespace: one group for each value of the
	// query's GroupBy, in order of the values, or a single one without a value.
	Count(ctx context.Context, namespace string, q *query.Query) ([]Group, error)
	// Close releases everything.
	Close() error
}

// Dir is the directory of the index in a data directory.
const Dir = "visibility"

// ErrCorrupt is wrapped by the errors of an index that is damaged beyond use: it has
// to be built anew.
var ErrCorrupt = errors.New("the visibility index is damaged")

// Shared is an Index that several indexers write, each the rows of the shards it holds.
type Shared interface {
	Index
	// Clear removes all rows of a shard, and its position, so that it can be filled anew.
	Clear(ctx context.Context, shard storage.ShardID) error
	// Split has the child, which is to be made of a part of the parent, begin where the parent is. Its rows stay with the
	// parent until they are applied anew; until Adopted it is one of Orphans.
	Split(ctx context.Context, parent, child storage.ShardID) error
	// Orphans are the shards that were made by splits and some of whose rows may be with others.
	Orphans(ctx context.Context) ([]storage.ShardID, error)
	// Adopted notes that all rows of the shard are its own.
	Adopted(ctx context.Context, shard storage.ShardID) error
}

// ErrMoved is wrapped by the error of Apply of an index that is shared, if another indexer has gone on
// with one of the shards. Nothing of the batch was applied.
var ErrMoved = errors.New("another indexer has gone on with the shard")

// Batch is changes that are applied together, in order: of two for the same row the
// later one stands.
type Batch struct {
	Changes []Change
	// Through is how far the log of each shard has been read with this batch. Shards
	// that are not named stay where they were.
	Through map[storage.ShardID]int64
}

// Change sets a row, or removes it.
type Change struct {
	// Shard is the one whose log has the change.
	Shard storage.ShardID
	// Namespace is the id of the row's namespace, and ID the row's among all of it.
	Namespace, ID string
	// Row is nil if the row is removed.
	Row *records.WorkflowRow
	// Division is the namespace division of the row; nil if it is in none.
	Division *string
	// Attributes are the search attributes of the row, but for TemporalNamespaceDivision,
	// and for those that are fields of the row.
	Attributes []Attribute
}

// Attribute is a search attribute of a row.
type Attribute struct {
	Name string
	Type searchattribute.Type
	// Values are string, int64, float64, bool or time.Time: one, but any number for
	// a list of keywords. Text is one string.
	Values []any
}

// ListRequest asks for a page.
type ListRequest struct {
	// Namespace is the id of a namespace.
	Namespace string
	Query     *query.Query
	// Size is the most rows of the page, at least one.
	Size int
	// After is the last row of the page before; nil for the first page.
	After *Cursor
}

// Page is rows in order.
type Page struct {
	Rows []*records.WorkflowRow
	// Last is where the next page begins; nil if there is none.
	Last *Cursor
}

// Cursor is the place of a row in the order of a list. What it is made of is the index's
// business; any one that a client makes up is some place.
type Cursor struct {
	Closed, Started, ID int64
	// By has a value for each of the query's OrderBy: nil, int64, float64 or string.
	By []any
}

// Group is a count of rows.
type Group struct {
	// Value is the value of the attribute that groups: a string, "" for rows without
	// one; nil if the query has no such attribute.
	Value any
	Count int64
}

// Open reports whether a run of the status has not closed.
func Open(status enumspb.WorkflowExecutionStatus) bool {
	return status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || status == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
}

// Duration is how long a closed run has been executed: from the time its first
// workflow task was due. One that has closed before has not been executed at all.
func Duration(row *records.WorkflowRow) time.Duration {
	return max(0, row.CloseTime.AsTime().Sub(row.ExecutionTime.AsTime()))
}
