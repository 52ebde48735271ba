package workflow

import "github.com/perdure/perdure/sdk/internal/flow"

type (
	// SessionInfo describes a session. Its state is as the workflow knows it: that the
	// worker is lost shows only when the heartbeat timeout is over.
	SessionInfo = flow.SessionInfo

	// SessionOptions say how long a session may last, how long its creation may take, and
	// how long its worker may be silent (20 seconds by default). The first two are
	// required.
	SessionOptions = flow.SessionOptions

	// SessionState says whether a session can be used.
	SessionState = flow.SessionState
)

var (
	// ErrSessionFailed is the error of an activity of a session whose worker is lost.
	ErrSessionFailed = flow.ErrSessionFailed

	// SessionStateOpen says that the session's worker is alive, and runs its activities.
	SessionStateOpen = flow.SessionStateOpen

	// SessionStateFailed says that the session's worker is lost.
	SessionStateFailed = flow.SessionStateFailed

	// SessionStateClosed says that the workflow has completed the session.
	SessionStateClosed = flow.SessionStateClosed
)

// CreateSession creates a session and returns a context for its activities. All
// activities executed with that context run on one worker, for instance because they share
// its files:
//
//	sessionCtx, err := workflow.CreateSession(ctx, &workflow.SessionOptions{
//		CreationTimeout:  time.Minute,
//		ExecutionTimeout: time.Hour,
//	})
//	if err != nil {
//		return err
//	}
//	defer workflow.CompleteSession(sessionCtx)
//	err = workflow.ExecuteActivity(sessionCtx, Download, url).Get(sessionCtx, nil)
//
// The worker is one with Options.EnableSessionWorker on the task queue of the activity
// options in ctx. The call waits for one that has room, for CreationTimeout at most.
//
// An activity that fails does not end the session. When the worker is lost, the context is
// cancelled, and activities executed with it after that fail with ErrSessionFailed.
// CreateSession fails if ctx belongs to a session that is open.
func CreateSession(ctx Context, sessionOptions *SessionOptions) (Context, error) {
	return flow.CreateSession(ctx, sessionOptions)
}

// RecreateSession is CreateSession on the worker of an earlier session, which
// SessionInfo.GetRecreateToken identifies: for work that goes on in a new run, whose
// predecessor has completed the session and passed the token on.
func RecreateSession(ctx Context, recreateToken []byte, sessionOptions *SessionOptions) (Context, error) {
	return flow.RecreateSession(ctx, recreateToken, sessionOptions)
}

// CompleteSession ends the session of ctx, so that its worker has room for another. The
// context is cancelled. After that, activities executed with a context that is not are
// scheduled as their options say. It does nothing if there is no open session.
func CompleteSession(ctx Context) { flow.CompleteSession(ctx) }

// GetSessionInfo returns the session of ctx, the latest if there were several, and nil,
// with a warning in the log, if there was none.
func GetSessionInfo(ctx Context) *SessionInfo { return flow.GetSessionInfo(ctx) }
