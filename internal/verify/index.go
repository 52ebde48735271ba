package verify

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/visibility"
)

// An index is behind the records by what is in the change logs and was not applied to it. So a row is
// to be what the last entry of the log says that the index has not read; if there is none, what the index says.
// Both are compared with what the records of the entity make of the row (entity.Indexed).

// Index is the index of a stopped server. Its methods may be called from many goroutines at once.
type Index interface {
	// Positions are how far the change log of each shard has been applied.
	Positions(ctx context.Context) (map[storage.ShardID]int64, error)
	// Compare looks a row up and says what is wrong with it; nil if nothing is.
	Compare(ctx context.Context, row *visibility.Change) (wrong, err error)
	// Account looks up a row that is not to be compared.
	Account(ctx context.Context, namespace, id string) error
	// Rest tells what is wrong with the index itself, and each row that was not looked up.
	Rest(ctx context.Context, problem func(namespace, workflowID string, err error)) error
	Close() error
}

// indexJob is the comparison of an index. A nil one is none.
type indexJob struct {
	Index
	positions map[storage.ShardID]int64
	types     map[string]map[string]searchattribute.Type // of custom search attributes, by namespace
}

// rows is the comparison of the rows of one shard. A nil one is none.
type rows struct {
	*indexJob
	job    *job
	shard  storage.ShardID
	behind map[rowKey]runtime.Change // what the index has not read
}

type rowKey struct{ namespace, id string }

// beginIndex prepares the comparison, if there is to be one. An index that a server would not use but build anew
// is left alone.
func (j *job) beginIndex(ctx context.Context) error {
	if j.options.Index == nil {
		return nil
	}
	index, err := j.options.Index(ctx)
	if errors.Is(err, visibility.ErrCorrupt) {
		j.report.IndexStale = fmt.Errorf("%w: the next server builds it anew", err)
		return nil
	}
	if err != nil || index == nil {
		return err
	}
	if err := j.openIndex(ctx, &indexJob{Index: index}); err != nil || j.index == nil {
		return errors.Join(err, index.Close())
	}
	return nil
}

func (j *job) openIndex(ctx context.Context, x *indexJob) (err error) {
	if x.positions, err = x.Positions(ctx); err != nil {
		return err
	}
	for id := range storage.ShardID(j.store.Shards()) {
		trimmed, err := runtime.TrimmedIn(ctx, j.store, id)
		if err != nil {
			return err
		}
		if position, ok := x.positions[id]; position < trimmed || !ok && trimmed > 0 {
			j.report.IndexStale = fmt.Errorf("the index is older than what is left of the change log of shard %d: the next server builds it anew", id)
			return nil
		}
	}
	if x.types, err = j.attributeTypes(ctx); err != nil {
		return err
	}
	j.index = x
	return nil
}

func (j *job) closeIndex() error {
	if j.index == nil {
		return nil
	}
	return j.index.Close()
}

// attributeTypes reads the custom search attributes of all namespaces. If they do not decode there are none: that
// is told when they are verified.
func (j *job) attributeTypes(ctx context.Context) (map[string]map[string]searchattribute.Type, error) {
	registry, ok := j.options.Machines[entity.KindNamespaces].(*namespace.Registry)
	if !ok {
		return nil, nil
	}
	r := &reader{ctx: ctx, store: j.store, shard: runtime.ShardOf(namespace.Key, j.store.Layout()), prefix: runtime.RecordPrefix(namespace.Key)}
	e, err := registry.Load(ctx, r, namespace.Key)
	if err != nil {
		return nil, r.err
	}
	return namespace.AttributeTypes(e), nil
}

// shard begins the comparison of a shard: it reads what the index has not.
func (x *indexJob) shard(ctx context.Context, j *job, id storage.ShardID) (*rows, error) {
	if x == nil {
		return nil, nil
	}
	s := &rows{indexJob: x, job: j, shard: id, behind: make(map[rowKey]runtime.Change)}
	err := runtime.ChangesIn(ctx, j.store, id, x.positions[id], func(c runtime.Change) { s.behind[rowKey{c.Entity.Namespace, c.ID}] = c })
	return s, err
}

// compare compares the rows of an entity.
func (s *rows) compare(ctx context.Context, r *reader, machine entity.Indexed, key entity.Key) error {
	if s == nil {
		return nil
	}
	entries, err := machine.IndexRows(ctx, r, key)
	if err != nil {
		return r.err // else the entity was told already
	}
	for _, entry := range entries {
		if err := s.compareRow(ctx, key, entry); err != nil {
			return err
		}
	}
	return nil
}

func (s *rows) compareRow(ctx context.Context, key entity.Key, entry entity.IndexEntry) error {
	c, err := visibility.DecodeChange(key.Namespace, entry.ID, entry.Row, func(namespace string) map[string]searchattribute.Type { return s.types[namespace] })
	if err != nil {
		s.problem(key, err)
		return nil
	}
	c.Shard = s.shard
	at := rowKey{key.Namespace, entry.ID}
	var wrong error
	if logged, ok := s.behind[at]; ok {
		delete(s.behind, at)
		wrong = compareLogged(logged, entry)
		err = s.Account(ctx, key.Namespace, entry.ID)
	} else {
		wrong, err = s.Compare(ctx, &c)
	}
	if err != nil {
		return err
	}
	s.job.mu.Lock()
	s.job.report.Rows++
	s.job.mu.Unlock()
	if wrong != nil {
		s.problem(key, fmt.Errorf("row %s: %w", entry.ID, wrong))
	}
	return nil
}

// compareLogged compares the row of an entry of the change log with the one that the records make.
func compareLogged(logged runtime.Change, entry entity.IndexEntry) error {
	if logged.Row == nil {
		return errors.New("it is removed by the change log, and its entity is there")
	}
	was, is := new(records.WorkflowRow), new(records.WorkflowRow)
	if err := errors.Join(proto.Unmarshal(logged.Row, was), proto.Unmarshal(entry.Row, is)); err != nil {
		return err
	}
	for _, row := range []*records.WorkflowRow{was, is} {
		if visibility.Open(row.Status) {
			row.HistoryLength, row.HistorySize, row.StateTransitionCount = 0, 0, 0 // said of closed ones only
		}
	}
	if !proto.Equal(was, is) {
		return fmt.Errorf("it is {%v} in the change log, where its records have {%v}", was, is)
	}
	return nil
}

// end looks at what the index has not read and nothing has accounted for.
func (s *rows) end(ctx context.Context) error {
	if s == nil {
		return nil
	}
	for at, logged := range s.behind {
		if err := s.Account(ctx, at.namespace, at.id); err != nil {
			return err
		}
		if logged.Row != nil {
			s.problem(logged.Entity, fmt.Errorf("row %s: it is in the change log, and nothing that it could be of is there", at.id))
		}
	}
	return nil
}

func (s *rows) problem(key entity.Key, err error) { s.job.indexProblem(s.shard, key, err) }

// endIndex looks at what is left when all rows that there are to be have been compared.
func (j *job) endIndex(ctx context.Context) error {
	if j.index == nil {
		return nil
	}
	return j.index.Rest(ctx, func(namespace, workflowID string, err error) {
		key := entity.Key{}
		if workflowID != "" {
			key = entity.Key{Kind: entity.KindWorkflow, Namespace: namespace, ID: workflowID}
		}
		j.indexProblem(0, key, err)
	})
}

func (j *job) indexProblem(shard storage.ShardID, key entity.Key, err error) {
	j.mu.Lock()
	j.report.IndexProblems++
	j.mu.Unlock()
	j.problem(shard, key, fmt.Errorf("%w: %w", ErrIndex, err))
}

// ErrIndex is wrapped by the problems of the index.
var ErrIndex = errors.New("index of what can be listed")
