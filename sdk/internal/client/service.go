package client

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/payloadlimits"
)

// payloadConn stores what requests carry if it is large, measures the rest before it is
// sent, and retrieves what replies carry. All requests that the client makes of users'
// values go through it; those that users make themselves do not, nor do workers', for whom
// a task is more than a call.
type payloadConn struct {
	grpc.ClientConnInterface
	storage *extstore.Storage
	sizes   *payloadlimits.Checker
}

func (p payloadConn) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	if m, ok := request.(proto.Message); ok {
		if p.storage != nil {
			if err := p.storage.Store(withTargetOf(ctx, request), m, nil); err != nil {
				return err
			}
		}
		if err := p.sizes.Check(ctx, m); err != nil {
			return err
		}
	}
	if err := p.ClientConnInterface.Invoke(ctx, method, request, reply, opts...); err != nil {
		return err
	}
	if m, ok := reply.(proto.Message); ok && p.storage != nil && isDecoded(reply) {
		return p.storage.Retrieve(ctx, m)
	}
	return nil
}

// isDecoded tells whether the client decodes the payloads of a reply. Histories and lists
// are handed on as they are; of a history, the client decodes the last event.
func isDecoded(reply any) bool {
	switch reply.(type) {
	case *workflowservice.QueryWorkflowResponse,
		*workflowservice.UpdateWorkflowExecutionResponse,
		*workflowservice.ExecuteMultiOperationResponse,
		*workflowservice.PollWorkflowExecutionUpdateResponse,
		*workflowservice.DescribeWorkflowExecutionResponse,
		*workflowservice.PollActivityExecutionResponse,
		*workflowservice.DescribeActivityExecutionResponse,
		*workflowservice.PollNexusOperationExecutionResponse,
		*workflowservice.DescribeNexusOperationExecutionResponse:
		return true
	default:
		return false
	}
}

// storingFor returns ctx in which payloads are stored for target.
func (c *Client) storingFor(ctx context.Context, target extstore.StorageDriverTargetInfo) context.Context {
	if c.storage == nil {
		return ctx
	}
	return extstore.WithTarget(ctx, target)
}

// withTargetOf returns ctx with the one whom the payloads of a request are for, unless it
// has one already.
func withTargetOf(ctx context.Context, request any) context.Context {
	if extstore.TargetOf(ctx) != nil {
		return ctx
	}
	var target extstore.StorageDriverTargetInfo
	switch r := request.(type) {
	case *workflowservice.ExecuteMultiOperationRequest:
		for _, operation := range r.GetOperations() {
			if start := operation.GetStartWorkflow(); start != nil {
				return withTargetOf(ctx, start)
			}
		}
	case *workflowservice.CreateScheduleRequest:
		target = scheduleTarget(r.GetNamespace(), r.GetSchedule())
	case *workflowservice.UpdateScheduleRequest:
		target = scheduleTarget(r.GetNamespace(), r.GetSchedule())
	case *workflowservice.StartActivityExecutionRequest:
		target = extstore.StorageDriverActivityInfo{
			Namespace:    r.GetNamespace(),
			ActivityType: r.GetActivityType().GetName(),
			ActivityID:   r.GetActivityId(),
		}
	case interface { // starts, and signal-with-start
		GetNamespace() string
		GetWorkflowId() string
		GetWorkflowType() *commonpb.WorkflowType
	}:
		target = extstore.StorageDriverWorkflowInfo{
			Namespace:    r.GetNamespace(),
			WorkflowType: r.GetWorkflowType().GetName(),
			WorkflowID:   r.GetWorkflowId(),
		}
	case interface { // signals, updates, terminations
		GetNamespace() string
		GetWorkflowExecution() *commonpb.WorkflowExecution
	}:
		target = executionTarget(r.GetNamespace(), r.GetWorkflowExecution())
	case *workflowservice.QueryWorkflowRequest:
		target = executionTarget(r.GetNamespace(), r.GetExecution())
	}
	if target == nil {
		return ctx
	}
	return extstore.WithTarget(ctx, target)
}

func executionTarget(namespace string, execution *commonpb.WorkflowExecution) extstore.StorageDriverTargetInfo {
	return extstore.StorageDriverWorkflowInfo{
		Namespace:  namespace,
		WorkflowID: execution.GetWorkflowId(),
		RunID:      execution.GetRunId(),
	}
}

func scheduleTarget(namespace string, schedule *schedulepb.Schedule) extstore.StorageDriverTargetInfo {
	start := schedule.GetAction().GetStartWorkflow()
	return extstore.StorageDriverWorkflowInfo{
		Namespace:    namespace,
		WorkflowType: start.GetWorkflowType().GetName(),
		WorkflowID:   start.GetWorkflowId(),
	}
}

// fetchPayloadLimits asks for the limits of the client's namespace.
func (c *Client) fetchPayloadLimits(ctx context.Context) (payloadlimits.Limits, error) {
	response, err := c.raw.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: c.namespace})
	if err != nil {
		return payloadlimits.Limits{}, err
	}
	return payloadlimits.LimitsOf(response.GetNamespaceInfo()), nil
}
