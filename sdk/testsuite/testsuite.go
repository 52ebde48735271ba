// Package testsuite tests workflows and activities without a server.
//
// A [TestWorkflowEnvironment] runs one workflow, and the children it starts, in memory:
// on the code that workers run it on, with histories as a server writes them. Time is
// virtual: when nothing is left to be done the clock goes on to the next timer, so a
// workflow that sleeps a month is tested in a moment.
//
//	func TestOrder(t *testing.T) {
//		var suite testsuite.WorkflowTestSuite
//		env := suite.NewTestWorkflowEnvironment()
//		env.OnActivity(Charge, mock.Anything, "42").Return("paid", nil)
//		env.RegisterDelayedCallback(func() { env.SignalWorkflow("ship", nil) }, time.Hour)
//		env.ExecuteWorkflow(Order, "42")
//		if err := env.GetWorkflowError(); err != nil {
//			t.Fatal(err)
//		}
//		env.AssertExpectations(t)
//	}
//
// Activities and children run for real, or are mocked: OnActivity, OnWorkflow and the
// like say what is expected and return a [MockCallWrapper] that says what comes of it.
// Mocks are those of github.com/stretchr/testify/mock. A call that nothing is expected of
// fails the activity or the workflow with what was expected.
//
// # How it differs from a server
//
// A panic, or another mistake of workflow code, ends the workflow with the error; a
// server would try again. An activity without a retry policy is tried 10 times, and not
// again after a timeout. Real activities run by the real clock, and so do their start to
// close and heartbeat timeouts. The workflow under test itself is not run again by
// retries, cron or continue-as-new: GetWorkflowError has what it ended with. Children
// are.
//
// A [TestActivityEnvironment] runs activities alone. [StartDevServer] starts a server for
// tests that want one.
package testsuite

import (
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/workflow"
	commonpb "go.temporal.io/api/common/v1"
)

// WorkflowTestSuite makes test environments and holds what they have in common. Its
// zero value works; it is often embedded in a test suite of testify.
type WorkflowTestSuite struct {
	logger             log.Logger
	contextPropagators []workflow.ContextPropagator
	header             *commonpb.Header
	disableAliasing    bool
	metrics            metrics.Handler
}

// NewTestWorkflowEnvironment returns an environment that runs one workflow.
func (s *WorkflowTestSuite) NewTestWorkflowEnvironment() *TestWorkflowEnvironment {
	return newWorkflowEnvironment(s)
}

// NewTestActivityEnvironment returns an environment that runs activities.
func (s *WorkflowTestSuite) NewTestActivityEnvironment() *TestActivityEnvironment {
	return newActivityEnvironment(s)
}

// SetLogger sets the logger of environments made from then on. The default writes to
// standard error.
func (s *WorkflowTestSuite) SetLogger(logger log.Logger) { s.logger = logger }

// GetLogger returns what SetLogger set.
func (s *WorkflowTestSuite) GetLogger() log.Logger { return s.logger }

// SetMetricsHandler sets where the workflows and activities of environments made from then on
// count and measure. The default does nothing.
func (s *WorkflowTestSuite) SetMetricsHandler(metricsHandler metrics.Handler) {
	s.metrics = metricsHandler
}

// SetContextPropagators sets the context propagators of environments made from then on.
func (s *WorkflowTestSuite) SetContextPropagators(ctxProps []workflow.ContextPropagator) {
	s.contextPropagators = ctxProps
}

// SetHeader sets the header that workflows and activities of environments made from then
// on are started with.
func (s *WorkflowTestSuite) SetHeader(header *commonpb.Header) { s.header = header }

// SetDisableRegistrationAliasing is worker.Options.DisableRegistrationAliasing, for
// environments made from then on.
func (s *WorkflowTestSuite) SetDisableRegistrationAliasing(disableRegistrationAliasing bool) {
	s.disableAliasing = disableRegistrationAliasing
}

func (s *WorkflowTestSuite) loggerOrDefault() log.Logger {
	if s.logger == nil {
		return logger.NewDefault()
	}
	return s.logger
}
