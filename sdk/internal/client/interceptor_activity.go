package client

import (
	"context"

	"github.com/perdure/perdure/sdk/converter"
)

// activityOutboundInterceptor is the part of ClientOutboundInterceptor that is about
// activities that belong to no workflow.
type activityOutboundInterceptor interface {
	// ExecuteActivity intercepts Client.ExecuteActivity.
	ExecuteActivity(ctx context.Context, in *ClientExecuteActivityInput) (ActivityHandle, error)
	// GetActivityHandle intercepts Client.GetActivityHandle.
	GetActivityHandle(in *ClientGetActivityHandleInput) ActivityHandle
	// CancelActivity intercepts ActivityHandle.Cancel. It sends no header, nor do the
	// following methods.
	CancelActivity(ctx context.Context, in *ClientCancelActivityInput) error
	// TerminateActivity intercepts ActivityHandle.Terminate.
	TerminateActivity(ctx context.Context, in *ClientTerminateActivityInput) error
	// PauseActivity intercepts ActivityHandle.Pause.
	PauseActivity(ctx context.Context, in *ClientPauseActivityInput) error
	// UnpauseActivity intercepts ActivityHandle.Unpause.
	UnpauseActivity(ctx context.Context, in *ClientUnpauseActivityInput) error
	// UpdateActivityOptions intercepts ActivityHandle.UpdateOptions and
	// RestoreOriginalOptions.
	UpdateActivityOptions(ctx context.Context, in *ClientUpdateActivityOptionsInput) (*ClientUpdateActivityOptionsOutput, error)
	// DescribeActivity intercepts ActivityHandle.Describe.
	DescribeActivity(ctx context.Context, in *ClientDescribeActivityInput) (*ClientDescribeActivityOutput, error)
	// PollActivityResult intercepts the wait for the outcome in ActivityHandle.Get.
	PollActivityResult(ctx context.Context, in *ClientPollActivityResultInput) (*ClientPollActivityResultOutput, error)
}

// ClientExecuteActivityInput is the input of ClientOutboundInterceptor.ExecuteActivity.
type ClientExecuteActivityInput struct {
	// Options are not checked yet.
	Options *StartActivityOptions
	// ActivityType is the name of the activity.
	ActivityType string
	// Args are the activity's arguments.
	Args []any
}

// ClientGetActivityHandleInput is the input of
// ClientOutboundInterceptor.GetActivityHandle.
type ClientGetActivityHandleInput struct {
	// ActivityID names the activity that the handle is for.
	ActivityID string
	// RunID is empty for the latest run.
	RunID string
}

// ClientCancelActivityInput is the input of ClientOutboundInterceptor.CancelActivity.
type ClientCancelActivityInput struct {
	// ActivityID names the activity that is asked to stop.
	ActivityID string
	// RunID is empty for the latest run.
	RunID string
	// Reason is for people.
	Reason string
}

// ClientTerminateActivityInput is the input of
// ClientOutboundInterceptor.TerminateActivity.
type ClientTerminateActivityInput struct {
	// ActivityID names the activity that is ended.
	ActivityID string
	// RunID is empty for the latest run.
	RunID string
	// Reason is for people.
	Reason string
}

// ClientPauseActivityInput is the input of ClientOutboundInterceptor.PauseActivity.
type ClientPauseActivityInput struct {
	// ActivityID names the activity that is not to be tried again for now.
	ActivityID string
	// RunID is empty for the latest run.
	RunID string
	// Options are never nil.
	Options *PauseActivityOptions
}

// ClientUnpauseActivityInput is the input of ClientOutboundInterceptor.UnpauseActivity.
type ClientUnpauseActivityInput struct {
	// ActivityID names the activity that is to go on.
	ActivityID string
	// RunID is empty for the latest run.
	RunID string
	// Options are never nil.
	Options *UnpauseActivityOptions
}

// ClientUpdateActivityOptionsInput is the input of
// ClientOutboundInterceptor.UpdateActivityOptions.
type ClientUpdateActivityOptionsInput struct {
	// ActivityID names the activity that is changed.
	ActivityID string
	// RunID is empty for the latest run.
	RunID string
	// Update is what changes, nil if RestoreOriginal is set.
	Update *ActivityOptionsUpdate
	// RestoreOriginal undoes all changes.
	RestoreOriginal bool
}

// ClientUpdateActivityOptionsOutput is the output of
// ClientOutboundInterceptor.UpdateActivityOptions.
type ClientUpdateActivityOptionsOutput struct {
	// Options are what they are after the change.
	Options *ActivityExecutionOptions
}

// ClientDescribeActivityInput is the input of ClientOutboundInterceptor.DescribeActivity.
type ClientDescribeActivityInput struct {
	// ActivityID names the activity that is described.
	ActivityID string
	// RunID is empty for the latest run.
	RunID string
	// Options are never nil.
	Options *DescribeActivityOptions
}

// ClientDescribeActivityOutput is the output of ClientOutboundInterceptor.DescribeActivity.
type ClientDescribeActivityOutput struct {
	// Description is what the server knows about the activity.
	Description *ActivityExecutionDescription
}

// ClientPollActivityResultInput is the input of
// ClientOutboundInterceptor.PollActivityResult.
type ClientPollActivityResultInput struct {
	// ActivityID names the activity that is waited for.
	ActivityID string
	// RunID is empty for the latest run.
	RunID string
}

// ClientPollActivityResultOutput is the output of
// ClientOutboundInterceptor.PollActivityResult.
type ClientPollActivityResultOutput struct {
	// Result is what the activity returned, if Error is nil.
	Result converter.EncodedValue
	// Error is why it did not succeed.
	Error error
}

// ExecuteActivity implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) ExecuteActivity(ctx context.Context, in *ClientExecuteActivityInput) (ActivityHandle, error) {
	return b.Next.ExecuteActivity(ctx, in)
}

// GetActivityHandle implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) GetActivityHandle(in *ClientGetActivityHandleInput) ActivityHandle {
	return b.Next.GetActivityHandle(in)
}

// CancelActivity implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) CancelActivity(ctx context.Context, in *ClientCancelActivityInput) error {
	return b.Next.CancelActivity(ctx, in)
}

// TerminateActivity implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) TerminateActivity(ctx context.Context, in *ClientTerminateActivityInput) error {
	return b.Next.TerminateActivity(ctx, in)
}

// PauseActivity implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) PauseActivity(ctx context.Context, in *ClientPauseActivityInput) error {
	return b.Next.PauseActivity(ctx, in)
}

// UnpauseActivity implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) UnpauseActivity(ctx context.Context, in *ClientUnpauseActivityInput) error {
	return b.Next.UnpauseActivity(ctx, in)
}

// UpdateActivityOptions implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) UpdateActivityOptions(ctx context.Context, in *ClientUpdateActivityOptionsInput) (*ClientUpdateActivityOptionsOutput, error) {
	return b.Next.UpdateActivityOptions(ctx, in)
}

// DescribeActivity implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) DescribeActivity(ctx context.Context, in *ClientDescribeActivityInput) (*ClientDescribeActivityOutput, error) {
	return b.Next.DescribeActivity(ctx, in)
}

// PollActivityResult implements ClientOutboundInterceptor.
func (b *ClientOutboundInterceptorBase) PollActivityResult(ctx context.Context, in *ClientPollActivityResultInput) (*ClientPollActivityResultOutput, error) {
	return b.Next.PollActivityResult(ctx, in)
}
