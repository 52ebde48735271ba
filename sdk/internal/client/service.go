package client

import (
	"context"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/payloadlimits"
)

// payloadConn measures what requests carry before they are sent. All requests that the
// client makes of users' values go through it; those that users make themselves do not, nor
// do workers', which measure tasks as a whole.
type payloadConn struct {
	grpc.ClientConnInterface
	sizes *payloadlimits.Checker
}

func (p payloadConn) Invoke(ctx context.Context, method string, request, reply any, opts ...grpc.CallOption) error {
	if m, ok := request.(proto.Message); ok {
		if err := p.sizes.Check(ctx, m); err != nil {
			return err
		}
	}
	return p.ClientConnInterface.Invoke(ctx, method, request, reply, opts...)
}

// fetchPayloadLimits asks for the limits of the client's namespace.
func (c *Client) fetchPayloadLimits(ctx context.Context) (payloadlimits.Limits, error) {
	response, err := c.raw.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: c.namespace})
	if err != nil {
		return payloadlimits.Limits{}, err
	}
	return payloadlimits.LimitsOf(response.GetNamespaceInfo()), nil
}
