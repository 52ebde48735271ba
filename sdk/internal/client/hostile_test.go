package client_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/logger"
)

// listen returns the address of a port of this machine at which serve talks to each connection.
func listen(t *testing.T, serve func(net.Listener)) string {
	t.Helper()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); serve(port) }()
	t.Cleanup(func() { port.Close(); <-done })
	return port.Addr().String()
}

func TestDialFailsAtAPortThatSpeaksSomethingElse(t *testing.T) {
	for name, says := range map[string]string{
		"nothing":  "",
		"HTTP/1":   "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno",
		"nonsense": strings.Repeat("\x00\xff\x7f", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			address := listen(t, func(port net.Listener) {
				for {
					conn, err := port.Accept()
					if err != nil {
						return
					}
					_, _ = io.WriteString(conn, says)
					conn.Close()
				}
			})
			c, err := client.Dial(client.Options{
				HostPort: address, Logger: logger.Discard{},
				ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: 200 * time.Millisecond},
			})
			if err == nil {
				c.Close()
				t.Fatal("it was taken for a server")
			}
		})
	}
}

// raw is a codec of messages that are bytes already.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = data; return nil }

func TestAnAnswerThatIsNoMessageIsAnErrorOfItsCallAlone(t *testing.T) {
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		var answer []byte
		switch method, _ := grpc.MethodFromServerStream(stream); method[strings.LastIndexByte(method, '/')+1:] {
		case "DescribeWorkflowExecution":
			answer = []byte(strings.Repeat("\xff", 20))
		case "CountWorkflowExecutions":
			answer = []byte{8, 17}
		}
		return stream.SendMsg(&answer)
	}))
	address := listen(t, func(port net.Listener) { _ = server.Serve(port) })
	t.Cleanup(server.Stop)
	c, err := client.NewLazyClient(client.Options{HostPort: address, Logger: logger.Discard{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := c.DescribeWorkflowExecution(ctx, "order-7", ""); err == nil || !strings.Contains(err.Error(), "unmarshal") {
		t.Errorf("the error is %v", err)
	}
	count, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{})
	if err != nil || count.GetCount() != 17 {
		t.Errorf("a good answer on the same connection: %v, %v", count, err)
	}
}
