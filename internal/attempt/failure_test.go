package attempt

import (
	"strings"
	"testing"
	"unicode/utf8"

	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
)

func TestTruncatedFailureFitsAndKeepsWhatMattersFirst(t *testing.T) {
	long := applicationFailure("Broken", nonRetryable)
	long.Message = strings.Repeat("häßlich ", 2000)
	long.StackTrace = strings.Repeat("at main ", 2000)
	long.Cause = applicationFailure("Deeper")

	short := truncateFailure(long, 4096)
	if size := proto.Size(short); size > 4096 {
		t.Errorf("size is %d", size)
	}
	info := short.GetApplicationFailureInfo()
	if info.GetType() != "Broken" || !info.GetNonRetryable() {
		t.Errorf("info is %v", info)
	}
	if !strings.HasPrefix(long.Message, short.Message) || len(short.Message) < 3500 || !utf8.ValidString(short.Message) {
		t.Errorf("message has %d bytes, valid: %v", len(short.Message), utf8.ValidString(short.Message))
	}
	if short.StackTrace != "" {
		t.Error("stack trace is kept though the message has not fitted")
	}
}

func TestTruncatedFailureKeepsCausesWhileThereIsRoom(t *testing.T) {
	top := applicationFailure("A")
	top.Cause = applicationFailure("B")
	if short := truncateFailure(top, 4096); short.GetCause().GetApplicationFailureInfo().GetType() != "B" {
		t.Errorf("got %v", short)
	}
}

func TestTruncatingEndsForEndlessChainsOfCauses(t *testing.T) {
	var chain *failurepb.Failure
	for range 1000 {
		chain = &failurepb.Failure{Message: "x", Cause: chain}
	}
	depth := 0
	for f := truncateFailure(chain, 1<<20); f != nil; f = f.Cause {
		depth++
	}
	if depth > 21 {
		t.Errorf("depth is %d", depth)
	}
}

func TestFailureWithinTheLimitIsLeftAlone(t *testing.T) {
	failure := applicationFailure("A")
	if kept, cut := LimitFailure(failure, 1000, 1000, true); kept != failure || cut {
		t.Errorf("got %v, %v", kept, cut)
	}
}
