package flow

import (
	"context"
	"github.com/perdure/perdure/sdk/internal/registry"
	historypb "go.temporal.io/api/history/v1"
)

// NewRegistry returns an empty registry that knows workflow.Context.
func NewRegistry(disableAliasing bool) *registry.Registry { return nil }

// NewInstance: an instance for the run that the task belongs to; the first task handled must carry history from the first event.
func NewInstance(options *Options) *Instance { return nil }

// HandleTask: error only when the task could not be handled (page fetch failed, ErrStale): nothing to respond.
func (i *Instance) HandleTask(ctx context.Context, task *Task) (*Outcome, error) { return nil, nil }

// Ready is signalled (cap 1) when LocalActivityDone delivered something.
func (i *Instance) Ready() <-chan struct{} { return nil }

// Continue goes on with local activity results.
func (i *Instance) Continue(ctx context.Context) *Outcome { return nil }

// Heartbeat is a completion with the commands so far and force_create_new_workflow_task.
func (i *Instance) Heartbeat(ctx context.Context) *Outcome { return nil }

// LocalActivityDone may be called from any goroutine.
func (i *Instance) LocalActivityDone(result *LocalActivityResult) {}

// PreviousStartedEventID and Size help the cache.
func (i *Instance) PreviousStartedEventID() int64 { return 0 }

// RunID of the execution.
func (i *Instance) RunID() string { return "" }

// Close unwinds. Not concurrently with HandleTask.
func (i *Instance) Close() {}

// ReplayOptions for ReplayHistory.
type ReplayOptions struct {
	Options           Options
	WorkflowID, RunID string
	LastEventID       int64
}

// ReplayHistory replays a whole history and reports what does not match.
func ReplayHistory(ctx context.Context, history *historypb.History, options ReplayOptions) error {
	return nil
}
