package flow

import (
	"strings"
	"testing"
	"time"

	querypb "go.temporal.io/api/query/v1"
)

// inSession runs an activity in a session, and one after it.
func inSession(ctx Context) (string, error) {
	ctx = activities(ctx)
	sessionCtx, err := CreateSession(ctx, &SessionOptions{CreationTimeout: time.Minute, ExecutionTimeout: time.Hour})
	if err != nil {
		return "", err
	}
	if _, err := CreateSession(sessionCtx, &SessionOptions{}); err != errSessionOpen {
		return "", err
	}
	var host string
	if err := ExecuteActivity(sessionCtx, Greet, "you").Get(sessionCtx, &host); err != nil {
		return "", err
	}
	CompleteSession(sessionCtx)
	if err := ExecuteActivity(ctx, Greet, "me").Get(ctx, nil); err != nil {
		return "", err
	}
	return host, nil
}

// sessionID is the id of the session that the script's workflow asked for.
func (s *script) sessionID() string {
	s.t.Helper()
	for _, event := range s.events {
		if payloads, ok := event.GetMarkerRecordedEventAttributes().GetDetails()["data"]; ok {
			return strings.Trim(string(payloads.GetPayloads()[0].GetData()), `"`)
		}
	}
	s.t.Fatal("no session was asked for")
	return ""
}

// queueOf is the task queue of the activity that was scheduled last.
func (s *script) queueOf() string {
	for i := len(s.events) - 1; i >= 0; i-- {
		if scheduled := s.events[i].GetActivityTaskScheduledEventAttributes(); scheduled != nil {
			return scheduled.GetTaskQueue().GetName()
		}
	}
	return ""
}

func (s *script) sessionCreated() *script {
	return s.signal(s.sessionID(), SessionCreated{Taskqueue: "resource@host", HostName: "host"})
}

func TestActivitiesOfASessionGoToItsWorker(t *testing.T) {
	s := newScript(t, inSession)
	s.run(`RecordMarker SideEffect`, `ScheduleActivityTask 6 internalSessionCreationActivity`)
	if got := s.queueOf(); got != "queue__internal_session_creation" {
		t.Errorf("the session is asked for on %q", got)
	}
	s.sessionCreated().run("ScheduleActivityTask 11 Greet")
	if got := s.queueOf(); got != "resource@host" {
		t.Errorf("an activity of the session is on %q", got)
	}
	answer, err := s.instance.Query(&querypb.WorkflowQuery{QueryType: QueryTypeOpenSessions})
	if err != nil || !strings.Contains(string(answer.GetPayloads()[0].GetData()), `"HostName":"host"`) {
		t.Errorf("the open sessions are %v, the error %v", answer, err)
	}
}

func TestASessionThatIsCompletedFreesItsWorkerAndItsContext(t *testing.T) {
	for _, evict := range []bool{false, true} {
		s := newScript(t, inSession)
		s.run(`RecordMarker SideEffect`, `ScheduleActivityTask 6 internalSessionCreationActivity`)
		s.sessionCreated().run("ScheduleActivityTask 11 Greet")
		if evict {
			s.evict()
		}
		s.activityDone("at host").run("RequestCancelActivityTask 6", "ScheduleActivityTask 17 internalSessionCompletionActivity")
		if got := s.queueOf(); got != "resource@host" {
			t.Errorf("the session is completed on %q", got)
		}
		if evict {
			s.evict()
		}
		s.activityDone(nil).run("ScheduleActivityTask 22 Greet")
		if got := s.queueOf(); got != "queue" {
			t.Errorf("an activity after the session is on %q", got)
		}
		s.activityDone("").run(`CompleteWorkflowExecution "at host"`)
	}
}

func TestASessionFailsWithItsWorker(t *testing.T) {
	s := newScript(t, func(ctx Context) (string, error) {
		ctx = activities(ctx)
		sessionCtx, err := CreateSession(ctx, &SessionOptions{CreationTimeout: time.Minute, ExecutionTimeout: time.Hour})
		if err != nil {
			return "", err
		}
		GetSignalChannel(ctx, "go").Receive(ctx, nil)
		if sessionCtx.Err() == nil || GetSessionInfo(sessionCtx).SessionState != SessionStateFailed {
			return "the session has not failed", nil
		}
		if err := ExecuteActivity(sessionCtx, Greet, "you").Get(ctx, nil); err != ErrSessionFailed {
			return "the error is wrong", err
		}
		return "failed", nil
	})
	s.run(`RecordMarker SideEffect`, `ScheduleActivityTask 6 internalSessionCreationActivity`)
	s.sessionCreated().run()
	s.activityFailed("the worker is gone").run()
	s.signal("go", nil).run(`CompleteWorkflowExecution "failed"`)
}

func TestASessionThatCannotBeCreatedIsAnError(t *testing.T) {
	s := newScript(t, func(ctx Context) (string, error) {
		_, err := CreateSession(activities(ctx), &SessionOptions{CreationTimeout: time.Minute, ExecutionTimeout: time.Hour})
		return err.Error(), nil
	})
	s.run(`RecordMarker SideEffect`, `ScheduleActivityTask 6 internalSessionCreationActivity`)
	outcome := s.activityFailed("no room").task().handle()
	if got := describe(outcome.Completed.Commands[0]); !strings.Contains(got, "no room") {
		t.Fatalf("the workflow ended with %s", got)
	}
}

func TestASessionIsRecreatedOnItsWorker(t *testing.T) {
	token := (&SessionInfo{taskQueue: "resource@host"}).GetRecreateToken()
	if string(token) != `{"Taskqueue":"resource@host"}` {
		t.Errorf("the token is %s", token)
	}
	s := newScript(t, func(ctx Context) error {
		_, err := RecreateSession(activities(ctx), token, &SessionOptions{CreationTimeout: time.Minute, ExecutionTimeout: time.Hour})
		return err
	})
	s.run(`RecordMarker SideEffect`, `ScheduleActivityTask 6 internalSessionCreationActivity`)
	if got := s.queueOf(); got != "resource@host" {
		t.Errorf("the session is asked for on %q", got)
	}
}
