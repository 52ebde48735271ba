package client

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/policy"
)

// ActivityExecutionDescription is what the server knows about an activity. Times that are
// not known are the Unix epoch.
type ActivityExecutionDescription struct {
	// ClientActivityExecutionInfo is what is known about every activity.
	ClientActivityExecutionInfo
	// RawResponse is what the server sent.
	RawResponse *workflowservice.DescribeActivityExecutionResponse
	// ScheduleToCloseTimeout bounds the whole execution.
	ScheduleToCloseTimeout time.Duration
	// ScheduleToStartTimeout bounds the wait of an attempt for a worker.
	ScheduleToStartTimeout time.Duration
	// StartToCloseTimeout bounds one attempt.
	StartToCloseTimeout time.Duration
	// HeartbeatTimeout is how long an attempt may go without a heartbeat.
	HeartbeatTimeout time.Duration
	// StartDelay is the wait before the first attempt.
	StartDelay time.Duration
	// RunState says what a running activity is doing.
	RunState enumspb.PendingActivityState
	// LastHeartbeatTime is when its last heartbeat came.
	LastHeartbeatTime time.Time
	// LastStartedTime is when its last attempt began.
	LastStartedTime time.Time
	// Attempt is the number of the attempt, from 1.
	Attempt int32
	// TotalHeartbeatCount is how many heartbeats have come, of all attempts.
	TotalHeartbeatCount int64
	// RetryPolicy says how it is tried again.
	RetryPolicy *policy.Retry
	// ExpirationTime is when ScheduleToCloseTimeout ends it.
	ExpirationTime time.Time
	// LastWorkerIdentity is the worker of the last attempt.
	LastWorkerIdentity string
	// CurrentRetryInterval is the wait before the next attempt, if it waits.
	CurrentRetryInterval time.Duration
	// LastAttemptCompleteTime is when the last attempt ended.
	LastAttemptCompleteTime time.Time
	// NextAttemptScheduleTime is when the next attempt is due, if it waits.
	NextAttemptScheduleTime time.Time
	// LastDeploymentVersion is the version of the worker of the last attempt, or nil.
	LastDeploymentVersion *policy.WorkerDeploymentVersion
	// Priority orders its tasks relative to others.
	Priority policy.Priority
	// CanceledReason is why it was asked to stop.
	CanceledReason string

	dc converter.DataConverter
	fc converter.FailureConverter
}

// HasHeartbeatDetails tells whether there are details of a heartbeat. They must have been
// asked for.
func (d *ActivityExecutionDescription) HasHeartbeatDetails() bool {
	return len(d.RawResponse.GetInfo().GetHeartbeatDetails().GetPayloads()) > 0
}

// GetHeartbeatDetails decodes the details of the last heartbeat. It returns
// temporal.ErrNoData if there are none.
func (d *ActivityExecutionDescription) GetHeartbeatDetails(valuePtrs ...any) error {
	return d.decode(d.RawResponse.GetInfo().GetHeartbeatDetails(), valuePtrs)
}

// HasInput tells whether there are arguments. They must have been asked for.
func (d *ActivityExecutionDescription) HasInput() bool {
	return len(d.RawResponse.GetInput().GetPayloads()) > 0
}

// GetInput decodes the arguments. It returns temporal.ErrNoData if there are none.
func (d *ActivityExecutionDescription) GetInput(valuePtrs ...any) error {
	return d.decode(d.RawResponse.GetInput(), valuePtrs)
}

// HasResult tells whether the activity has succeeded. The outcome must have been asked for.
func (d *ActivityExecutionDescription) HasResult() bool {
	return d.RawResponse.GetOutcome().GetResult() != nil
}

// GetResult decodes the result. It returns temporal.ErrNoData if there is none.
func (d *ActivityExecutionDescription) GetResult(valuePtr any) error {
	return d.decode(d.RawResponse.GetOutcome().GetResult(), []any{valuePtr})
}

// HasOutcomeFailure tells whether the activity has closed without success. The outcome must
// have been asked for.
func (d *ActivityExecutionDescription) HasOutcomeFailure() bool {
	return d.RawResponse.GetOutcome().GetFailure() != nil
}

// GetOutcomeFailure returns why the activity did not succeed, or nil.
func (d *ActivityExecutionDescription) GetOutcomeFailure() error {
	f := d.RawResponse.GetOutcome().GetFailure()
	if f == nil {
		return nil
	}
	return d.fc.FailureToError(f)
}

// HasLastFailure tells whether an attempt has failed. The failure must have been asked for.
func (d *ActivityExecutionDescription) HasLastFailure() bool {
	return d.RawResponse.GetInfo().GetLastFailure() != nil
}

// GetLastFailure returns why the last attempt failed, or nil.
func (d *ActivityExecutionDescription) GetLastFailure() error {
	f := d.RawResponse.GetInfo().GetLastFailure()
	if f == nil {
		return nil
	}
	return d.fc.FailureToError(f)
}

// GetSummary returns the summary that the activity was started with, or an empty string.
func (d *ActivityExecutionDescription) GetSummary() (string, error) {
	return decodeString(d.dc, d.RawResponse.GetInfo().GetUserMetadata().GetSummary())
}

// GetStaticDetails returns the details that the activity was started with, or an empty
// string.
func (d *ActivityExecutionDescription) GetStaticDetails() (string, error) {
	return decodeString(d.dc, d.RawResponse.GetInfo().GetUserMetadata().GetDetails())
}

func (d *ActivityExecutionDescription) decode(payloads *commonpb.Payloads, valuePtrs []any) error {
	if payloads == nil {
		return encoded.ErrNoData
	}
	return d.dc.FromPayloads(payloads, valuePtrs...)
}

// decodeString decodes a string that may not be there.
func decodeString(dc converter.DataConverter, payload *commonpb.Payload) (string, error) {
	if payload == nil {
		return "", nil
	}
	var s string
	if err := dc.FromPayload(payload, &s); err != nil {
		return "", err
	}
	return s, nil
}
