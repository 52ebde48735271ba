package testenv

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/failure"
)

// notImplemented is what Serve panics with.
const notImplemented = "not implemented in the test environment"

// Serve answers a call of the client that handlers of Nexus operations have. It must not be
// called on the loop. It panics where there is nothing that could answer: a call that the test
// environment does not know, or a workflow that is not registered with it.
func (e *Engine) Serve(ctx context.Context, request proto.Message) (answer proto.Message, err error) {
	done, unknown := make(chan struct{}), ""
	e.Post(func() {
		defer close(done)
		switch r := request.(type) {
		case *workflowservice.GetSystemInfoRequest:
			answer = &workflowservice.GetSystemInfoResponse{}
		case *workflowservice.StartWorkflowExecutionRequest:
			if _, registered := e.Options.Registry.Workflow(r.GetWorkflowType().GetName()); !registered {
				unknown = notImplemented
				return
			}
			answer, err = e.startForNexus(r)
		case *workflowservice.StartActivityExecutionRequest:
			answer, err = e.startActivityForNexus(r)
		case *workflowservice.RequestCancelActivityExecutionRequest:
			if cancel, ok := e.standalone[r.GetActivityId()]; ok {
				cancel(failure.NewCanceledError(failure.CanceledErrorOptions{}))
				answer = &workflowservice.RequestCancelActivityExecutionResponse{}
			} else {
				err = serviceerror.NewNotFound("the test has no open activity " + r.GetActivityId())
			}
		case *workflowservice.RequestCancelWorkflowExecutionRequest:
			execution := r.GetWorkflowExecution()
			if x := e.target(execution.GetWorkflowId(), execution.GetRunId()); x != nil {
				x.Cancel()
				answer = &workflowservice.RequestCancelWorkflowExecutionResponse{}
			} else {
				err = serviceerror.NewNotFound("the test has no open workflow " + execution.GetWorkflowId())
			}
		case *workflowservice.SignalWorkflowExecutionRequest:
			execution := r.GetWorkflowExecution()
			if x := e.target(execution.GetWorkflowId(), execution.GetRunId()); x != nil {
				x.Signal(r.GetSignalName(), r.GetInput(), r.GetHeader(), false)
				answer = &workflowservice.SignalWorkflowExecutionResponse{}
			} else {
				err = serviceerror.NewNotFound("the test has no open workflow " + execution.GetWorkflowId())
			}
		default:
			unknown = fmt.Sprintf("%s: %s", notImplemented, request.ProtoReflect().Descriptor().Name())
		}
	})
	select {
	case <-done:
		if unknown != "" {
			panic(unknown)
		}
		return answer, err
	case <-e.done:
		return nil, serviceerror.NewUnavailable("the test is over")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// startForNexus starts a workflow that carries out a Nexus operation. It runs like a child that is
// left to itself.
func (e *Engine) startForNexus(r *workflowservice.StartWorkflowExecutionRequest) (proto.Message, error) {
	if previous, taken := e.Execution(r.GetWorkflowId()); taken {
		if !previous.closed && r.GetWorkflowIdConflictPolicy() == enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING && previous.child != nil {
			if r.GetOnConflictOptions().GetAttachCompletionCallbacks() {
				previous.child.callbacks = append(previous.child.callbacks, r.GetCompletionCallbacks()...)
			}
			return &workflowservice.StartWorkflowExecutionResponse{RunId: previous.id.RunID}, nil
		}
		if !mayReuse(previous, r.GetWorkflowIdReusePolicy()) {
			return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("the test has this workflow already", r.GetRequestId(), previous.id.RunID)
		}
	}
	c := &child{
		parent: e.root.Load(), policy: enumspb.PARENT_CLOSE_POLICY_ABANDON, retry: withRetryDefaults(r.GetRetryPolicy()),
		cron: r.GetCronSchedule(), started: true, standalone: true, callbacks: r.GetCompletionCallbacks(),
	}
	run := e.newExecution(&Start{
		WorkflowID: r.GetWorkflowId(), WorkflowType: r.GetWorkflowType().GetName(), TaskQueue: r.GetTaskQueue().GetName(),
		Input: r.GetInput(), Header: r.GetHeader(), Memo: r.GetMemo(), SearchAttributes: r.GetSearchAttributes(), Priority: r.GetPriority(),
		ExecutionTimeout: r.GetWorkflowExecutionTimeout().AsDuration(), RunTimeout: r.GetWorkflowRunTimeout().AsDuration(),
		TaskTimeout: r.GetWorkflowTaskTimeout().AsDuration(), child: c,
	})
	run.begin()
	begin := func() { run.wanted = !run.closed }
	if d := r.GetWorkflowStartDelay().AsDuration(); d > 0 {
		e.schedule(d, begin)
	} else {
		e.Post(begin)
	}
	return &workflowservice.StartWorkflowExecutionResponse{RunId: run.id.RunID, Started: true}, nil
}
