package workflow

import (
	"maps"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
)

// Commands that only leave a note: markers and memo.

var (
	onRecordMarker     = check.Command("RecordMarkerCommand")
	onModifyProperties = check.Command("ModifyWorkflowPropertiesCommand")
)

func checkRecordMarker(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const cause = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES
	attr := cmd.GetRecordMarkerCommandAttributes()
	if attr == nil {
		return badCommand(cause, "RecordMarkerCommandAttributes is not set on RecordMarkerCommand.")
	}
	if err := check.ID("MarkerName", attr.GetMarkerName(), onRecordMarker); err != nil {
		return badCommand(cause, "%w", err)
	}
	size := 0
	for k, v := range attr.GetDetails() {
		size += len(k) + proto.Size(v)
	}
	return b.checkBlob("Details", size, cause, onRecordMarker)
}

func executeRecordMarker(a *application, cmd *commandpb.Command) {
	a.addCommandEvent(cmd, markerRecorded(cmd.GetRecordMarkerCommandAttributes(), a.completedEventID))
}

func markerRecorded(attr *commandpb.RecordMarkerCommandAttributes, completedEventID int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_MARKER_RECORDED,
		Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
			MarkerName:                   attr.GetMarkerName(),
			Details:                      attr.GetDetails(),
			WorkflowTaskCompletedEventId: completedEventID,
			Header:                       attr.GetHeader(),
			Failure:                      attr.GetFailure(),
		}},
	}
}

func applyMarkerRecorded(*Run, *historypb.HistoryEvent, *historypb.MarkerRecordedEventAttributes) error {
	return nil
}

func checkModifyProperties(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const cause = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES
	attr := cmd.GetModifyWorkflowPropertiesCommandAttributes()
	if attr == nil {
		return badCommand(cause, "ModifyWorkflowPropertiesCommandAttributes is not set on ModifyWorkflowPropertiesCommand.")
	}
	if attr.GetUpsertedMemo() == nil {
		return badCommand(cause, "UpsertedMemo is not set on ModifyWorkflowPropertiesCommand.")
	}
	fields := attr.GetUpsertedMemo().GetFields()
	if len(fields) == 0 {
		return badCommand(cause, "UpsertedMemo.Fields is not set on ModifyWorkflowPropertiesCommand.")
	}
	if f := b.checkBlob("UpsertedMemo", proto.Size(attr.GetUpsertedMemo()), cause, onModifyProperties); f != nil {
		return f
	}
	// Several commands of one task may add up: count all that the batch brings.
	b.memo.merge(b.run.info.Memo.GetFields(), fields)
	return b.checkSize("Memo", b.memo.size, b.run.limits().MemoSize, cause, onModifyProperties)
}

func executeModifyProperties(a *application, cmd *commandpb.Command) {
	a.addCommandEvent(cmd, workflowPropertiesModified(cmd.GetModifyWorkflowPropertiesCommandAttributes(), a.completedEventID))
}

func workflowPropertiesModified(attr *commandpb.ModifyWorkflowPropertiesCommandAttributes, completedEventID int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
		Attributes: &historypb.HistoryEvent_WorkflowPropertiesModifiedEventAttributes{WorkflowPropertiesModifiedEventAttributes: &historypb.WorkflowPropertiesModifiedEventAttributes{
			WorkflowTaskCompletedEventId: completedEventID,
			UpsertedMemo:                 attr.GetUpsertedMemo(),
		}},
	}
}

func applyWorkflowPropertiesModified(r *Run, _ *historypb.HistoryEvent, attr *historypb.WorkflowPropertiesModifiedEventAttributes) error {
	// Events and replies share the memo, so it is copied; but once a step, not once an
	// event.
	if !r.dirty.memo {
		r.info.Memo = &commonpb.Memo{Fields: copyFields(r.info.Memo.GetFields())}
	}
	r.dirty.info, r.dirty.memo = true, true
	mergeFields(r.info.Memo.Fields, attr.GetUpsertedMemo().GetFields())
	return nil
}

// copyFields is a copy of a map, and never nil.
func copyFields(fields map[string]*commonpb.Payload) map[string]*commonpb.Payload {
	if fields == nil {
		return make(map[string]*commonpb.Payload)
	}
	return maps.Clone(fields)
}

// mergeFields makes changes to the fields of a memo or the search attributes; a nil
// value removes a field.
func mergeFields(fields, changes map[string]*commonpb.Payload) {
	for name, value := range changes {
		if isNilPayload(value) {
			delete(fields, name)
		} else {
			fields[name] = value
		}
	}
}

// mergedFields are the fields of a memo, or the search attributes, of a run, with
// the changes made to them by one command after the other. A batch may have very
// many commands: each costs what it changes.
type mergedFields struct {
	fields map[string]*commonpb.Payload // nil before the first change
	size   int                          // bytes of the fields, encoded
}

// merge makes changes, to the run's own fields if they are the first; a nil
// value removes a field. It returns the result, which belongs to m. The arguments
// may be part of events and are left alone.
func (m *mergedFields) merge(own, changes map[string]*commonpb.Payload) map[string]*commonpb.Payload {
	if m.fields == nil {
		m.fields = make(map[string]*commonpb.Payload, len(own)+len(changes))
		for name, value := range own {
			m.set(name, value)
		}
	}
	for name, value := range changes {
		m.set(name, value)
	}
	return m.fields
}

func (m *mergedFields) set(name string, value *commonpb.Payload) {
	if old, ok := m.fields[name]; ok {
		m.size -= entrySize(name, old)
	}
	if isNilPayload(value) {
		delete(m.fields, name)
		return
	}
	m.fields[name] = value
	m.size += entrySize(name, value)
}

// entrySize is the encoded size of one entry of a map of payloads whose field
// number is below 16.
func entrySize(name string, value *commonpb.Payload) int {
	const tag = 1
	entry := tag + protowire.SizeBytes(len(name)) + tag + protowire.SizeBytes(proto.Size(value))
	return tag + protowire.SizeBytes(entry)
}
