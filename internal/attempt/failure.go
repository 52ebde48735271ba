package attempt

import (
	"unicode/utf8"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
)

// Messages of the failures that the server itself makes. Workers and people look
// for them, so they are part of the interface.
const (
	ResultTooLarge        = "Complete result exceeds size limit."
	FailureTooLarge       = "Failure exceeds size limit."
	CancelDetailsTooLarge = "Cancel details exceed size limit."
	HeartbeatTooLarge     = "Heartbeat details exceed size limit."
	NoTimeForRetry        = "Not enough time to schedule next retry before activity ScheduleToClose timeout, giving up retrying"
)

// ServerFailure is a failure that the server itself reports.
func ServerFailure(message string, nonRetryable bool) *failurepb.Failure {
	return &failurepb.Failure{
		Message: message,
		FailureInfo: &failurepb.Failure_ServerFailureInfo{
			ServerFailureInfo: &failurepb.ServerFailureInfo{NonRetryable: nonRetryable},
		},
	}
}

// TimeoutFailure is the failure of an activity that has run out of time.
func TimeoutFailure(message string, kind enumspb.TimeoutType) *failurepb.Failure {
	return &failurepb.Failure{
		Message: message,
		Source:  "Server",
		FailureInfo: &failurepb.Failure_TimeoutFailureInfo{
			TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: kind},
		},
	}
}

// LimitFailure returns the failure if it encodes to at most limit bytes, else a
// server failure whose cause is what of it fits into keep bytes.
func LimitFailure(failure *failurepb.Failure, limit, keep int, nonRetryable bool) (kept *failurepb.Failure, truncated bool) {
	if limit <= 0 || proto.Size(failure) <= limit {
		return failure, false
	}
	kept = ServerFailure(FailureTooLarge, nonRetryable)
	kept.Cause = truncateFailure(failure, keep)
	return kept, true
}

// retainedFailureSize is the most bytes of an attempt's failure that are kept while
// the activity is retried.
const retainedFailureSize = 4 << 10

// Retained is what is kept of the failure of an attempt while the activity is retried.
func Retained(failure *failurepb.Failure) *failurepb.Failure {
	kept, _ := LimitFailure(failure, retainedFailureSize, retainedFailureSize, false)
	return kept
}

// LimitReport cuts what a worker reports of a failed attempt to the limit of payloads:
// the failure to a quarter of it, heartbeat details to nothing. The failures in cut say
// what has been cut, to the worker.
func LimitReport(failure *failurepb.Failure, heartbeat *commonpb.Payloads, limit int) (
	kept *failurepb.Failure, details *commonpb.Payloads, cut []*failurepb.Failure,
) {
	if limit > 0 && heartbeat != nil && proto.Size(heartbeat) > limit {
		cut = append(cut, ServerFailure(HeartbeatTooLarge, true))
		heartbeat = nil
	}
	failure, truncated := LimitFailure(failure, limit, limit/4, true)
	if truncated {
		cut = append(cut, failure)
	}
	return failure, heartbeat, cut
}

// truncateFailure returns a copy of the failure that encodes to about maxSize
// bytes: type, source, message and stack trace in this order as far as they fit,
// and then the causes. Details and the info of other kinds of failures are left
// out.
func truncateFailure(failure *failurepb.Failure, maxSize int) *failurepb.Failure {
	// fieldOverhead is what a string or message field costs besides its content.
	const fieldOverhead = 4
	const maxDepth = 20

	left := maxSize
	take := func(s string) string {
		s = truncateUTF8(s, left)
		if s != "" {
			left -= len(s) + fieldOverhead
		}
		return s
	}
	var top *failurepb.Failure
	at := &top
	for depth := 0; failure != nil && left > fieldOverhead && depth <= maxDepth; depth++ {
		kept := &failurepb.Failure{}
		if info := failure.GetApplicationFailureInfo(); info != nil {
			kept.FailureInfo = &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{
				NonRetryable: info.NonRetryable,
				Type:         take(info.Type),
			}}
			left -= 2 * fieldOverhead
		} else if info := failure.GetServerFailureInfo(); info != nil {
			kept.FailureInfo = &failurepb.Failure_ServerFailureInfo{
				ServerFailureInfo: &failurepb.ServerFailureInfo{NonRetryable: info.NonRetryable},
			}
			left -= fieldOverhead
		}
		kept.Source = take(failure.Source)
		kept.Message = take(failure.Message)
		kept.StackTrace = take(failure.StackTrace)
		*at = kept
		at = &kept.Cause
		failure = failure.Cause
		left -= fieldOverhead
	}
	return top
}

// truncateUTF8 returns the longest prefix of s of at most n bytes that does not
// end inside a character.
func truncateUTF8(s string, n int) string {
	if n <= 0 {
		return ""
	}
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
