package workflow

import (
	"maps"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"
)

// Commands that only leave a note: markers, search attributes and memo.

func checkRecordMarker(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const cause = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES
	attr := cmd.GetRecordMarkerCommandAttributes()
	if attr == nil {
		return badCommand(cause, "RecordMarkerCommandAttributes is not set on RecordMarkerCommand.")
	}
	if attr.GetMarkerName() == "" {
		return badCommand(cause, "MarkerName is not set on RecordMarkerCommand.")
	}
	if limit := b.run.chain.config.Limits.IDLength; len(attr.GetMarkerName()) > limit {
		return badCommand(cause, "MarkerName on RecordMarkerCommand exceeds length limit. Length=%d Limit=%d", len(attr.GetMarkerName()), limit)
	}
	size := 0
	for k, v := range attr.GetDetails() {
		size += len(k) + proto.Size(v)
	}
	return b.checkBlob(size, cause, "RecordMarkerCommandAttributes.Details")
}

func applyRecordMarker(a *application, cmd *commandpb.Command) {
	attr := cmd.GetRecordMarkerCommandAttributes()
	a.run.addEvent(a.step, enumspb.EVENT_TYPE_MARKER_RECORDED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
				MarkerName:                   attr.GetMarkerName(),
				Details:                      attr.GetDetails(),
				WorkflowTaskCompletedEventId: a.completedEventID,
				Header:                       attr.GetHeader(),
				Failure:                      attr.GetFailure(),
			}}
	})
}

const badSearchAttributes = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES

// checkSearchAttributes asks the namespace whether it knows them.
func (b *commandBatch) checkSearchAttributes(attributes *commonpb.SearchAttributes) *commandFailure {
	c := b.run.chain
	if c.config.CheckSearchAttributes == nil || len(attributes.GetIndexedFields()) == 0 {
		return nil
	}
	if err := c.config.CheckSearchAttributes(c.key.Namespace, attributes); err != nil {
		return &commandFailure{cause: badSearchAttributes, err: err}
	}
	return nil
}

func checkUpsertSearchAttributes(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	attr := cmd.GetUpsertWorkflowSearchAttributesCommandAttributes()
	if attr == nil {
		return badCommand(badSearchAttributes, "UpsertWorkflowSearchAttributesCommandAttributes is not set on UpsertWorkflowSearchAttributesCommand.")
	}
	if attr.GetSearchAttributes() == nil {
		return badCommand(badSearchAttributes, "SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand.")
	}
	if len(attr.GetSearchAttributes().GetIndexedFields()) == 0 {
		return badCommand(badSearchAttributes, "IndexedFields is not set on UpsertWorkflowSearchAttributesCommand.")
	}
	if f := b.checkSearchAttributes(attr.GetSearchAttributes()); f != nil {
		return f
	}
	return b.checkBlob(proto.Size(attr.GetSearchAttributes()), badSearchAttributes, "UpsertWorkflowSearchAttributesCommandAttributes")
}

func applyUpsertSearchAttributes(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetUpsertWorkflowSearchAttributesCommandAttributes()
	r.addEvent(a.step, enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes{
			UpsertWorkflowSearchAttributesEventAttributes: &historypb.UpsertWorkflowSearchAttributesEventAttributes{
				WorkflowTaskCompletedEventId: a.completedEventID,
				SearchAttributes:             attr.GetSearchAttributes(),
			}}
	})
	fields := merged(r.info.SearchAttributes.GetIndexedFields(), attr.GetSearchAttributes().GetIndexedFields())
	r.info.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: fields}
	r.dirty.info = true
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
	if f := b.checkBlob(proto.Size(attr.GetUpsertedMemo()), cause, "ModifyWorkflowPropertiesCommandAttributes"); f != nil {
		return f
	}
	// Several commands of one task may add up: count all that the batch brings.
	if b.memo == nil {
		b.memo = b.run.info.Memo.GetFields()
	}
	b.memo = merged(b.memo, fields)
	if proto.Size(&commonpb.Memo{Fields: b.memo}) > b.run.chain.config.Limits.MemoSize {
		f := badCommand(cause, "ModifyWorkflowPropertiesCommandAttributes. Memo exceeds size limit.")
		f.terminate = true
		return f
	}
	return nil
}

func applyModifyProperties(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetModifyWorkflowPropertiesCommandAttributes()
	r.addEvent(a.step, enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED, func(e *historypb.HistoryEvent) {
		e.Attributes = &historypb.HistoryEvent_WorkflowPropertiesModifiedEventAttributes{
			WorkflowPropertiesModifiedEventAttributes: &historypb.WorkflowPropertiesModifiedEventAttributes{
				WorkflowTaskCompletedEventId: a.completedEventID,
				UpsertedMemo:                 attr.GetUpsertedMemo(),
			}}
	})
	r.info.Memo = &commonpb.Memo{Fields: merged(r.info.Memo.GetFields(), attr.GetUpsertedMemo().GetFields())}
	r.dirty.info = true
}

// merged is the fields with the changes made to them; a nil value removes a
// field. The arguments may be part of events and are left alone.
func merged(fields, changes map[string]*commonpb.Payload) map[string]*commonpb.Payload {
	result := maps.Clone(fields)
	if result == nil {
		result = make(map[string]*commonpb.Payload, len(changes))
	}
	for k, v := range changes {
		if isNilPayload(v) {
			delete(result, k)
		} else {
			result[k] = v
		}
	}
	return result
}
