package testsuite

import (
	"context"
	"math"
	"sync"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/temporal"
)

// testSessions are the sessions of the worker that an environment stands for. The activity
// that opens one does not last as long as the session: while it ran, time would not pass
// by itself.
type testSessions struct {
	env *TestWorkflowEnvironment
	max int

	mu   sync.Mutex
	open map[string]bool
}

// serveSessions registers the activities by which workflows open and close sessions. most
// is how many may be open, 0 for any number.
func (e *TestWorkflowEnvironment) serveSessions(most int) {
	if most == 0 {
		most = math.MaxInt
	}
	s := &testSessions{env: e, max: most, open: make(map[string]bool)}
	for name, f := range map[string]any{flow.SessionCreationActivity: s.create, flow.SessionCompletionActivity: s.complete} {
		must(e.registry.RegisterActivity(f, activity.RegisterOptions{Name: name, DisableAlreadyRegisteredCheck: true}))
	}
}

func (s *testSessions) create(ctx context.Context, sessionID string) error {
	s.mu.Lock()
	full := len(s.open) >= s.max
	if !full {
		s.open[sessionID] = true
	}
	s.mu.Unlock()
	if full {
		return temporal.NewApplicationError("too many outstanding sessions", "")
	}
	workflow := activity.GetInfo(ctx).WorkflowExecution
	return s.env.SignalWorkflowByID(workflow.ID, sessionID, flow.SessionCreated{
		Taskqueue: "test-session-taskqueue", ResourceID: "test-session-resource", HostName: "test-host",
	})
}

func (s *testSessions) complete(_ context.Context, sessionID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sessionID)
	return nil
}
