package test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// cutOff is how long a connection may take until the server has closed it.
const cutOff = time.Minute

func TestAConnectionThatSendsNothingIsCutOffAndOthersAreServed(t *testing.T) {
	testBadConnection(t, func(net.Conn) error { return nil })
}

func TestAConnectionThatSendsGarbageIsCutOffAndOthersAreServed(t *testing.T) {
	testBadConnection(t, func(conn net.Conn) error {
		_, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\x00\xff\x00\xff"))
		return err
	})
}

func TestAConnectionThatStopsInTheMiddleOfTheGreetingIsCutOffAndOthersAreServed(t *testing.T) {
	testBadConnection(t, func(conn net.Conn) error {
		_, err := conn.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM"))
		return err
	})
}

func testBadConnection(t *testing.T, send func(net.Conn) error) {
	if *record {
		t.Skip("recording")
	}
	t.Parallel()
	var conns []net.Conn
	for range 100 {
		conn, err := net.Dial("tcp", door)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := send(conn); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}

	ctx, cancel := context.WithTimeout(context.Background(), cutOff)
	defer cancel()
	good, err := grpc.NewClient(door, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	if _, err := workflowservice.NewWorkflowServiceClient(good).GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err != nil {
		t.Fatalf("a good client beside the bad ones is not served: %v", err)
	}

	deadline, _ := ctx.Deadline()
	for _, conn := range conns {
		if err := conn.SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		_, err := io.Copy(io.Discard, conn) // until the server closes it
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the server has kept the connection")
		}
	}
}
