package check

import (
	enumspb "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// ofActivity is the place of what requests about one activity say: its id, that of its
// run, who asks for what and why.
var ofActivity = &Place{
	unset:     "%[1]s is required",
	long:      "%[1]s exceeds length limit. Length=%[3]d Limit=%[4]d",
	duration:  "invalid %[1]s: %[3]v",
	malformed: "invalid %[1]s",
}

// CheckActivityID checks the id of an activity in a request about it.
func (l *Limits) CheckActivityID(id string) error { return l.CheckID("activity ID", id, ofActivity) }

// ActivityRunID accepts the id of a run of an activity, or none.
func ActivityRunID(id string) error {
	if RunID(id, ofActivity) != nil {
		return invalid("invalid run id: must be a valid UUID")
	}
	return nil
}

// CheckActivityRequest checks who asks for something to be done to an activity, and completes
// the id of the request.
func (l *Limits) CheckActivityRequest(requestID *string, identity string) error {
	if err := l.CheckActivityRequestID(requestID); err != nil {
		return err
	}
	return l.CheckLength("identity", identity, ofActivity)
}

// CheckActivityRequestID completes and checks the id of a request about an activity.
func (l *Limits) CheckActivityRequestID(id *string) error {
	if *id == "" {
		*id = NewRequestID()
	}
	return l.CheckLength("request ID", *id, ofActivity)
}

// Jitter checks over how much time something is spread.
func Jitter(jitter *durationpb.Duration) error { return Duration("jitter", jitter, ofActivity) }

// CheckReason bounds why something is done to an activity.
func (l *Limits) CheckReason(reason string) error {
	if len(reason) > l.Blob {
		return invalid("reason exceeds length limit")
	}
	return nil
}

// CheckActivityInput bounds the input of an activity.
func (l *Limits) CheckActivityInput(input proto.Message) error {
	if proto.Size(input) > l.Blob {
		return invalid("input exceeds length limit")
	}
	return nil
}

// UserMetadata bounds the summary and the details that people read, in bytes.
func UserMetadata(metadata *sdkpb.UserMetadata, summary, details int) error {
	if size := proto.Size(metadata.GetSummary()); size > summary {
		return invalid("user_metadata.summary exceeds size limit. Length=%d Limit=%d", size, summary)
	}
	if size := proto.Size(metadata.GetDetails()); size > details {
		return invalid("user_metadata.details exceeds size limit. Length=%d Limit=%d", size, details)
	}
	return nil
}

// ActivityPolicies gives both policies of a start a value.
func ActivityPolicies(req *workflowservice.StartActivityExecutionRequest) error {
	switch req.IdReusePolicy {
	case enumspb.ACTIVITY_ID_REUSE_POLICY_UNSPECIFIED:
		req.IdReusePolicy = enumspb.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE
	case enumspb.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE, enumspb.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		enumspb.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE:
	default:
		return invalid("unsupported ID reuse policy: %v", req.IdReusePolicy)
	}
	switch req.IdConflictPolicy {
	case enumspb.ACTIVITY_ID_CONFLICT_POLICY_UNSPECIFIED:
		req.IdConflictPolicy = enumspb.ACTIVITY_ID_CONFLICT_POLICY_FAIL
	case enumspb.ACTIVITY_ID_CONFLICT_POLICY_FAIL, enumspb.ACTIVITY_ID_CONFLICT_POLICY_USE_EXISTING:
	default:
		return invalid("unsupported ID conflict policy: %v", req.IdConflictPolicy)
	}
	return nil
}
