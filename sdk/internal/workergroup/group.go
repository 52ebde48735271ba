// Package workergroup is what the workers of one client have in common towards the server:
// one call at each interval that tells it how all of them are, and one queue on which it can
// tell them to do something, for instance to cancel an activity that sends no heartbeats.
//
// A [Group] belongs to a client, and so to a namespace. It does something as long as it has
// members; the last one that leaves ends it. Both halves are only for servers that say that
// they know them: who joins has asked.
package workergroup

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/log"
)

// Member is a worker.
type Member interface {
	// Heartbeat says how it is.
	Heartbeat() *workerpb.WorkerHeartbeat
	// Heard is called when the server has taken a heartbeat.
	Heard()
}

// Options say how a group reaches the server. They are the same for all members, as they
// are those of the client.
type Options struct {
	// Service bounds and retries calls, except polls.
	Service   workflowservice.WorkflowServiceClient
	Namespace string
	Identity  string
	// Interval between heartbeats.
	Interval time.Duration
	Logger   log.Logger
	// Commands says that the server sends commands to workers.
	Commands bool
}

// Group is the workers of a client. Its methods may be called concurrently.
type Group struct {
	key string
	// commanded says that commands are taken.
	commanded atomic.Bool

	mu      sync.Mutex
	members []Member
	running *runner // nil without members
	// cancels are how to cancel the activities that run, by their task tokens.
	cancels map[string]context.CancelCauseFunc
}

// runner is what a group does while it has members.
type runner struct {
	group    *Group
	options  Options
	instance string // of the poller for commands
	end      context.CancelFunc
	tasks    sync.WaitGroup
}

// New returns a group without members.
func New() *Group {
	return &Group{key: uuid.NewString(), cancels: make(map[string]context.CancelCauseFunc)}
}

// Key is unique for each group. Heartbeats have it, so that the server knows which workers
// belong together.
func (g *Group) Key() string { return g.key }

// Join adds a member until leave is called. leave waits for what the group does if nobody is
// left. The first member's heartbeat is sent at once, those of the others together with it
// when it is sent again.
func (g *Group) Join(member Member, options Options) (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.members = append(g.members, member)
	if g.running == nil {
		ctx, end := context.WithCancel(context.Background())
		r := &runner{group: g, options: options, instance: uuid.NewString(), end: end}
		g.running = r
		g.commanded.Store(options.Commands)
		r.tasks.Go(func() { r.beat(ctx) })
		if options.Commands {
			r.tasks.Go(func() { r.takeCommands(ctx) })
		}
	}
	return sync.OnceFunc(func() { g.leave(member) })
}

func (g *Group) leave(member Member) {
	g.mu.Lock()
	g.members = slices.DeleteFunc(g.members, func(m Member) bool { return m == member })
	last := g.running
	if len(g.members) > 0 {
		last = nil
	}
	if last != nil {
		g.running = nil
		g.commanded.Store(false)
	}
	g.mu.Unlock()
	if last != nil {
		last.end()
		last.tasks.Wait()
	}
}

// beat sends heartbeats until ctx ends, or the server turns out not to know them.
func (r *runner) beat(ctx context.Context) {
	ticker := time.NewTicker(r.options.Interval)
	defer ticker.Stop()
	for {
		if err := r.send(ctx); err != nil && ctx.Err() == nil {
			if _, unknown := errors.AsType[*serviceerror.Unimplemented](err); unknown {
				r.options.Logger.Warn("The server does not take worker heartbeats.", logtag.Error, err)
				return
			}
			r.options.Logger.Warn("Failed to send heartbeat", logtag.Error, err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// send makes one call with the heartbeats of all members.
func (r *runner) send(ctx context.Context) error {
	r.group.mu.Lock()
	members := slices.Clone(r.group.members)
	r.group.mu.Unlock()
	if len(members) == 0 {
		return nil
	}
	request := &workflowservice.RecordWorkerHeartbeatRequest{
		Namespace:  r.options.Namespace,
		Identity:   r.options.Identity,
		ResourceId: "worker:" + r.group.key,
	}
	for _, member := range members {
		request.WorkerHeartbeat = append(request.WorkerHeartbeat, member.Heartbeat())
	}
	if _, err := r.options.Service.RecordWorkerHeartbeat(ctx, request); err != nil {
		return err
	}
	for _, member := range members {
		member.Heard()
	}
	return nil
}
