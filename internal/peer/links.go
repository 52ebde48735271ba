package peer

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/cluster"
)

// links are the connections to other nodes, one to each, which all conversations share.
type links struct {
	node *Node

	mu     sync.Mutex
	byID   map[cluster.NodeID]*link
	closed bool
}

// link is the connection to one node.
type link struct {
	id      cluster.NodeID
	address string
	conn    *grpc.ClientConn
}

// to returns the connection to a node, which is made if there is none. It is not opened
// before the first call.
func (l *links) to(n *cluster.Node) (*link, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errStopping
	}
	if found := l.byID[n.ID]; found != nil {
		return found, nil
	}
	conn, err := grpc.NewClient("passthrough:///"+n.Address,
		grpc.WithTransportCredentials(l.node.credentials),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithInitialWindowSize(1<<20), grpc.WithInitialConnWindowSize(1<<22),
		grpc.WithConnectParams(connectParams),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithIdleTimeout(0), grpc.WithNoProxy(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout, PermitWithoutStream: true}),
	)
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "connecting to node %q at %s: %v", n.Name, n.Address, err)
	}
	made := &link{id: n.ID, address: n.Address, conn: conn}
	if l.byID == nil {
		l.byID = make(map[cluster.NodeID]*link)
	}
	l.byID[n.ID] = made
	return made, nil
}

// keep closes the connections to nodes that are not in the view any more.
func (l *links) keep(v *cluster.View) {
	l.mu.Lock()
	var gone []*link
	for id, found := range l.byID {
		if v.Node(id) == nil {
			gone = append(gone, found)
			delete(l.byID, id)
		}
	}
	l.mu.Unlock()
	for _, found := range gone {
		_ = found.conn.Close()
	}
}

// drop closes the connection to a node; the next call makes another.
func (l *links) drop(id cluster.NodeID) {
	l.mu.Lock()
	found := l.byID[id]
	delete(l.byID, id)
	l.mu.Unlock()
	if found != nil {
		_ = found.conn.Close()
	}
}

func (l *links) close() {
	l.mu.Lock()
	l.closed = true
	all := l.byID
	l.byID = nil
	l.mu.Unlock()
	for _, found := range all {
		_ = found.conn.Close()
	}
}

// unreachable reports whether the last attempts to connect have failed, so that a call
// would fail as well, without having been sent.
func (l *link) unreachable() bool { return l.conn.GetState() == connectivity.TransientFailure }

// call makes a call to a node.
func (l *link) call(ctx context.Context, method string, req, resp any, options ...grpc.CallOption) error {
	return l.conn.Invoke(ctx, method, req, resp, options...)
}

var errStopping = status.Error(codes.Unavailable, "the server is shutting down")
