package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/policy"
)

// A session is held open by an activity of the worker that has it, which runs as long as
// the session lasts and tells the workflow by a signal, named by the session's id, where
// the session's activities are to be scheduled.
const (
	// SessionCreationActivity and SessionCompletionActivity are the activities that
	// begin and end a session.
	SessionCreationActivity   = "internalSessionCreationActivity"
	SessionCompletionActivity = "internalSessionCompletionActivity"

	// sessionCreationSuffix makes the task queue of creations of that of a worker.
	sessionCreationSuffix = "__internal_session_creation"

	defaultSessionHeartbeatTimeout = 20 * time.Second
	sessionCompletionTimeout       = 3 * time.Second
)

// SessionCreationQueue is the task queue on which the workers of a task queue are asked
// for sessions.
func SessionCreationQueue(taskQueue string) string { return taskQueue + sessionCreationSuffix }

// SessionCreated is how a worker says that a session is there.
type SessionCreated struct {
	// Taskqueue is for the session's activities.
	Taskqueue  string
	HostName   string
	ResourceID string
}

// SessionState says whether a session can be used.
type SessionState int

const (
	// SessionStateOpen says that the session's worker is alive.
	SessionStateOpen SessionState = iota
	// SessionStateFailed says that it is not.
	SessionStateFailed
	// SessionStateClosed says that the workflow has completed the session.
	SessionStateClosed
)

// ErrSessionFailed is the error of an activity of a session that has failed.
var ErrSessionFailed = errors.New("session has failed")

var errSessionOpen = errors.New("found exisiting open session in the context")

// SessionOptions say how long a session may last, how long its creation may take, and how long
// its worker may be silent.
type SessionOptions struct {
	// ExecutionTimeout is how long the session may last. Required.
	ExecutionTimeout time.Duration
	// CreationTimeout is how long to wait for a worker that has room for the session.
	// Required.
	CreationTimeout time.Duration
	// HeartbeatTimeout is how long the session's worker may be silent before the session
	// has failed. Default 20 seconds.
	HeartbeatTimeout time.Duration
}

// SessionInfo describes a session.
type SessionInfo struct {
	// SessionID is unique.
	SessionID string
	// HostName is where the session's worker runs.
	HostName string
	// SessionState is as the workflow knows it, which may be as old as the heartbeat
	// timeout.
	SessionState SessionState

	taskQueue string // of the session's activities
	cancel    CancelFunc
	// outer is the context that the session was made with: what ends the session must
	// not be cancelled with it.
	outer Context
}

// recreateToken is what a session can be recreated with.
type recreateToken struct{ Taskqueue string }

// GetRecreateToken returns a token for RecreateSession, which the next run of the workflow
// may use.
func (s *SessionInfo) GetRecreateToken() []byte {
	token, err := json.Marshal(recreateToken{s.taskQueue})
	if err != nil {
		panic(err) // a string cannot fail to be encoded
	}
	return token
}

type sessionKey struct{}

// sessionOf is the session of the context, nil if none.
func sessionOf(ctx Context) *SessionInfo {
	session, _ := ctx.Value(sessionKey{}).(*SessionInfo)
	return session
}

// GetSessionInfo returns the session of ctx, the latest if there were several, and nil if
// none.
func GetSessionInfo(ctx Context) *SessionInfo {
	session := sessionOf(ctx)
	if session == nil {
		GetLogger(ctx).Warn("Context contains no session information")
	}
	return session
}

// CreateSession asks the workers of the task queue in ctx for a session, and returns the
// context for its activities.
func CreateSession(ctx Context, options *SessionOptions) (Context, error) {
	return createSession(ctx, SessionCreationQueue(activityOptionsOf(ctx).TaskQueue), options)
}

// RecreateSession asks the worker of an earlier session for another.
func RecreateSession(ctx Context, token []byte, options *SessionOptions) (Context, error) {
	var decoded recreateToken
	if err := json.Unmarshal(token, &decoded); err != nil {
		return nil, fmt.Errorf("failed to deserialize recreate token: %w", err)
	}
	return createSession(ctx, decoded.Taskqueue, options)
}

func createSession(ctx Context, taskQueue string, options *SessionOptions) (Context, error) {
	r := enterMutable(ctx).run
	if session := sessionOf(ctx); session != nil && session.SessionState == SessionStateOpen {
		return nil, errSessionOpen
	}
	session := &SessionInfo{}
	if err := SideEffect(ctx, func(Context) any { return uuid.NewString() }).Get(&session.SessionID); err != nil {
		return nil, err
	}
	created := GetSignalChannel(ctx, session.SessionID)
	session.outer = WithValue(ctx, sessionKey{}, session)
	sessionCtx, cancel := WithCancel(session.outer)
	session.cancel = cancel
	creationCtx := WithActivityOptions(sessionCtx, ActivityOptions{
		TaskQueue:              taskQueue,
		ScheduleToStartTimeout: options.CreationTimeout,
		StartToCloseTimeout:    options.ExecutionTimeout,
		HeartbeatTimeout:       orDefault(options.HeartbeatTimeout, defaultSessionHeartbeatTimeout),
		// A worker that is full says so, and another is asked; a session that was there
		// and is lost is not made again behind the workflow's back.
		RetryPolicy: &policy.Retry{
			InitialInterval:        time.Second,
			BackoffCoefficient:     1.1,
			MaximumInterval:        10 * time.Second,
			NonRetryableErrorTypes: []string{"TemporalTimeout:StartToClose", "TemporalTimeout:Heartbeat"},
		},
	})
	creation := ExecuteActivity(creationCtx, SessionCreationActivity, session.SessionID)

	var answer SessionCreated
	var failed error
	NewSelector(creationCtx).
		AddReceive(created, func(c ReceiveChannel, _ bool) { c.Receive(creationCtx, &answer) }).
		AddFuture(creation, func(f Future) { failed = f.Get(creationCtx, nil) }).
		Select(creationCtx)
	if failed != nil {
		cancel()
		return nil, failed
	}
	session.taskQueue, session.HostName = answer.Taskqueue, answer.HostName
	r.openSession(session)
	Go(creationCtx, func(creationCtx Context) { r.watchSession(creationCtx, session, creation) })
	return sessionCtx, nil
}

// watchSession notes when the worker of the session is lost.
func (r *run) watchSession(ctx Context, session *SessionInfo, creation Future) {
	err := creation.Get(ctx, nil)
	var canceled *failure.CanceledError
	if err == nil || errors.As(err, &canceled) {
		return
	}
	GetLogger(ctx).Debug("Session failed", "sessionID", session.SessionID, logtag.Error, err)
	session.SessionState = SessionStateFailed
	delete(r.sessions, session.SessionID)
	session.cancel()
}

// CompleteSession ends the session of ctx, if it is open.
func CompleteSession(ctx Context) {
	session := sessionOf(ctx)
	if session == nil || session.SessionState != SessionStateOpen {
		return
	}
	// The activity that holds the session open, and all of the session.
	session.cancel()
	// The worker would learn of it only with its next heartbeat.
	completionCtx := WithActivityOptions(session.outer, ActivityOptions{
		ScheduleToStartTimeout: sessionCompletionTimeout,
		StartToCloseTimeout:    sessionCompletionTimeout,
	})
	if err := ExecuteActivity(completionCtx, SessionCompletionActivity, session.SessionID).Get(completionCtx, nil); err != nil {
		GetLogger(completionCtx).Warn("Complete session activity failed", logtag.Error, err)
	}
	session.SessionState = SessionStateClosed
	delete(runOf(ctx).sessions, session.SessionID)
}

func (r *run) openSession(session *SessionInfo) {
	if r.sessions == nil {
		r.sessions = make(map[string]*SessionInfo)
	}
	r.sessions[session.SessionID] = session
}

// openSessions are the sessions that are open, in the order of their ids.
func (r *run) openSessions() []*SessionInfo {
	open := make([]*SessionInfo, 0, len(r.sessions))
	for _, id := range DeterministicKeys(r.sessions) {
		open = append(open, r.sessions[id])
	}
	return open
}

// sessionQueue is where an activity of the context's session is to be scheduled, "" if
// that is for its options to say. It fails if the session has failed.
func (r *run) sessionQueue(ctx Context, activityType string) (string, error) {
	if r.sessions == nil {
		return "", nil // there never was one
	}
	session := sessionOf(ctx)
	if session == nil || activityType == SessionCreationActivity {
		return "", nil
	}
	switch session.SessionState {
	case SessionStateOpen:
		return session.taskQueue, nil
	case SessionStateFailed:
		return "", ErrSessionFailed
	}
	return "", nil
}

func orDefault(value, byDefault time.Duration) time.Duration {
	if value == 0 {
		return byDefault
	}
	return value
}
