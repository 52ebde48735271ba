package frontend

import (
	"context"
	"strings"
	"testing"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/api/nexusdoor"
)

func TestWhatTheTableSaysIsImplementedIs(t *testing.T) {
	d := newDoor(t)
	for _, service := range []struct {
		desc    *grpc.ServiceDesc
		handler any
	}{
		{&workflowservice.WorkflowService_ServiceDesc, d.service.workflow},
		{&operatorservice.OperatorService_ServiceDesc, d.service.operator},
		{&admin.ServiceDesc, d.service.admin},
		{&nexusdoor.ServiceDesc, d.service.nexus},
		{&flowv1.ServiceDesc, d.service.flow},
	} {
		for _, m := range service.desc.Methods {
			row := methods.Lookup("/" + service.desc.ServiceName + "/" + m.MethodName)
			if found := isImplemented(m, service.handler); row == nil || found != row.Implemented {
				t.Errorf("%s is implemented: %v, its row says %v", m.MethodName, found, row)
			}
		}
	}
}

// isImplemented calls the method in a way that no handler survives or takes for a
// good request: with an empty one, and past the interceptor.
func isImplemented(m grpc.MethodDesc, handler any) (found bool) {
	defer func() {
		if recover() != nil {
			found = true
		}
	}()
	_, err := m.Handler(handler, context.Background(), func(any) error { return nil }, nil)
	return status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), m.MethodName)
}

func TestAMethodWithoutARowIsUnimplemented(t *testing.T) {
	d := newDoor(t)
	for name, code := range map[string]codes.Code{
		"/temporal.api.workflowservice.v1.WorkflowService/NoSuch": codes.Unimplemented,
		"/grpc.health.v1.Health/Check":                            codes.OK, // gRPC's own
	} {
		_, err := d.service.Intercept(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: name},
			func(context.Context, any) (any, error) { return nil, nil })
		if status.Code(err) != code {
			t.Errorf("%s: %v, want %v", name, err, code)
		}
	}
}
