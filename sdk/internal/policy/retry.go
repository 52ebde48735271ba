// Package policy holds the choices that workflows, activities and their starters
// share: how to retry, with what priority to run, on which version.
package policy

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Retry says how a failed activity or workflow is tried again.
//
// The wait before the n-th retry is InitialInterval * BackoffCoefficient^(n-1), at
// most MaximumInterval. The server does the waiting and fills in what is not set.
// Activities are retried by default, with every field at its default; workflows only
// if they are given a policy.
type Retry struct {
	// InitialInterval is the wait before the first retry. The default is 1 second.
	InitialInterval time.Duration

	// BackoffCoefficient is the factor by which the wait grows. It must be 1 or more.
	// The default is 2.
	BackoffCoefficient float64

	// MaximumInterval caps the wait. The default is 100 times InitialInterval.
	MaximumInterval time.Duration

	// MaximumAttempts is how often to try in all, the first time included. The default,
	// 0, is no limit other than the timeouts; 1 turns retries off.
	MaximumAttempts int32

	// NonRetryableErrorTypes lists the types of application errors, as their Type
	// method returns them, after which there is no retry. Cancellation is never
	// retried, and of timeouts only start-to-close and heartbeat.
	NonRetryableErrorTypes []string
}

// RetryToProto returns the policy as the API has it; nil stays nil.
func RetryToProto(r *Retry) *commonpb.RetryPolicy {
	if r == nil {
		return nil
	}
	return &commonpb.RetryPolicy{
		InitialInterval:        durationpb.New(r.InitialInterval),
		BackoffCoefficient:     r.BackoffCoefficient,
		MaximumInterval:        durationpb.New(r.MaximumInterval),
		MaximumAttempts:        r.MaximumAttempts,
		NonRetryableErrorTypes: r.NonRetryableErrorTypes,
	}
}

// RetryFromProto returns the policy of p; nil stays nil.
func RetryFromProto(p *commonpb.RetryPolicy) *Retry {
	if p == nil {
		return nil
	}
	return &Retry{
		InitialInterval:        p.GetInitialInterval().AsDuration(),
		BackoffCoefficient:     p.GetBackoffCoefficient(),
		MaximumInterval:        p.GetMaximumInterval().AsDuration(),
		MaximumAttempts:        p.GetMaximumAttempts(),
		NonRetryableErrorTypes: p.GetNonRetryableErrorTypes(),
	}
}
