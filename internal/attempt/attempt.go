// Package attempt is what all activities have in common, those of workflows and those
// without one: how attempts begin and end, when the next one is made, what runs out
// when, and what workers are told. It works on records.Activity, which holds an
// activity's options, its current attempt, and the end of the last one.
//
// An attempt is scheduled, started by a worker, and ended by a report or a timeout:
//
//	scheduled --Start--> started --report, timeout--> over
//	    ^                           |
//	    |                           | failed, and may be retried (End)
//	    +---- RetryAt has come ---- backing off
//
// Everything here is a function of its arguments. What becomes of an activity that
// ends for good, where its tasks wait and what is written of it is the business of those
// who own it: package workflow, where it is a pending item of a run, and package
// activity, where it is an entity.
package attempt

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/records"
)

// Ref names an activity whose fate is reported: by the token its worker was given, or
// by ids.
type Ref struct {
	// Token, if not nil, is the token of the attempt, and the ids are not looked at.
	Token *records.TaskToken
	// RunID is the run that scheduled the activity or, of an activity without a workflow,
	// its own; empty: the current one.
	RunID      string
	ActivityID string
}

// HeartbeatAnswer is what an attempt learns of itself with a heartbeat.
type HeartbeatAnswer struct {
	// CancelRequested: the activity is to be cancelled.
	CancelRequested bool
	// Paused: the activity is paused, and there is no use in going on. Reset: the next
	// attempt begins anew.
	Paused, Reset bool
}

// Start marks the attempt as started now by the worker.
func Start(act *records.Activity, now time.Time, identity, requestID string) {
	act.StartedTime = timestamppb.New(now)
	act.StartedIdentity = identity
	act.StartedRequestId = requestID
}

// End notes that the attempt has ended with the failure, which Retained has made. The
// next attempt is not planned yet.
func End(act *records.Activity, now time.Time, failure *failurepb.Failure) {
	act.LastFailure = failure
	act.LastAttemptCompleteTime = timestamppb.New(now)
	if act.StartedIdentity != "" {
		act.LastWorkerIdentity = act.StartedIdentity
	}
	act.Attempt++
	act.Stamp++
	act.StartedTime, act.StartedIdentity, act.StartedRequestId = nil, "", ""
}

// Backoff plans the next attempt for the end of the interval.
func Backoff(act *records.Activity, now time.Time, interval time.Duration) {
	act.RetryAt = timestamppb.New(now.Add(interval))
	act.ScheduledTime = act.RetryAt
}

// Heartbeat notes that the attempt is alive and how far it has come.
func Heartbeat(act *records.Activity, now time.Time, details *commonpb.Payloads, identity string) {
	act.HeartbeatTime = timestamppb.New(now)
	act.HeartbeatDetails = details
	if identity != "" {
		act.LastWorkerIdentity = identity
	}
}

// Paused reports whether the activity itself is paused, whatever its workflow is.
func Paused(act *records.Activity) bool { return act.GetControl().GetPaused() }

// Matches reports whether the token is of the activity's current attempt, even if an
// operator has changed since what the token says of it. An attempt that is not marked as
// started matches as well: a token exists only if it was started, so the mark has been
// lost by a crash.
func Matches(token *records.TaskToken, act *records.Activity, now time.Time) bool {
	switch {
	case act == nil || token.ActivityId != act.ActivityId:
		return false
	case token.Attempt != act.Attempt && !act.GetControl().GetAttemptChanged():
		return false
	case act.StartedTime == nil:
		return act.RetryAt == nil && token.Stamp == act.Stamp && token.StartedTime > 0 && token.StartedTime <= now.UnixNano()
	}
	return token.StartedTime == act.StartedTime.AsTime().UnixNano()
}

// RestoreStart renews the started mark that a crash has lost, as the token proves.
func RestoreStart(act *records.Activity, token *records.TaskToken, identity string) {
	act.StartedTime = timestamppb.New(time.Unix(0, token.StartedTime))
	act.StartedIdentity = identity
}

// LazyStart reports whether the mark that an attempt is started may be lost by a power
// cut: it is then offered again, which an activity that may be retried has to expect
// anyway.
func LazyStart(act *records.Activity) bool {
	return act.RetryPolicy == nil || act.RetryPolicy.MaximumAttempts != 1
}
