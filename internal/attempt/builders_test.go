package attempt

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
)

// applicationFailure is a failure of the type.
func applicationFailure(errorType string, change ...func(*failurepb.ApplicationFailureInfo)) *failurepb.Failure {
	info := &failurepb.ApplicationFailureInfo{Type: errorType}
	for _, c := range change {
		c(info)
	}
	return &failurepb.Failure{
		Message:     "failed",
		FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: info},
	}
}

func nextRetryDelay(d time.Duration) func(*failurepb.ApplicationFailureInfo) {
	return func(info *failurepb.ApplicationFailureInfo) { info.NextRetryDelay = durationpb.New(d) }
}

func nonRetryable(info *failurepb.ApplicationFailureInfo) { info.NonRetryable = true }

// defaultPolicy is what a policy without anything set is completed to.
func defaultPolicy(change ...func(*commonpb.RetryPolicy)) *commonpb.RetryPolicy {
	policy := &commonpb.RetryPolicy{}
	for _, c := range change {
		c(policy)
	}
	if err := check.RetryPolicy(policy, &check.UnboundedRetries); err != nil {
		panic(err)
	}
	return policy
}
