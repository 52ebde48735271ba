package client

import (
	"context"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	updatepb "go.temporal.io/api/update/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/links"
)

// NexusStart is what the start of a workflow, an update or an activity carries along if it is
// what a Nexus operation does. Package temporalnexus sets it: users can not.
type NexusStart struct {
	// RequestID is the operation's, so that a start that is tried again finds the first one.
	RequestID string
	// Callbacks are told of the end.
	Callbacks []*commonpb.Callback
	// Links name who asked for the operation.
	Links []*commonpb.Link

	mu   sync.Mutex
	link *commonpb.Link
}

// SetNexusStart makes options those of a Nexus operation.
func SetNexusStart(options *StartWorkflowOptions, start *NexusStart) { options.nexus = start }

// SetNexusUpdate makes options those of a Nexus operation.
func SetNexusUpdate(options *UpdateWorkflowOptions, start *NexusStart) { options.nexus = start }

// SetNexusActivity makes options those of a Nexus operation.
func SetNexusActivity(options *StartActivityOptions, start *NexusStart) { options.nexus = start }

// UpdateOutcomeKnown says whether update had completed when the call that made it returned.
func UpdateOutcomeKnown(update WorkflowUpdateHandle) bool {
	own, ok := update.(*workflowUpdate)
	return ok && own.outcome != nil
}

// Link names what was started, as the server's answer has it; nil if it has none.
func (n *NexusStart) Link() *commonpb.Link {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.link
}

func (n *NexusStart) answered(link *commonpb.Link) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link = link
}

// apply puts it into a request. A workflow that is there already gets the callbacks, too.
func (n *NexusStart) apply(request *workflowservice.StartWorkflowExecutionRequest) {
	if n == nil {
		return
	}
	if n.RequestID != "" {
		request.RequestId = n.RequestID
	}
	request.CompletionCallbacks = n.Callbacks
	request.Links = n.Links
	request.OnConflictOptions = &workflowpb.OnConflictOptions{AttachRequestId: true, AttachCompletionCallbacks: true, AttachLinks: true}
}

// fromHandler is for an activity that the handler of a Nexus operation starts by a call like
// any other: it names the operation's caller, and a request that comes twice starts it once.
func fromHandler(ctx context.Context, request *workflowservice.StartActivityExecutionRequest) {
	exchange := links.ExchangeOf(ctx)
	if exchange == nil {
		return
	}
	if exchange.RequestID != "" {
		request.RequestId = exchange.RequestID
	}
	if request.Links = exchange.Request; len(request.Links) > 0 {
		request.OnConflictOptions = &commonpb.OnConflictOptions{AttachRequestId: true, AttachLinks: true}
	}
}

func (n *NexusStart) applyToActivity(request *workflowservice.StartActivityExecutionRequest) {
	if n.RequestID != "" {
		request.RequestId = n.RequestID
	}
	request.CompletionCallbacks = n.Callbacks
	request.Links = n.Links
	request.OnConflictOptions = &commonpb.OnConflictOptions{AttachRequestId: true, AttachCompletionCallbacks: true, AttachLinks: true}
}

func (n *NexusStart) applyToUpdate(request *updatepb.Request) {
	if n == nil {
		return
	}
	request.RequestId = n.RequestID
	request.CompletionCallbacks = n.Callbacks
	request.Links = n.Links
}
