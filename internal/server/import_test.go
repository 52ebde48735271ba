package server_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/importer"
	"github.com/perdure/perdure/internal/server"
)

// failing is a connection that is lost after some calls.
type failing struct {
	grpc.ClientConnInterface
	left int
	// arrives: the call arrives by which the loss is found, and its answer is lost.
	arrives bool
}

func (f *failing) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	f.left--
	if f.left >= 0 {
		return f.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	}
	if f.left == -1 && f.arrives {
		_ = f.ClientConnInterface.Invoke(ctx, method, args, reply, opts...)
	}
	return status.Error(codes.Unavailable, "connection refused")
}

// TestAnImportFromAServerThatGoesAwayIsBrokenOffAndGoesOnWhenItIsThereAgain loses the connection before the first
// call, after it, and so on, until it lasts. Each workflow runs at one place at the end, with its history.
func TestAnImportFromAServerThatGoesAwayIsBrokenOffAndGoesOnWhenItIsThereAgain(t *testing.T) {
	there, here := start(t, server.Options{}), start(t, server.Options{})
	const count = 4
	runs := make(map[string]string)
	for i := range count {
		id := fmt.Sprint("w", i)
		runs[id] = there.startWorkflow(id).GetRunId()
	}
	conn := &failing{ClientConnInterface: there.server.ClientConn()}
	options := importer.Options{
		From:      importer.Server{Workflow: workflowservice.NewWorkflowServiceClient(conn), Operator: operatorservice.NewOperatorServiceClient(conn), Name: "the old server"},
		To:        importer.Server{Workflow: here.client, Operator: operatorservice.NewOperatorServiceClient(here.server.ClientConn()), Name: "this server"},
		Admin:     admin.Client{Conn: here.server.ClientConn()},
		Namespace: ns,
		Parallel:  1,
		Patience:  time.Millisecond,
	}
	broken := 0
	for calls := 0; ; calls++ {
		conn.left, conn.arrives = calls/2, calls%2 == 1
		report, err := importer.Run(here.ctx(), options)
		if err == nil {
			if report.Left != 0 {
				t.Errorf("the last import: %+v", report)
			}
			break
		}
		if broken++; !errors.Is(err, importer.ErrInterrupted) || broken > 400 {
			t.Fatalf("after %d calls: %v", calls/2, err)
		}
	}
	if broken < 5 {
		t.Errorf("the import was broken off %d times only", broken)
	}
	for id, run := range runs {
		status := func(b *bench) enumspb.WorkflowExecutionStatus {
			d, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution(id)})
			if err != nil || d.GetWorkflowExecutionInfo().GetExecution().GetRunId() != run {
				t.Errorf("%s is run %s: %v", id, d.GetWorkflowExecutionInfo().GetExecution().GetRunId(), err)
			}
			return d.GetWorkflowExecutionInfo().GetStatus()
		}
		if s := status(there); s != enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED {
			t.Errorf("%s is %v there", id, s)
		}
		if s := status(here); s != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			t.Errorf("%s is %v here", id, s)
		}
	}
}
