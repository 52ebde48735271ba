package server_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/server"
)

// network dials the server's port.
func (b *bench) network() *grpc.ClientConn { return dialNetwork(b.t, b.server.Address()) }

func dialNetwork(t testing.TB, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestBothWaysInLeadToTheSameWorkflows(t *testing.T) {
	b := start(t, server.Options{Listen: "127.0.0.1:0"})
	outside := &bench{t, b.server, workflowservice.NewWorkflowServiceClient(b.network())}
	outside.startWorkflow("w")
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	in, out := b.history("w"), outside.history("w")
	if len(in) != 5 || len(out) != 5 {
		t.Errorf("%d events inside, %d outside, want 5", len(in), len(out))
	}
	// What is refused inside is refused outside, in the same words.
	for _, client := range []workflowservice.WorkflowServiceClient{b.client, outside.client} {
		_, err := client.StartWorkflowExecution(b.ctx(), &workflowservice.StartWorkflowExecutionRequest{Namespace: "nowhere"})
		if status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("error is %v", err)
		}
		_, err = client.SignalWorkflowExecution(b.ctx(), &workflowservice.SignalWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: execution("w"),
			SignalName: "s", Input: &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: make([]byte, 5<<20)}}}})
		if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "received message larger than max") {
			t.Errorf("a request of 5 MiB: %v", err)
		}
	}
}

func TestAWorkflowGoesOnAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	run := func(fn func(b *bench)) {
		b := start(t, server.Options{DataDir: dir})
		fn(b)
		if err := b.server.Stop(b.ctx()); err != nil {
			t.Fatal(err)
		}
	}
	run(func(b *bench) {
		b.startWorkflow("w")
		b.complete(b.pollWorkflow(), scheduleActivity("a"), startTimer("t", time.Millisecond))
	})
	run(func(b *bench) {
		activity := b.pollActivity()
		if _, err := b.client.RespondActivityTaskCompleted(b.ctx(), &workflowservice.RespondActivityTaskCompletedRequest{TaskToken: activity.GetTaskToken()}); err != nil {
			t.Fatal(err)
		}
	})
	run(func(b *bench) {
		b.complete(b.pollWorkflow(), completeWorkflow("done"))
		events := b.history("w")
		if last := events[len(events)-1]; last.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED {
			t.Errorf("the last event is %v", last)
		}
	})
}

func TestAStartThatFailsLeavesNothingBehind(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	if _, err := server.Start(t.Context(), server.Options{DataDir: dir, Listen: taken.Addr().String()}); err == nil {
		t.Fatal("the server started on a port that is taken")
	}
	holder := start(t, server.Options{DataDir: dir})
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	if _, err := server.Start(t.Context(), server.Options{DataDir: dir, Listen: address}); err == nil {
		t.Fatal("two servers share a directory")
	}
	if free, err = net.Listen("tcp", address); err != nil {
		t.Errorf("the port is still held: %v", err)
	} else {
		free.Close()
	}
	if _, err := holder.client.GetClusterInfo(holder.ctx(), &workflowservice.GetClusterInfoRequest{}); err != nil {
		t.Errorf("the first server suffers: %v", err)
	}
}

func TestClientsThatTalkNonsenseAreCutOff(t *testing.T) {
	b := start(t, server.WithHandshakeTimeout(server.Options{Listen: "127.0.0.1:0"}, 100*time.Millisecond))
	for name, words := range map[string][]byte{
		"HTTP/1":          []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"garbage":         bytes.Repeat([]byte{0xff, 0x00, 0x17}, 1000),
		"a broken frame":  append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), bytes.Repeat([]byte{0xff}, 64)...),
		"half a greeting": []byte("PRI * HTTP/2.0\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", b.server.Address())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write(words); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
				t.Errorf("the connection is still open: %v", err)
			}
		})
	}
	if _, err := workflowservice.NewWorkflowServiceClient(b.network()).GetSystemInfo(b.ctx(), &workflowservice.GetSystemInfoRequest{}); err != nil {
		t.Errorf("an honest client: %v", err)
	}
}

func TestHealthTurnsNotServingWhenTheServerStops(t *testing.T) {
	b := start(t, server.Options{Listen: "127.0.0.1:0"})
	conn := b.network()
	watch, err := healthpb.NewHealthClient(conn).Watch(b.ctx(), &healthpb.HealthCheckRequest{Service: "temporal.api.workflowservice.v1.WorkflowService"})
	if err != nil {
		t.Fatal(err)
	}
	if state, err := watch.Recv(); err != nil || state.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("health is %v, %v", state, err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- b.server.Stop(b.ctx()) }()
	if state, err := watch.Recv(); err != nil || state.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health of a server that stops is %v, %v", state, err)
	}
	if _, err := watch.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the watch ends with %v, want Unavailable", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStopEndsWithItsContextAndCanBeRepeated(t *testing.T) {
	b := start(t, server.Options{Listen: "127.0.0.1:0"})
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Errorf("the second stop: %v", err)
	}
	_, err := b.client.PollActivityTaskQueue(b.ctx(), &workflowservice.PollActivityTaskQueueRequest{Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("a call to a stopped server: %v, want Unavailable", err)
	}
}
