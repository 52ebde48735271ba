package flow

import (
	"slices"
	"strings"

	sdkpb "go.temporal.io/api/sdk/v1"
)

// GetCurrentDetails returns what SetCurrentDetails set.
func GetCurrentDetails(ctx Context) string { return runOf(ctx).currentDetails }

// SetCurrentDetails sets a text, in Markdown, that the UI shows of the
// workflow as long as it can be queried.
func SetCurrentDetails(ctx Context, details string) { runOf(ctx).currentDetails = details }

// metadata tells the UI what the workflow can be asked and sent.
func (r *run) metadata() *sdkpb.WorkflowMetadata {
	definition := &sdkpb.WorkflowDefinition{
		Type: r.info.WorkflowType.Name,
		QueryDefinitions: []*sdkpb.WorkflowInteractionDefinition{
			{Name: QueryTypeStackTrace, Description: "Current stack trace"},
			{Name: QueryTypeOpenSessions, Description: "Open sessions on the workflow"},
			{Name: QueryTypeWorkflowMetadata, Description: "Metadata about the workflow"},
		},
	}
	for name, handler := range r.queries {
		definition.QueryDefinitions = append(definition.QueryDefinitions,
			&sdkpb.WorkflowInteractionDefinition{Name: name, Description: handler.options.Description})
	}
	for name, c := range r.signals {
		if c.signal != nil {
			definition.SignalDefinitions = append(definition.SignalDefinitions,
				&sdkpb.WorkflowInteractionDefinition{Name: name, Description: c.signal.Description})
		}
	}
	for name, handler := range r.updates.handlers {
		definition.UpdateDefinitions = append(definition.UpdateDefinitions,
			&sdkpb.WorkflowInteractionDefinition{Name: name, Description: handler.options.Description})
	}
	byName := func(a, b *sdkpb.WorkflowInteractionDefinition) int { return strings.Compare(a.GetName(), b.GetName()) }
	slices.SortFunc(definition.QueryDefinitions, byName)
	slices.SortFunc(definition.SignalDefinitions, byName)
	slices.SortFunc(definition.UpdateDefinitions, byName)
	return &sdkpb.WorkflowMetadata{Definition: definition, CurrentDetails: r.currentDetails}
}
