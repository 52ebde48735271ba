package nexus

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	workerpb "go.temporal.io/api/worker/v1"
)

// Workers that take commands serve a Nexus service on a task queue of their own, in the same way as SDKs serve others.
const (
	CommandService   = "temporal.api.nexusservices.workerservice.v1.WorkerService"
	CommandOperation = "ExecuteCommands"
)

const (
	// commandTimeout is how long a worker has for the commands of one request, and commandAttempts how often
	// they are sent if nobody answers.
	commandTimeout  = 10 * time.Second
	commandAttempts = 3
	// mostCommands bounds the commands that wait for their workers, in all, and commandBatch those of one request.
	mostCommands = 10_000
	commandBatch = 100
)

// Commander sends commands to workers. They are in memory only: those of a worker that does not answer are dropped after a while, and
// so are those that are more than there may be, as what they are about comes out by itself in the end.
type Commander struct {
	dispatcher *Dispatcher
	logger     *slog.Logger

	ctx     context.Context
	cancel  context.CancelFunc
	sending sync.WaitGroup

	mu sync.Mutex
	// queued are the commands of each queue to which somebody is sending, and waiting is how many there are.
	queued  map[commandQueue][]*workerpb.WorkerCommand
	waiting int
	closed  bool
}

type commandQueue struct{ namespace, name string }

// NewCommander returns a Commander that is at work until Close.
func NewCommander(dispatcher *Dispatcher, logger *slog.Logger) *Commander {
	ctx, cancel := context.WithCancel(context.Background())
	return &Commander{dispatcher: dispatcher, logger: logger, ctx: ctx, cancel: cancel, queued: make(map[commandQueue][]*workerpb.WorkerCommand)}
}

// Close ends what is under way, and waits until it has ended. A nil Commander has nothing to end.
func (c *Commander) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.sending.Wait()
}

// CancelActivity tells the worker that takes commands at the queue to end the attempt of an activity with the token. It does not
// block. A nil Commander sends nothing.
func (c *Commander) CancelActivity(namespaceID, queue string, taskToken []byte) {
	if c == nil {
		return
	}
	to := commandQueue{namespaceID, queue}
	command := &workerpb.WorkerCommand{Type: &workerpb.WorkerCommand_CancelActivity{CancelActivity: &workerpb.CancelActivityCommand{TaskToken: taskToken}}}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.waiting >= mostCommands {
		return
	}
	c.waiting++
	waiting, busy := c.queued[to]
	c.queued[to] = append(waiting, command)
	if !busy {
		c.sending.Go(func() { c.send(to) })
	}
}

// next takes commands of a queue; none if there are no more, and then nobody is sending to it.
func (c *Commander) next(to commandQueue) []*workerpb.WorkerCommand {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.queued[to]
	if len(waiting) == 0 {
		delete(c.queued, to)
		return nil
	}
	n := min(len(waiting), commandBatch)
	c.queued[to] = waiting[n:]
	c.waiting -= n
	return waiting[:n]
}

// send sends the commands of a queue, one request after the other.
func (c *Commander) send(to commandQueue) {
	for commands := c.next(to); commands != nil; commands = c.next(to) {
		for attempt := 1; c.ctx.Err() == nil; attempt++ {
			err := c.request(to, commands)
			if err == nil {
				break
			}
			if attempt == commandAttempts || !errors.Is(err, ErrNoAnswer) {
				c.logger.Debug("A worker has not taken its commands.", "queue", to.name, "commands", len(commands), "error", err)
				break
			}
		}
	}
}

func (c *Commander) request(to commandQueue, commands []*workerpb.WorkerCommand) error {
	ctx, cancel := context.WithTimeout(c.ctx, commandTimeout+tail)
	defer cancel()
	_, err := c.dispatcher.command(ctx, to.namespace, to.name, commands...)
	return err
}
