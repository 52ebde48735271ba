package peer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
)

// Options are what a Node is made of. Self (with ID, Name and Address), Directory and
// Matching are required.
type Options struct {
	Self cluster.Node
	// Listen is where other nodes connect to; Self.Address if empty. Port 0 picks a free
	// one, which becomes that of Self.Address.
	Listen    string
	Directory cluster.Directory
	Matching  *matching.Matching
	TLS       TLS
	// Changed is called, on a goroutine of its own, when other nodes or other holders of
	// shards are there. Optional.
	Changed func(*cluster.View)
	// News is called when what all nodes look up may have been changed elsewhere: see cluster.Options. Optional.
	News func()
	// Load tells how many processors the node keeps busy, since it was asked last. Optional.
	Load func() float64
	// VisibilityLag is how old the oldest change is that lists do not show. Optional.
	VisibilityLag func() time.Duration
	// Retained reports whether the retention has been applied to all that is held here of the namespace.
	// Optional.
	Retained func(namespaceID string, retention time.Duration) bool
	// Routes tells the versions of workers of a queue. Optional.
	Routes func(entity.Queue) *deployment.Routes
	// CatchUp waits until the visibility index has all that is known here. Optional.
	CatchUp func(ctx context.Context) error
	// HotPolls is how many polls a second other nodes have to forward to a queue for it to be hot; nil, or 0: none ever
	// is. It must not block.
	HotPolls func(queue entity.Queue) int
	// Heard takes up what another node has changed of what all look up. Optional.
	Heard func(ctx context.Context, changed *Changed) error
	// Failed is called when the node can not go on. Optional.
	Failed func(error)
	Logger *slog.Logger
}

// Node is this node as the others know it, and what it knows of them. Its life: New, then a
// runtime is opened with it (Tasks, Sure, and the Node itself as its Remote), Attach, Join,
// Serve; and Leave, Close.
type Node struct {
	options     Options
	log         *slog.Logger
	matching    *matching.Matching
	runtime     *runtime.Runtime
	member      *cluster.Member
	listener    net.Listener
	credentials credentials.TransportCredentials // of connections to others
	serverCreds credentials.TransportCredentials
	grpc        *grpc.Server
	local       grpc.ClientConnInterface
	links       links
	followers   followers
	following   following
	queries     queries
	stickies    stickies
	heats       heats
	branches    branches
	news        news
	forwarded   atomic.Uint64 // calls that another node has carried out
	offered     atomic.Uint64 // what has become ready for queues that are at home elsewhere, or is gone
	handedOut   atomic.Uint64 // tasks and queries for polls at other nodes
	changes     atomic.Int64  // see Announce
	// told has the goroutine tellNews look.
	told chan struct{} // of capacity 1
	// changed and moved have the goroutine watch look at what the others do, and at what is
	// not here any more; refresh has it read the backlogs anew.
	changed, moved, refresh chan struct{} // of capacity 1

	ctx        context.Context
	stop       context.CancelFunc
	goroutines sync.WaitGroup
}

// New returns a node that listens for others, and answers none of them yet.
func New(ctx context.Context, options Options) (*Node, error) {
	n := &Node{
		options:  options,
		log:      cmp.Or(options.Logger, slog.Default()),
		matching: options.Matching,
		told:     make(chan struct{}, 1),
		changed:  make(chan struct{}, 1),
		moved:    make(chan struct{}, 1),
		refresh:  make(chan struct{}, 1),
	}
	n.links.node, n.following.node = n, n
	n.stickies.followers = &n.followers
	listen := cmp.Or(options.Listen, options.Self.Address)
	var err error
	if n.credentials, n.serverCreds, err = options.TLS.load(listen); err != nil {
		return nil, err
	}
	if n.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", listen); err != nil {
		return nil, fmt.Errorf("listen for other nodes on %s: %w", listen, err)
	}
	if n.options.Self.Address, err = advertised(options.Self.Address, n.listener.Addr()); err != nil {
		return nil, errors.Join(err, n.listener.Close())
	}
	n.ctx, n.stop = context.WithCancel(context.Background())
	return n, nil
}

// advertised is the address that others are told, with the port that was picked.
func advertised(address string, listening net.Addr) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("peer address %q: %w", address, err)
	}
	if port == "0" {
		_, port, err = net.SplitHostPort(listening.String())
	}
	return net.JoinHostPort(host, port), err
}

// Attach gives the node its runtime.
func (n *Node) Attach(r *runtime.Runtime) { n.runtime = r }

// Sure reports whether what is held here is held by nobody else: see cluster.Member.
func (n *Node) Sure() bool { return n.member != nil && n.member.Sure() }

// Member is the membership of this node; nil before Join.
func (n *Node) Member() *cluster.Member { return n.member }

// Nodes implements frontend.Elsewhere.
func (n *Node) Nodes() int {
	if n.member == nil || n.member.View() == nil {
		return 1
	}
	return len(n.member.View().Nodes)
}

// Address is the host:port where other nodes reach this one.
func (n *Node) Address() string { return n.options.Self.Address }

// Join makes the node known, and has it take its share of the shards.
func (n *Node) Join(ctx context.Context) error {
	self := n.options.Self
	ready := make(chan struct{})
	defer close(ready)
	member, err := cluster.Join(ctx, cluster.Options{
		Node:      self,
		Directory: n.options.Directory,
		Shards:    joined{n.runtime, ready},
		Changed:   func(*cluster.View) { signal(n.changed) },
		Handed:    n.handed,
		Load:      n.options.Load,
		CutOff:    n.following.cutOff,
		Changes:   n.changes.Load,
		News:      n.options.News,
		Failed:    n.options.Failed,
		Logger:    n.log,
	})
	if err != nil {
		return err
	}
	n.member = member
	n.goroutines.Go(n.watch)
	n.goroutines.Go(n.tellNews)
	n.goroutines.Go(n.attend)
	signal(n.changed)
	return nil
}

// joined is the runtime, which acquires nothing before the member is known here: what is
// read before it is would not be sure.
type joined struct {
	*runtime.Runtime
	ready <-chan struct{}
}

func (j joined) AcquireShard(ctx context.Context, id storage.ShardID) error {
	<-j.ready
	return j.Runtime.AcquireShard(ctx, id)
}

// Announce has the other nodes hear, by the directory, that what all nodes look up has been changed here. It does not
// block.
func (n *Node) Announce() {
	n.changes.Add(1)
	n.member.Nudge()
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Serve answers other nodes from now on: register adds the services of the API to a server
// whose calls pass intercept, and local is the way to them inside the process.
func (n *Node) Serve(register func(grpc.ServiceRegistrar), intercept grpc.UnaryServerInterceptor, local grpc.ClientConnInterface) {
	n.local = local
	n.grpc = grpc.NewServer(append(serverOptions(n.serverCreds), grpc.UnaryInterceptor(intercept))...)
	register(n.grpc)
	n.grpc.RegisterService(&serviceDesc, n)
	n.goroutines.Go(func() {
		if err := n.grpc.Serve(n.listener); err != nil && n.ctx.Err() == nil {
			n.log.Error("The node no longer accepts connections of other nodes; restart it.", "address", n.Address(), "error", err)
		}
	})
}

// Leave gives the shards to the other nodes. Calls go on meanwhile.
func (n *Node) Leave(ctx context.Context) {
	if n.member == nil {
		return
	}
	if err := n.member.Leave(ctx); err != nil {
		n.log.Warn("The node leaves without having given all its shards away.", "error", err)
	}
}

// Close ends all connections, and makes the node unknown. The runtime has been closed.
func (n *Node) Close(ctx context.Context) (err error) {
	if n.member != nil {
		err = n.member.Close(ctx)
	}
	n.stop()
	n.links.close()
	if n.grpc != nil {
		n.endCalls()
	} else {
		err = errors.Join(err, n.listener.Close())
	}
	n.goroutines.Wait()
	n.following.wait()
	return err
}

// lastAnswers is how long Close waits for calls of other nodes that are being answered: most are told that what they are about is not
// here any more.
const lastAnswers = time.Second

// endCalls takes no more calls, and ends the connections when those under way have been answered.
func (n *Node) endCalls() {
	late := time.AfterFunc(lastAnswers, n.grpc.Stop)
	defer late.Stop()
	n.grpc.GracefulStop()
}

// handed tells a node that there are shards for it to take.
func (n *Node) handed(to cluster.Node) {
	n.goroutines.Go(func() {
		ctx, cancel := context.WithTimeout(n.ctx, time.Second)
		defer cancel()
		if l, err := n.links.to(&to); err == nil {
			_ = l.call(ctx, methodNudge, new(Nothing), new(Nothing)) // it finds out anyway
		}
	})
}

func (n *Node) nudge(context.Context, *Nothing) (*Nothing, error) {
	n.member.Nudge()
	return new(Nothing), nil
}

// internal reports whether the queue is one of the server's own, whose tasks are worked on
// where they are.
func internal(queue entity.Queue) bool { return queue.Namespace == "" }

// homeKey is the entity at whose shard a queue is at home: that of its configuration.
func homeKey(queue entity.Queue) entity.Key {
	return entity.Key{Kind: entity.KindTaskQueue, Namespace: queue.Namespace, ID: queue.Name}
}

// holder returns the node that holds the shard of the entity, as far as is known; nil if
// nobody does, or this node, or if it is not known who. A node that is isolated is about to give it up, and
// calls would go to it in vain.
func (n *Node) holder(key entity.Key) *cluster.Node {
	v := n.member.View()
	found := v.Holder(runtime.ShardOf(key, n.runtime.Layout()))
	if found == nil || found.ID == n.options.Self.ID || v.Isolated(found.ID) {
		return nil
	}
	return found
}

// refuse marks an error as one of a call that has done nothing because its owner is not
// here.
func refuse(ctx context.Context, err error) error {
	var notHeld *runtime.NotHeldError
	if errors.As(err, &notHeld) {
		_ = grpc.SetTrailer(ctx, metadata.Pairs(frontend.NotHereTrailer, "1"))
		return status.Error(codes.Unavailable, err.Error())
	}
	return err
}

// elsewhere makes a call to the node that holds the entity, and asks the directory again
// when that is not so, or nobody is there, until the context ends. here is called instead,
// if the entity is held by this node; it may be nil.
func (n *Node) elsewhere(ctx context.Context, key entity.Key, here func() error, method string, req, resp any) error {
	var patience context.Context // from the second try on
	for {
		var err error
		switch to := n.holder(key); {
		case n.runtime.Holds(key) && here != nil:
			var notHeld *runtime.NotHeldError
			if err = here(); !errors.As(err, &notHeld) {
				return err
			}
		case to == nil:
			err = errNobody
		default:
			var again bool
			if again, err = n.ask(ctx, to, method, req, resp); !again {
				return err
			}
		}
		if patience == nil {
			var cancel context.CancelFunc
			patience, cancel = context.WithTimeout(ctx, n.patience(key))
			defer cancel()
		}
		if patience.Err() != nil {
			return err
		}
		n.member.Refresh(patience)
	}
}

// movePatience is how long a call waits for a shard that moves, or whose node has died; cutOffPatience, for one whose node cannot be
// reached from here. If most nodes see it so the shard moves; if not, whoever calls is better served by another node, and is told
// so at once when the node has been out of reach for long.
const (
	movePatience   = 10 * time.Second
	cutOffPatience = 3 * time.Second
)

func (n *Node) patience(key entity.Key) time.Duration {
	to := n.holder(key)
	switch {
	case to == nil || !n.following.isCutOff(to.ID):
		return movePatience
	case n.following.outOfReach(to.ID):
		return 0
	}
	return cutOffPatience
}

var errGone = status.Error(codes.Unavailable, "the node that was to carry out the request has gone, and whether it took effect is unknown: look, and try again")

var errNobody = status.Error(codes.Unavailable, "what the request is about is being moved to another node; try again")

// askNode makes a call to one node and no other.
func (n *Node) askNode(ctx context.Context, id cluster.NodeID, method string, req, resp any) error {
	to := n.member.View().Node(id)
	if to == nil {
		return status.Error(codes.Unavailable, "the node that has what the request is about is not there any more")
	}
	_, err := n.ask(ctx, to, method, req, resp)
	return err
}

// ask makes a call to a node. again says that it has done nothing, and may be made again.
func (n *Node) ask(ctx context.Context, to *cluster.Node, method string, req, resp any) (again bool, err error) {
	if n.following.outOfReach(to.ID) { // what this node hears from it is how it learns that it is there again
		return true, status.Errorf(codes.Unavailable, "node %q, which has what the request is about, cannot be reached from this node; try again at another one", to.Name)
	}
	l, err := n.links.to(to)
	if err != nil {
		return true, err
	}
	if l.unreachable() {
		l.conn.ResetConnectBackoff()
	}
	var trailer metadata.MD
	err = l.call(ctx, method, req, resp, grpc.Trailer(&trailer))
	if err == nil || ctx.Err() != nil {
		return false, err
	}
	if status.Code(err) == codes.Canceled { // not by the caller: the node has gone, and its connection with it
		return false, errGone
	}
	return len(trailer.Get(frontend.NotHereTrailer)) > 0 || l.unreachable() && status.Code(err) == codes.Unavailable, err
}
