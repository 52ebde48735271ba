package activity

import (
	"errors"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

type applicationInfo = failurepb.ApplicationFailureInfo

func failed(message string, change ...func(*applicationInfo)) *failurepb.Failure {
	info := &applicationInfo{Type: "T"}
	for _, c := range change {
		c(info)
	}
	return &failurepb.Failure{Message: message, FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: info}}
}

const (
	completed  = enumspb.ACTIVITY_EXECUTION_STATUS_COMPLETED
	isFailed   = enumspb.ACTIVITY_EXECUTION_STATUS_FAILED
	timedOut   = enumspb.ACTIVITY_EXECUTION_STATUS_TIMED_OUT
	isCanceled = enumspb.ACTIVITY_EXECUTION_STATUS_CANCELED
	noRetry    = enumspb.RETRY_STATE_UNSPECIFIED
)

func TestAnActivityCompletesWithItsResult(t *testing.T) {
	e := newEngine(t)
	runID := e.start()
	task := e.poll()
	if task.WorkflowExecution.GetWorkflowId() != "" || task.WorkflowNamespace != "space" || task.ActivityRunId != runID || task.ActivityId != "a" || task.Attempt != 1 {
		t.Errorf("the task is %v", task)
	}
	e.advance(time.Second)
	if err := e.complete(byToken(e, task)); err != nil {
		t.Fatal(err)
	}
	e.crash()
	outcome := e.wantOutcome(runID, completed, "", noRetry)
	if !proto.Equal(outcome.GetResult(), text("result")) {
		t.Errorf("the outcome is %v", outcome)
	}
	if info := e.describe("").Info; info.ExecutionDuration.AsDuration() != time.Second || info.LastWorkerIdentity != "worker" || info.SdkName != "sdk" {
		t.Errorf("it is described as %v", info)
	}
	if err := e.complete(byToken(e, task)); !notFound(err) {
		t.Errorf("a second result: %v", err)
	}
}

func TestAFailedAttemptIsRetriedByItsPolicy(t *testing.T) {
	e := newEngine(t)
	e.start(func(r *startRequest) { r.RetryPolicy.MaximumAttempts = 3 })
	for n, rest := range []time.Duration{time.Second, 2 * time.Second} {
		task := e.poll()
		if task.Attempt != int32(n+1) || task.Input == nil {
			t.Fatalf("attempt %d is %v", n+1, task)
		}
		if err := e.fail(byToken(e, task), "broken"); err != nil {
			t.Fatal(err)
		}
		if info := e.describe("").Info; info.CurrentRetryInterval.AsDuration() != rest || info.LastFailure.GetMessage() != "broken" {
			t.Errorf("after attempt %d it is described as %v", n+1, info)
		}
		if e.tryPoll() != nil {
			t.Error("there is another attempt at once")
		}
		e.crash()
		e.advance(rest)
	}
	if err := e.fail(byToken(e, e.poll()), "at last"); err != nil {
		t.Fatal(err)
	}
	e.wantOutcome("", isFailed, "at last", enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED)
	if failure := e.describe("").Info.LastFailure; failure.GetMessage() != "at last" {
		t.Errorf("the last failure is %v", failure)
	}
}

func TestAWorkerMayAskForAnotherRest(t *testing.T) {
	e := newEngine(t)
	e.start()
	if err := e.fail(byToken(e, e.poll()), "x", func(i *applicationInfo) { i.NextRetryDelay = durationpb.New(time.Hour) }); err != nil {
		t.Fatal(err)
	}
	e.advance(time.Hour - 1)
	if e.tryPoll() != nil {
		t.Error("the rest is over before its time")
	}
	e.advance(1)
	e.poll()
}

func TestAFailureThatIsNotToBeRetriedIsTheEnd(t *testing.T) {
	e := newEngine(t)
	e.start()
	if err := e.fail(byToken(e, e.poll()), "x", func(i *applicationInfo) { i.NonRetryable = true }); err != nil {
		t.Fatal(err)
	}
	e.wantOutcome("", isFailed, "x", enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE)
}

func TestTimeouts(t *testing.T) {
	once := func(r *startRequest) { r.RetryPolicy.MaximumAttempts = 1 }
	for _, test := range []struct {
		name   string
		change func(*startRequest)
		poll   bool
		after  time.Duration
		want   string
		state  enumspb.RetryState
	}{
		{"nobody takes it", func(r *startRequest) { r.ScheduleToStartTimeout = durationpb.New(5 * time.Second) }, false, 5 * time.Second,
			"activity ScheduleToStart timeout", enumspb.RETRY_STATE_TIMEOUT},
		{"the whole of it", func(r *startRequest) { r.ScheduleToCloseTimeout = durationpb.New(5 * time.Second) }, true, 5 * time.Second,
			"activity ScheduleToClose timeout", enumspb.RETRY_STATE_TIMEOUT},
		{"the only attempt", once, true, time.Minute, "activity StartToClose timeout", enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED},
		{"no sign of life", func(r *startRequest) { once(r); r.HeartbeatTimeout = durationpb.New(time.Second) }, true, time.Second,
			"activity Heartbeat timeout", enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED},
		{"no time for another attempt", func(r *startRequest) { r.ScheduleToCloseTimeout = durationpb.New(60*time.Second + 1) }, true, time.Minute,
			attempt.NoTimeForRetry, enumspb.RETRY_STATE_TIMEOUT},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := newEngine(t)
			e.start(test.change)
			if test.poll {
				e.poll()
			}
			e.advance(test.after - 1)
			if info := e.describe("").Info; info.CloseTime != nil {
				t.Fatalf("it has closed early: %v", info)
			}
			e.advance(1)
			e.wantOutcome("", timedOut, test.want, test.state)
		})
	}
}

func TestHeartbeatsKeepAnAttemptAliveAndReachTheNextOne(t *testing.T) {
	e := newEngine(t)
	e.start(func(r *startRequest) { r.HeartbeatTimeout = durationpb.New(2 * time.Second) })
	task := e.poll()
	for range 5 {
		e.advance(time.Second)
		if answer, err := e.heartbeat(byToken(e, task), "progress"); err != nil || answer != (attempt.HeartbeatAnswer{}) {
			t.Fatalf("heartbeat: %v, %v", answer, err)
		}
	}
	if info := e.describe("").Info; info.TotalHeartbeatCount != 5 || info.HeartbeatDetails == nil {
		t.Errorf("it is described as %v", info)
	}
	e.advance(3 * time.Second)
	if next := e.poll(); next.Attempt != 2 || !proto.Equal(next.HeartbeatDetails, text("progress")) {
		t.Errorf("the next attempt is %v", next)
	}
	if _, err := e.heartbeat(byToken(e, task), ""); !notFound(err) {
		t.Errorf("a heartbeat of the attempt before: %v", err)
	}
}

func TestAStartThatAPowerCutHasTakenIsProvedByItsToken(t *testing.T) {
	e := newEngine(t)
	e.start()
	task := e.poll()
	e.powerCut()
	if len(e.tasks) != 1 {
		t.Fatal("the start was not lost")
	}
	if err := e.complete(byToken(e, task)); err != nil {
		t.Error(err)
	}
}

func TestTheOnlyAttemptIsGivenToOneWorker(t *testing.T) {
	e := newEngine(t)
	e.start(func(r *startRequest) { r.RetryPolicy.MaximumAttempts = 1 })
	e.poll()
	e.powerCut()
	if e.tryPoll() != nil {
		t.Error("the only attempt is given to another worker")
	}
}

func TestPoliciesDecideWhoHasTheID(t *testing.T) {
	use := func(r *startRequest) { r.IdConflictPolicy = enumspb.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING }
	failedOnly := func(r *startRequest) { r.IdReusePolicy = enumspb.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY }
	reject := func(r *startRequest) { r.IdReusePolicy = enumspb.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE }
	inTheWay := func(err error) bool {
		var started *serviceerror.ActivityExecutionAlreadyStarted
		return errors.As(err, &started)
	}
	e := newEngine(t)
	first := e.start(func(r *startRequest) { r.RequestId = "request" })
	if resp, err := e.tryStart(func(r *startRequest) { r.RequestId = "request" }); err != nil || resp.RunId != first || resp.Started {
		t.Errorf("the same request: %v, %v", resp, err)
	}
	if _, err := e.tryStart(); !inTheWay(err) {
		t.Errorf("while one runs: %v", err)
	}
	if resp, err := e.tryStart(use); err != nil || resp.RunId != first || resp.Started {
		t.Errorf("one that uses what there is: %v, %v", resp, err)
	}
	if err := e.complete(byID()); err != nil {
		t.Fatal(err)
	}
	for name, policy := range map[string]func(*startRequest){"failed only": failedOnly, "reject": reject} {
		if _, err := e.tryStart(policy); !inTheWay(err) {
			t.Errorf("%s, after a success: %v", name, err)
		}
	}
	second := e.start()
	if second == first {
		t.Error("a new start has the old run")
	}
	if err := e.cancel("c"); err != nil {
		t.Fatal(err)
	}
	e.start(failedOnly)
	if info := e.describe(first).Info; info.Status != completed {
		t.Errorf("the first run is %v", info)
	}
}

func TestACancellationIsAtOnceOrWhenTheWorkerAgrees(t *testing.T) {
	e := newEngine(t)
	e.start()
	if err := e.cancel("one"); err != nil {
		t.Fatal(err)
	}
	outcome := e.wantOutcome("", isCanceled, "Activity canceled", noRetry)
	if details := outcome.GetFailure().GetCanceledFailureInfo().GetDetails().GetPayloads(); len(details) != 1 || string(details[0].Data) != `"enough"` {
		t.Errorf("the details are %v", details)
	}
	if err := e.cancel("one"); err != nil {
		t.Errorf("the same request again: %v", err)
	}
	if err := e.cancel("two"); !refused(err, "activity is in terminal state Canceled") {
		t.Errorf("a request too late: %v", err)
	}

	e.start()
	task := e.poll()
	report := func() error {
		return e.step(func(step *entity.Step, c *Chain) error {
			return c.CancelActivity(step, byToken(e, task), nil, "worker")
		})
	}
	var invalid *serviceerror.InvalidArgument
	if err := report(); !errors.As(err, &invalid) {
		t.Errorf("a cancellation that nobody has asked for: %v", err)
	}
	if err := e.cancel("three"); err != nil {
		t.Fatal(err)
	}
	if err := e.cancel("four"); !refused(err, "cancellation already requested with request ID three") {
		t.Errorf("another request: %v", err)
	}
	if answer, err := e.heartbeat(byToken(e, task), ""); err != nil || !answer.CancelRequested {
		t.Errorf("the worker is told %v, %v", answer, err)
	}
	if err := report(); err != nil {
		t.Fatal(err)
	}
	if outcome := e.wantOutcome("", isCanceled, "Activity canceled", noRetry); outcome.GetFailure().GetCanceledFailureInfo().GetIdentity() != "client" {
		t.Errorf("the outcome is %v", outcome)
	}
}

func TestAnActivityThatIsToBeCancelledIsNotRetried(t *testing.T) {
	e := newEngine(t)
	e.start()
	task := e.poll()
	if err := errors.Join(e.cancel("c"), e.fail(byToken(e, task), "x")); err != nil {
		t.Fatal(err)
	}
	e.wantOutcome("", isFailed, "x", enumspb.RETRY_STATE_CANCEL_REQUESTED)
}

func TestAStartDelayPutsOffTheFirstAttemptAndItsTimeouts(t *testing.T) {
	e := newEngine(t)
	e.start(func(r *startRequest) {
		r.StartDelay = durationpb.New(time.Hour)
		r.ScheduleToStartTimeout, r.ScheduleToCloseTimeout = durationpb.New(time.Minute), durationpb.New(time.Minute)
	})
	e.advance(time.Hour - 1)
	if e.tryPoll() != nil {
		t.Error("it begins before its time")
	}
	if info := e.describe("").Info; !info.NextAttemptScheduleTime.AsTime().Equal(epoch.Add(time.Hour)) || !info.ExpirationTime.AsTime().Equal(epoch.Add(time.Hour+time.Minute)) {
		t.Errorf("it is described as %v", info)
	}
	e.advance(1)
	if task := e.poll(); !task.ScheduledTime.AsTime().Equal(epoch) || !task.CurrentAttemptScheduledTime.AsTime().Equal(epoch.Add(time.Hour)) {
		t.Errorf("the task is %v", task)
	}
}

func TestAResultThatIsTooLargeFailsTheActivity(t *testing.T) {
	e := newEngine(t)
	e.limits.Blob = 100
	e.start()
	long := text(strings.Repeat("x", 200))
	ref := byToken(e, e.poll())
	if err := e.step(func(step *entity.Step, c *Chain) error { return c.CompleteActivity(step, ref, long, "worker") }); err != nil {
		t.Fatal(err)
	}
	e.wantOutcome("", isFailed, attempt.ResultTooLarge, enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE)
}

func TestLinksAreAttachedOncePerRequestAndBounded(t *testing.T) {
	link := func(id string) []*commonpb.Link {
		return []*commonpb.Link{{Variant: &commonpb.Link_BatchJob_{BatchJob: &commonpb.Link_BatchJob{JobId: id}}}}
	}
	attach := func(id string) func(*startRequest) {
		return func(r *startRequest) {
			r.RequestId, r.Links = id, link(id)
			r.IdConflictPolicy = enumspb.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING
			r.OnConflictOptions = &commonpb.OnConflictOptions{AttachLinks: true}
		}
	}
	e := newEngine(t)
	e.limits.Links = 2
	e.start(attach("one"))
	e.start(attach("two"))
	e.crash()
	e.start(attach("two"))
	if links := e.describe("").Info.Links; len(links) != 2 {
		t.Errorf("the links are %v", links)
	}
	if _, err := e.tryStart(attach("three")); !refused(err, "cannot attach more than 2 links to an activity (2 links already attached)") {
		t.Errorf("a link too many: %v", err)
	}
}

func TestADescriptionIsAwaitedWithTheTokenOfTheLastOne(t *testing.T) {
	e := newEngine(t)
	runID := e.start()
	describe := func(token []byte) (*workflowservice.DescribeActivityExecutionResponse, error) {
		return e.chain.Describe(reader{e.records, e.now}, &workflowservice.DescribeActivityExecutionRequest{RunId: runID, LongPollToken: token})
	}
	first, err := describe(nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := describe(first.LongPollToken); again != nil || err != nil {
		t.Errorf("without a change: %v, %v", again, err)
	}
	e.poll()
	if again, err := describe(first.LongPollToken); err != nil || again.GetInfo().GetRunState() != enumspb.PENDING_ACTIVITY_STATE_STARTED {
		t.Errorf("after a change: %v, %v", again, err)
	}
	var invalid *serviceerror.InvalidArgument
	if _, err := describe([]byte("nonsense")); !errors.As(err, &invalid) {
		t.Errorf("a token that is none: %v", err)
	}
	if err := e.step(func(step *entity.Step, c *Chain) error { return c.Delete(step, "") }); err != nil {
		t.Fatal(err)
	}
	runID = e.start()
	if _, err := describe(first.LongPollToken); !errors.As(err, &invalid) {
		t.Errorf("the token of another run: %v", err)
	}
}
