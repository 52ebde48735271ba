package flow

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

// ChildWorkflowOptions say how a child workflow is to be run. All are
// optional.
type ChildWorkflowOptions struct {
	// Namespace of the child. Defaults to that of the workflow.
	Namespace string

	// WorkflowID of the child. If a workflow with the id is running, the child fails
	// with a temporal.ChildWorkflowExecutionAlreadyStartedError. Defaults to one made
	// from the run id of the workflow.
	WorkflowID string

	// TaskQueue of the child. Defaults to that of the workflow.
	TaskQueue string

	// WorkflowExecutionTimeout bounds the child as a whole: retries and runs by
	// continue-as-new included. Unlimited by default.
	WorkflowExecutionTimeout time.Duration

	// WorkflowRunTimeout bounds one run. Defaults to
	// WorkflowExecutionTimeout.
	WorkflowRunTimeout time.Duration

	// WorkflowTaskTimeout bounds one workflow task, from when a worker has it.
	// The server's default is 10 seconds.
	WorkflowTaskTimeout time.Duration

	// WaitForCancellation is kept for compatibility. The future of a
	// cancelled child always waits for what becomes of it.
	WaitForCancellation bool

	// WorkflowIDReusePolicy says whether the id of a workflow that has closed
	// may be used again. By default it may.
	WorkflowIDReusePolicy enumspb.WorkflowIdReusePolicy

	// RetryPolicy says how a failed run is retried. By default it is not.
	RetryPolicy *policy.Retry

	// CronSchedule makes the child run again and again, at the times of a cron
	// expression. Its future is ready when there are no more runs: it fails, is
	// cancelled, or runs out of time.
	CronSchedule string

	// Memo and search attributes of the child.
	Memo map[string]any
	// SearchAttributes is untyped.
	//
	// Deprecated: use TypedSearchAttributes.
	SearchAttributes map[string]any
	// TypedSearchAttributes of the child. Not to be set with SearchAttributes.
	TypedSearchAttributes searchattr.SearchAttributes

	// ParentClosePolicy says what happens to the child when its parent closes, in
	// whatever way: it is terminated, abandoned, or asked to cancel. By default it is
	// terminated.
	ParentClosePolicy enumspb.ParentClosePolicy

	// VersioningIntent is for versioning by build id.
	//
	// Deprecated: use worker deployments.
	//
	//lint:ignore SA1019 programs that set it keep working
	VersioningIntent policy.VersioningIntent

	// StaticSummary is a line, at most 400 bytes, StaticDetails a text, at most 20,000
	// bytes, in Markdown, for people to read in the UI.
	StaticSummary string
	StaticDetails string

	// Priority of the child's tasks. Fields that are not set come from the
	// workflow.
	Priority policy.Priority

	// VersioningOverride says on which deployment version the child runs, whatever its
	// type and the workflow say: a *client.PinnedVersioningOverride,
	// *client.AutoUpgradeVersioningOverride or *client.OneTimeVersioningOverride. It
	// needs a server that knows it.
	VersioningOverride policy.VersioningOverride
}

// workflowOptions are options that a context carries for child workflows and
// for continue-as-new.
type workflowOptions struct {
	ChildWorkflowOptions
	// converter is bound to the workflow, rootConverter to nothing.
	converter, rootConverter DataConverter
}

type workflowOptionsKey struct{}

// workflowOptionsOf are the options that ctx has, by default those of its run. They are nil
// outside of workflows.
func workflowOptionsOf(ctx Context) *workflowOptions {
	if options := givenWorkflowOptions(ctx); options != nil {
		return options
	}
	if t, ok := ctx.Value(threadKey{}).(*thread); ok {
		return t.run.defaultWorkflowOptions()
	}
	return nil
}

// givenWorkflowOptions are the options that code gave to ctx, nil if it gave none.
func givenWorkflowOptions(ctx Context) *workflowOptions {
	options, _ := ctx.Value(workflowOptionsKey{}).(*workflowOptions)
	return options
}

func (r *run) defaultWorkflowOptions() *workflowOptions {
	return &workflowOptions{
		ChildWorkflowOptions: ChildWorkflowOptions{
			Namespace:                r.info.Namespace,
			TaskQueue:                r.info.TaskQueueName,
			WorkflowExecutionTimeout: r.info.WorkflowExecutionTimeout,
			WorkflowRunTimeout:       r.info.WorkflowRunTimeout,
			WorkflowTaskTimeout:      r.info.WorkflowTaskTimeout,
		},
		converter:     r.converter,
		rootConverter: r.rootConverter,
	}
}

// changeWorkflowOptions is ctx with a changed copy of its options.
func changeWorkflowOptions(ctx Context, change func(*workflowOptions)) Context {
	var options workflowOptions
	if current := workflowOptionsOf(ctx); current != nil {
		options = *current
	}
	change(&options)
	return WithValue(ctx, workflowOptionsKey{}, &options)
}

// WithChildOptions returns a copy of ctx with options for child workflows.
// They replace those that ctx has, but for an empty Namespace or TaskQueue.
func WithChildOptions(ctx Context, cwo ChildWorkflowOptions) Context {
	return changeWorkflowOptions(ctx, func(o *workflowOptions) {
		if cwo.Namespace == "" {
			cwo.Namespace = o.Namespace
		}
		if cwo.TaskQueue == "" {
			cwo.TaskQueue = o.TaskQueue
		}
		o.ChildWorkflowOptions = cwo
	})
}

// GetChildWorkflowOptions returns the options for child workflows that ctx has.
func GetChildWorkflowOptions(ctx Context) ChildWorkflowOptions {
	if options := workflowOptionsOf(ctx); options != nil {
		return options.ChildWorkflowOptions
	}
	return ChildWorkflowOptions{}
}

// WithWorkflowNamespace returns a copy of ctx with another namespace for child
// workflows and external workflows.
func WithWorkflowNamespace(ctx Context, name string) Context {
	return changeWorkflowOptions(ctx, func(o *workflowOptions) { o.Namespace = name })
}

// WithWorkflowTaskQueue returns a copy of ctx with another task queue for
// child workflows and continue-as-new.
func WithWorkflowTaskQueue(ctx Context, name string) Context {
	if name == "" {
		panic("empty task queue name")
	}
	return changeWorkflowOptions(ctx, func(o *workflowOptions) { o.TaskQueue = name })
}

// WithWorkflowID returns a copy of ctx with another id for child workflows.
func WithWorkflowID(ctx Context, workflowID string) Context {
	return changeWorkflowOptions(ctx, func(o *workflowOptions) { o.WorkflowID = workflowID })
}

// WithTypedSearchAttributes returns a copy of ctx with other search attributes
// for child workflows.
func WithTypedSearchAttributes(ctx Context, attributes searchattr.SearchAttributes) Context {
	return changeWorkflowOptions(ctx, func(o *workflowOptions) { o.TypedSearchAttributes = attributes })
}

// WithWorkflowRunTimeout returns a copy of ctx with another run timeout for
// child workflows and continue-as-new.
func WithWorkflowRunTimeout(ctx Context, d time.Duration) Context {
	return changeWorkflowOptions(ctx, func(o *workflowOptions) { o.WorkflowRunTimeout = d })
}

// WithWorkflowTaskTimeout returns a copy of ctx with another workflow task
// timeout for child workflows and continue-as-new.
func WithWorkflowTaskTimeout(ctx Context, d time.Duration) Context {
	return changeWorkflowOptions(ctx, func(o *workflowOptions) { o.WorkflowTaskTimeout = d })
}

// WithWorkflowPriority returns a copy of ctx with another priority for child
// workflows.
func WithWorkflowPriority(ctx Context, priority policy.Priority) Context {
	return changeWorkflowOptions(ctx, func(o *workflowOptions) { o.Priority = priority })
}

// WithWorkflowVersioningIntent returns a copy of ctx with another versioning
// intent for child workflows and continue-as-new.
//
// Deprecated: use worker deployments.
func WithWorkflowVersioningIntent(ctx Context, intent policy.VersioningIntent) Context {
	return changeWorkflowOptions(ctx, func(o *workflowOptions) { o.VersioningIntent = intent })
}

// WithDataConverter returns a copy of ctx with another data converter, for
// activities, child workflows, signals and side effects.
func WithDataConverter(ctx Context, dc DataConverter) Context {
	if dc == nil {
		panic("data converter is nil for WithDataConverter")
	}
	dc = converter.MakeTransferAware(dc)
	return changeWorkflowOptions(ctx, func(o *workflowOptions) { o.converter, o.rootConverter = dc, dc })
}
