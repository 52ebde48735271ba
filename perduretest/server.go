package perduretest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/memory"
)

// generations are a server and its successors on one store: each crash ends one
// and the next begins with what the store has.
type generations struct {
	options Options
	store   *memory.Store

	mu sync.Mutex
	// now is nil while there is no server; over is why there will be none any more.
	now  *generation
	over error
	// up wakes those who wait for a server.
	up sync.Cond
}

// generation is a server between two crashes.
type generation struct {
	server *server.Server
	disk   *disk
	// alive ends with the crash, and all calls with it.
	alive context.Context
	kill  context.CancelFunc
}

func newGenerations(options Options) *generations {
	g := &generations{options: options, store: memory.New(0)}
	g.up.L = &g.mu
	return g
}

func (g *generations) start() error {
	next := &generation{disk: &disk{Store: g.store}}
	next.alive, next.kill = context.WithCancel(context.Background())
	var err error
	next.server, err = server.Start(context.Background(), server.Options{
		Store:       next.disk,
		Namespaces:  g.options.Namespaces,
		VirtualTime: true,
		Logger:      g.options.Logger,
	})
	if err != nil {
		next.kill()
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = next
	g.up.Broadcast()
	return nil
}

// await waits until there is a server, or will be none any more.
func (g *generations) await() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.now == nil && g.over == nil {
		g.up.Wait()
	}
}

// current is the server that answers calls, or the error that they end with.
func (g *generations) current() (*generation, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.over != nil:
		return nil, status.Error(codes.FailedPrecondition, g.over.Error())
	case g.now == nil:
		return nil, errDown
	}
	return g.now, nil
}

var errDown = status.Error(codes.Unavailable, "perduretest: the server is down")

// crash kills the server: what has not been written by now never is.
func (g *generations) crash() {
	g.mu.Lock()
	dead := g.now
	g.now = nil
	g.mu.Unlock()
	if dead == nil {
		return
	}
	dead.disk.cut.Store(true)
	dead.kill()
	dead.reap()
}

// reap lets the goroutines of a server end.
func (g *generation) reap() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = g.server.Stop(ctx) // it was killed: how it ends does not matter
}

// end makes all calls fail from now on.
func (g *generations) end(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = why
	g.up.Broadcast()
	if g.now != nil {
		g.now.kill()
	}
}

// stop stops the server in order.
func (g *generations) stop() {
	g.mu.Lock()
	last := g.now
	g.now = nil
	if g.over == nil {
		g.over = errors.New("perduretest: the test is over")
	}
	g.up.Broadcast()
	g.mu.Unlock()
	if last == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = last.server.Stop(ctx)
	last.kill()
}

// CrashServer kills the server and starts it again after a time, on what was
// durable. Calls that were under way fail, and so do those in between. Clients try
// again for a minute, as in production, and workers for ever.
func (e *Env) CrashServer(downtime time.Duration) {
	e.T.Helper()
	e.mu.Lock()
	if e.closed {
		// The test is over; a call that was still under way has come here.
		e.mu.Unlock()
		return
	}
	e.crashes.Add(1)
	e.mu.Unlock()
	defer e.crashes.Done()
	e.server.crash()
	time.Sleep(downtime)
	if err := e.server.start(); err != nil {
		e.T.Errorf("starting the server after a crash: %v", err)
	}
}

// disk is a store that can be cut off from what it keeps: a crash.
type disk struct {
	storage.Store
	cut atomic.Bool
}

var errCut = errors.New("perduretest: the server has crashed")

func (d *disk) Commit(lease storage.Lease, batch *storage.Batch, durability storage.Durability, done func(error)) {
	if d.cut.Load() {
		go done(errCut)
		return
	}
	d.Store.Commit(lease, batch, durability, done)
}

// Close leaves the store to the next server.
func (d *disk) Close() error { return nil }

// invoke makes a call to the server of this generation. It fails when that crashes
// before the reply is there.
func (g *generation) invoke(ctx context.Context, method string, args, reply any, options []grpc.CallOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(g.alive, cancel)()
	err := g.server.ClientConn().Invoke(ctx, method, args, reply, options...)
	if g.alive.Err() != nil {
		return errDown
	}
	return err
}
