package server_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage/memory"
)

// wire passes on what comes to its address, unless it is cut: then what is sent waits, and nobody is told.
type wire struct {
	net.Listener
	mu      sync.Mutex
	changed *sync.Cond
	cut     bool
	closed  bool
}

func newWire(t *testing.T) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l}
	w.changed = sync.NewCond(&w.mu)
	t.Cleanup(func() {
		_ = l.Close()
		w.set(false, true)
	})
	return w
}

func (w *wire) set(cut, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut, w.closed = cut, closed
	w.changed.Broadcast()
}

// whole waits until the wire is not cut, and reports whether anything goes through.
func (w *wire) whole() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.cut && !w.closed {
		w.changed.Wait()
	}
	return !w.closed
}

// to passes all on to the address.
func (w *wire) to(address string) {
	for {
		in, err := w.Accept()
		if err != nil {
			return
		}
		go func() {
			defer in.Close()
			if !w.whole() {
				return
			}
			out, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			defer out.Close()
			pass := func(to io.WriteCloser, from io.Reader) {
				defer to.Close()
				buffer := make([]byte, 64<<10)
				for {
					n, err := from.Read(buffer)
					if !w.whole() {
						return
					}
					if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
						return
					}
				}
			}
			go pass(in, out)
			pass(out, in)
		}()
	}
}

func TestACallAboutWhatANodeThatIsOutOfReachHasFailsAtOnceUntilItIsReachedAgain(t *testing.T) {
	w := newWire(t)
	var connect sync.Once
	c := &nodes{t: t, store: memory.New(16), options: server.Options{}}
	// Of three nodes, the first reaches the second by the wire. The third reaches both, and so the second keeps its shards.
	c.rewire = func(node cluster.NodeID, others []cluster.Node) {
		for i := range others {
			if node == "node-1" && others[i].ID == "node-2" {
				address := others[i].Address
				connect.Do(func() { go w.to(address) })
				others[i].Address = w.Addr().String()
			}
		}
	}
	c.startAll(3)
	found, _ := c.named.Load(cluster.NodeID("node-1"))
	first := found.(*server.Server)
	b := &bench{t, first, workflowservice.NewWorkflowServiceClient(first.ClientConn())}
	describe := func(id string) error {
		_, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution(id)})
		return err
	}
	w.set(true, false)
	var lost []string
	b.awaits("calls are turned away", func() bool {
		for i := range 16 {
			id := fmt.Sprint("w", i)
			if err := describe(id); status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), "cannot be reached from this node; try again at another one") {
				lost = append(lost, id)
			}
		}
		return len(lost) > 0
	})
	for _, s := range c.servers {
		if s == first {
			continue
		}
		client := workflowservice.NewWorkflowServiceClient(s.ClientConn())
		if _, err := client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution(lost[0])}); status.Code(err) != codes.NotFound {
			t.Errorf("a node that reaches the other one answered %v, want NotFound", err)
		}
	}
	w.set(false, false)
	b.awaits("the node is reached again", func() bool { return status.Code(describe(lost[0])) == codes.NotFound })
}
