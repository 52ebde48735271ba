package workflow

import (
	"errors"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/api/check"
)

const badSearchAttributes = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES

// checkSearchAttributes asks the namespace whether it knows them, and has it add
// their types.
func (c *Chain) checkSearchAttributes(attributes *commonpb.SearchAttributes) error {
	if c.config.CheckSearchAttributes == nil || len(attributes.GetIndexedFields()) == 0 {
		return nil
	}
	return c.config.CheckSearchAttributes(c.key.Namespace, attributes)
}

// checkFirstSearchAttributes is checkSearchAttributes for those that a request starts a
// run with: all that it has.
func (c *Chain) checkFirstSearchAttributes(attributes *commonpb.SearchAttributes) error {
	if err := c.checkSearchAttributes(attributes); err != nil {
		return err
	}
	return c.limits().fields().CheckSearchAttributes(attributes)
}

// checkSearchAttributes checks what a command sets for a run that is yet to start.
// command is the name of the command and what what it names.
func (b *commandBatch) checkSearchAttributes(attributes *commonpb.SearchAttributes, command string, what func() named) *commandFailure {
	if err := b.run.chain.checkSearchAttributes(attributes); err != nil {
		if errors.As(err, new(*check.UnknownSearchAttribute)) {
			return &commandFailure{cause: badSearchAttributes, err: err}
		}
		return what().refuse(badSearchAttributes, "invalid SearchAttributes on %s: %w.", command, err)
	}
	return nil
}

// checkSearchAttributesSize checks that there is no more of them than may be stored.
// They are all that the run is going to have.
func (b *commandBatch) checkSearchAttributesSize(attributes *commonpb.SearchAttributes, tooBig enumspb.WorkflowTaskFailedCause) *commandFailure {
	if err := b.run.limits().fields().CheckSearchAttributes(attributes); err != nil {
		return &commandFailure{cause: tooBig, err: err, terminate: true}
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
	fields := attr.GetSearchAttributes().GetIndexedFields()
	if len(fields) == 0 {
		return badCommand(badSearchAttributes, "IndexedFields is not set on UpsertWorkflowSearchAttributesCommand.")
	}
	if err := b.run.chain.checkSearchAttributes(attr.GetSearchAttributes()); err != nil {
		return &commandFailure{cause: badSearchAttributes, err: err}
	}
	if f := b.checkBlob("UpsertWorkflowSearchAttributesCommandAttributes", dataSize(fields), badSearchAttributes); f != nil {
		return f
	}
	// Several commands of one task may add up: count all that the batch brings.
	b.searchAttributes.merge(b.run.info.SearchAttributes.GetIndexedFields(), fields)
	if err := b.run.limits().fields().CheckAddedSearchAttributes(fields, b.searchAttributes.size); err != nil {
		return &commandFailure{cause: badSearchAttributes, err: err, terminate: true}
	}
	return nil
}

func executeUpsertSearchAttributes(a *application, cmd *commandpb.Command) {
	a.addCommandEvent(cmd, upsertWorkflowSearchAttributes(cmd.GetUpsertWorkflowSearchAttributesCommandAttributes(), a.completedEventID))
}

func upsertWorkflowSearchAttributes(attr *commandpb.UpsertWorkflowSearchAttributesCommandAttributes, completedEventID int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
		Attributes: &historypb.HistoryEvent_UpsertWorkflowSearchAttributesEventAttributes{UpsertWorkflowSearchAttributesEventAttributes: &historypb.UpsertWorkflowSearchAttributesEventAttributes{
			WorkflowTaskCompletedEventId: completedEventID,
			SearchAttributes:             attr.GetSearchAttributes(),
		}},
	}
}

func applyUpsertWorkflowSearchAttributes(r *Run, _ *historypb.HistoryEvent, attr *historypb.UpsertWorkflowSearchAttributesEventAttributes) error {
	mergeFields(r.ownSearchAttributes(), attr.GetSearchAttributes().GetIndexedFields())
	return nil
}

// ownSearchAttributes are the search attributes of the run, to be changed where they
// are. Copied once a step, as the memo is.
func (r *Run) ownSearchAttributes() map[string]*commonpb.Payload {
	if !r.dirty.searchAttributes {
		r.info.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: copyFields(r.info.SearchAttributes.GetIndexedFields())}
	}
	r.dirty.info, r.dirty.searchAttributes = true, true
	return r.info.SearchAttributes.IndexedFields
}
