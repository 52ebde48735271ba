package workflow

import (
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
)

// Commands that only leave a note: markers and memo.

var onRecordMarker = check.Command("RecordMarkerCommand")

func checkRecordMarker(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const cause = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES
	attr := cmd.GetRecordMarkerCommandAttributes()
	if attr == nil {
		return badCommand(cause, "RecordMarkerCommandAttributes is not set on RecordMarkerCommand.")
	}
	if err := b.run.limits().fields().CheckID("MarkerName", attr.GetMarkerName(), onRecordMarker); err != nil {
		return named{{"MarkerName", attr.GetMarkerName()}}.refuse(cause, "%w", err)
	}
	size := 0
	for k, v := range attr.GetDetails() {
		size += len(k) + proto.Size(v)
	}
	return b.checkBlob("RecordMarkerCommandAttributes.Details", size, cause)
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
	if f := b.checkBlob("ModifyWorkflowPropertiesCommandAttributes", dataSize(fields), cause); f != nil {
		return f
	}
	// Several commands of one task may add up: count all that the batch brings.
	b.memo.merge(b.run.info.Memo.GetFields(), fields)
	return b.checkMemo("ModifyWorkflowPropertiesCommandAttributes. Memo", b.memo.size, cause)
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
