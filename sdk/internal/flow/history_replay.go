package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/internal/coroutine"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// ReplayOptions are options of ReplayHistory.
type ReplayOptions struct {
	// Options as of a worker. Registry is required; Namespace defaults to one
	// that matches any.
	Options Options
	// WorkflowID and RunID of the execution, where workflow code looks at them.
	// They default to what the history's first event says.
	WorkflowID, RunID string
	// LastEventID is the last event to replay, all if zero.
	LastEventID int64
	// Completed, if not nil, is called with the result of a workflow that the history says has completed.
	Completed func(result *commonpb.Payloads)
}

// ReplayHistory replays a history and says where the registered workflow code
// does not match it. The history may be of a run that is still open, or be cut
// off anywhere.
func ReplayHistory(ctx context.Context, history *historypb.History, options ReplayOptions) error {
	events := history.GetEvents()
	if options.LastEventID > 0 {
		for n, event := range events {
			if event.GetEventId() > options.LastEventID {
				events = events[:n]
				break
			}
		}
		// What the commands of the last task became may be behind the cut.
		if n := len(events); n > 0 && events[n-1].GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			events = events[:n-1]
		}
	}
	if len(events) == 0 {
		return errors.New("empty events")
	}
	if len(events) < 3 {
		return errors.New("at least 3 events expected in the history")
	}
	first := events[0]
	if first.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED {
		return errors.New("first event is not WorkflowExecutionStarted")
	}
	attributes := first.GetWorkflowExecutionStartedEventAttributes()
	if options.Options.Namespace == "" {
		options.Options.Namespace = replay.ReplayNamespace
	}
	options.Options.SDKMetadata = true
	id := execution.Workflow{ID: options.WorkflowID, RunID: options.RunID}
	if id.ID == "" {
		id.ID = cmp.Or(attributes.GetWorkflowId(), "ReplayId")
	}
	if id.RunID == "" {
		id.RunID = attributes.GetOriginalExecutionRunId()
	}
	instance := NewInstance(&options.Options)
	defer instance.Close()
	var err error
	completed := false
	stuck := instance.guard(func() {
		defer func() {
			if p := recover(); p != nil {
				err, completed = recovered(p), true
			}
		}()
		instance.begin(nil, id, first)
		err = instance.machine.Process(ctx, replay.NewReader(events, nil, nil, 0, 0), replay.Mode{
			PreviousStartedEventID: math.MaxInt64,
			Check:                  true,
			Offline:                true,
		})
		instance.run.explain(err)
		completed = true
	})
	name := attributes.GetWorkflowType().GetName()
	switch {
	case stuck != nil:
		return fmt.Errorf("replaying workflow %s: %w", name, stuck)
	case !completed:
		return fmt.Errorf("replaying workflow %s: %w", name, errGoexit)
	case err == nil:
		if completion := instance.machine.Closing().GetCompleteWorkflowExecutionCommandAttributes(); completion != nil && options.Completed != nil {
			options.Completed(completion.GetResult())
		}
		return nil
	}
	if p, ok := errors.AsType[*coroutine.PanicError](err); ok {
		return fmt.Errorf("replaying workflow %s: panic: %w\n%s", name, err, p.Stack)
	}
	return fmt.Errorf("replaying workflow %s: %w", name, err)
}
