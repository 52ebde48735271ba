package workflow

import (
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A run is taken over from another server in two phases, so that it is running in one place at
// most, and never in none for good (package importer has the whole of it):
//
//   - its history is copied here, event by event (ImportEvents). It is held: nobody sees the
//     run, and nothing becomes of it. CheckImport tells whether it could run;
//   - when it has been terminated there, and the events have come that were added in the meantime, it
//     is made to run (ActivateImport). Its state is the fold of its events; what they do not say (the attempts
//     of activities) comes with the call.
//
// While a run is held, no other can be started with its workflow id, and messages for the
// chain wait: they may be for that run.

// ImportDivision is the namespace division of the rows of held runs in the index.
const ImportDivision = "PerdureImport"

// importBatchBytes is how large the batches are in which imported histories are kept.
const importBatchBytes = 64 << 10

var errImporting = errors.New("workflow: a run of it is being imported, and not running yet")

// importing reports whether a run is held.
func (c *Chain) importing() bool { return c.record != nil && len(c.record.Imports) > 0 }

func (c *Chain) errBeingImported() error {
	held := c.record.Imports[0]
	return serviceerror.NewWorkflowExecutionAlreadyStarted(
		fmt.Sprintf("Workflow execution is being imported. WorkflowId: %v, RunId: %v.", c.key.ID, held.RunId), "", held.RunId)
}

// held is the run that is held with the id; nil if there is none.
func (c *Chain) held(runID string) *records.Import {
	i := slices.IndexFunc(c.record.GetImports(), func(h *records.Import) bool { return h.RunId == runID })
	if i < 0 {
		return nil
	}
	return c.record.Imports[i]
}

// ImportState is how far the import of a run is.
type ImportState struct {
	// Held: a part of its history is here, up to before NextEventID.
	Held        bool
	NextEventID int64
	Source      string
	// Imported: the run is one of the chain. Closed says whether it has closed since.
	Imported, Closed bool
}

// DescribeImport tells how far the import of the run is; nothing is set if it was not begun.
func (c *Chain) DescribeImport(reader entity.Reader, runID string) (ImportState, error) {
	if h := c.held(runID); h != nil {
		return ImportState{Held: true, NextEventID: h.NextEventId, Source: h.Source}, nil
	}
	run, err := c.findRunWith(func() entity.Reader { return reader }, runID)
	if notFound(err) {
		return ImportState{}, nil
	}
	if err != nil {
		return ImportState{}, err
	}
	return ImportState{Imported: true, NextEventID: run.state.NextEventId, Closed: run.closed()}, nil
}

// ImportEvents takes up the next events of a run of another server, and returns the id of the
// one that is to come next. Those that it has already are passed over. It fails with
// WorkflowExecutionAlreadyStarted if another run of the workflow is running here, with
// FailedPrecondition if this one has been imported, with InvalidArgument for events that cannot be.
func (c *Chain) ImportEvents(step *entity.Step, runID, source string, events []*historypb.HistoryEvent) (int64, error) {
	h := c.held(runID)
	if h == nil {
		if err := c.checkNewImport(step, runID); err != nil {
			return 0, err
		}
		h = &records.Import{RunId: runID, NextEventId: 1, Source: source}
	}
	if len(events) == 0 {
		return h.NextEventId, nil
	}
	next := h.NextEventId
	var batches []historyBatch
	for _, e := range events {
		switch {
		case e.GetEventId() < next:
			continue
		case e.GetEventId() > next:
			return 0, serviceerror.NewInvalidArgumentf("events from %d on are missing, the next one has the id %d", next, e.GetEventId())
		case (next == 1) != (e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED):
			return 0, serviceerror.NewInvalidArgument(errNotFirst.Error())
		}
		if err := c.adopt(e); err != nil {
			return 0, serviceerror.NewInvalidArgumentf("event %d, %v: %v", e.GetEventId(), e.GetEventType(), err)
		}
		if n := len(batches); n == 0 || len(batches[n-1].data) >= importBatchBytes {
			batches = append(batches, historyBatch{first: next})
		}
		b := &batches[len(batches)-1]
		b.data, b.last = appendEvent(b.data, e), next
		next++
	}
	if h.NextEventId == 1 && next > 1 {
		if c.record == nil {
			c.record = new(records.Chain)
		}
		c.record.Imports = append(c.record.Imports, h)
		h.StartTime = events[0].EventTime
		h.WorkflowType = events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
		if step.Indexed() {
			step.Index(entity.IndexEntry{ID: runID, Row: mustMarshal(c.importRow(h))})
		}
	}
	for _, b := range batches {
		step.Put(historyKey(runID, b.first), b.data)
	}
	h.NextEventId, c.dirty = next, true
	return next, nil
}

func (c *Chain) checkNewImport(step *entity.Step, runID string) error {
	if c.current != nil && c.current.info.RunId != runID && !c.current.closed() {
		return errAlreadyStarted(c.current, "Another run of the workflow is running here. WorkflowId: %v, RunId: %v.")
	}
	_, err := c.findRun(step, runID)
	switch {
	case notFound(err):
		return nil
	case err == nil:
		return errImported(runID)
	}
	return err
}

func errImported(runID string) error {
	return serviceerror.NewFailedPrecondition(fmt.Sprintf("run %s has been imported already", runID))
}

// adopt makes an event of another server one of this one: namespaces have other ids here.
func (c *Chain) adopt(e *historypb.HistoryEvent) error {
	e.TaskId, e.Version = e.EventId, 0
	m := e.ProtoReflect()
	attributes := m.WhichOneof(m.Descriptor().Oneofs().ByName("attributes"))
	if attributes == nil {
		return errNoAttributes
	}
	attr := m.Mutable(attributes).Message()
	for _, names := range [][2]protoreflect.Name{
		{"namespace", "namespace_id"},
		{"parent_workflow_namespace", "parent_workflow_namespace_id"},
	} {
		name, id := attr.Descriptor().Fields().ByName(names[0]), attr.Descriptor().Fields().ByName(names[1])
		if name == nil || id == nil || attr.Get(id).String() == "" && attr.Get(name).String() == "" {
			continue
		}
		here := c.key.Namespace
		if text := attr.Get(name).String(); text != "" && text != c.namespaceName() {
			ns, ok := c.config.NamespaceByName(text)
			if !ok {
				return fmt.Errorf("it is about namespace %q, which is not here", text)
			}
			here = ns.ID
		}
		attr.Set(id, protoreflect.ValueOfString(here))
	}
	return nil
}

// DiscardImport forgets a run that is held. It does nothing if it is not.
func (c *Chain) DiscardImport(step *entity.Step, runID string) error {
	h := c.held(runID)
	if h == nil {
		return nil
	}
	step.DeletePrefix(historyPrefix(runID))
	removeRow(step, runID)
	c.release(h)
	if c.current == nil && c.record.NextExpiry == nil && !c.importing() {
		c.record = nil
	}
	return nil
}

func (c *Chain) discardImports(step *entity.Step) {
	for c.importing() {
		// It is held, so this does not fail.
		_ = c.DiscardImport(step, c.record.Imports[0].RunId)
	}
}

// release takes the run out of those that are held.
func (c *Chain) release(h *records.Import) {
	c.record.Imports = slices.DeleteFunc(c.record.Imports, func(other *records.Import) bool { return other == h })
	c.dirty = true
}

// importRow is the row of a held run.
func (c *Chain) importRow(h *records.Import) *records.WorkflowRow {
	return &records.WorkflowRow{
		WorkflowId:    c.key.ID,
		RunId:         h.RunId,
		FirstRunId:    h.RunId,
		WorkflowType:  h.WorkflowType,
		Status:        enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		StartTime:     h.StartTime,
		ExecutionTime: h.StartTime,
		Root:          &commonpb.WorkflowExecution{WorkflowId: c.key.ID, RunId: h.RunId},
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
			divisionAttribute: {Metadata: map[string][]byte{"encoding": []byte("json/plain"), "type": []byte("Keyword")}, Data: []byte(`"` + ImportDivision + `"`)},
		}},
	}
}

// divisionAttribute keeps rows out of lists of workflows.
const divisionAttribute = "TemporalNamespaceDivision"

// importRows are the rows of the runs that are held, as the records have them.
func (c *Chain) importRows(reader entity.Reader) (entries []entity.IndexEntry, err error) {
	data, err := reader.Get(chainKey)
	if err != nil || data == nil {
		return nil, err
	}
	record := new(records.Chain)
	if err := proto.Unmarshal(data, record); err != nil {
		return nil, fmt.Errorf("workflow: decoding the chain record of %v: %w", c.key, err)
	}
	for _, h := range record.Imports {
		entries = append(entries, entity.IndexEntry{ID: h.RunId, Row: mustMarshal(c.importRow(h))})
	}
	return entries, nil
}
