package scenario

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/perdure/perdure/test/history"
)

// timeout bounds one scenario; they take a few seconds at most.
const timeout = 60 * time.Second

// Played is what a scenario has left behind.
type Played struct {
	// Normalized are the normalized histories of its workflows, and Histories what they were made of,
	// by "<workflow>/<number of the run in its chain>".
	Normalized map[string]string
	Histories  map[string]*historypb.History

	registrations []func(worker.Registry)
}

// Play runs the scenario on the server at address and returns the normalized
// histories of its workflows.
func Play(t *testing.T, address string, s Scenario) map[string]string {
	t.Helper()
	return PlayAndKeep(t, address, s).Normalized
}

// PlayAndKeep is Play that returns all there is.
func PlayAndKeep(t *testing.T, address string, s Scenario) *Played {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	c, err := client.DialContext(ctx, client.Options{HostPort: address, Logger: quiet{}})
	if err != nil {
		t.Fatalf("dial %s: %v", address, err)
	}
	t.Cleanup(c.Close)

	prefix := uuid.NewString()[:8]
	e := NewEnv(t, ctx, c, "s-"+prefix)
	s.Run(e)

	n := history.NewNormalizer(e.Queue)
	played := &Played{Normalized: map[string]string{}, Histories: map[string]*historypb.History{}, registrations: e.registrations}
	for _, id := range e.IDs() {
		for i, run := range e.chain(id) {
			text, err := n.Events(run)
			if err != nil {
				t.Fatal(err)
			}
			name := id[len(e.Queue)+1:] + "/" + string(rune('1'+i))
			played.Normalized[name] = text
			played.Histories[name] = &historypb.History{Events: run}
		}
	}
	return played
}

// chain returns the histories of all runs in the chain that the current run of id
// goes back to, and those of the runs that resets have made.
func (e *Env) chain(id string) (runs [][]*historypb.HistoryEvent) {
	current := e.History(id, "")
	runID := current[0].GetWorkflowExecutionStartedEventAttributes().FirstExecutionRunId
	defer func() {
		for _, runID := range e.resets[id] {
			runs = append(runs, e.History(id, runID))
		}
	}()
	for runID != "" {
		events := e.History(id, runID)
		runs = append(runs, events)
		last := events[len(events)-1]
		switch {
		case last.GetWorkflowExecutionContinuedAsNewEventAttributes() != nil:
			runID = last.GetWorkflowExecutionContinuedAsNewEventAttributes().NewExecutionRunId
		case last.GetWorkflowExecutionFailedEventAttributes() != nil:
			runID = last.GetWorkflowExecutionFailedEventAttributes().NewExecutionRunId
		case last.GetWorkflowExecutionTimedOutEventAttributes() != nil:
			runID = last.GetWorkflowExecutionTimedOutEventAttributes().NewExecutionRunId
		case last.GetWorkflowExecutionCompletedEventAttributes() != nil:
			runID = last.GetWorkflowExecutionCompletedEventAttributes().NewExecutionRunId
		default:
			runID = ""
		}
	}
	return runs
}

// quiet drops what SDKs log: scenarios provoke failures on purpose.
type quiet struct{}

var _ sdklog.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
