package trace

import (
	"context"
	"fmt"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/client"
)

// Options say what of a workflow is traced.
type Options struct {
	// Depth is how many levels of child workflows are followed; all if negative.
	Depth int
	// Concurrency is how many workflows are followed at once; 1 at least.
	Concurrency int
	// Wait follows the workflow until it closes; otherwise it is shown as it is.
	Wait bool
}

// Trace is a tree that follows a workflow.
type Trace struct {
	Root *Node

	client  client.Client
	options Options
	changes chan change
	slots   chan struct{}
	readers sync.WaitGroup
	tick    <-chan time.Time // when to draw although nothing has changed; nil for never
}

// change is an event of a workflow of the tree, or the end of what can be read of it.
type change struct {
	node  *Node
	depth int
	event *historypb.HistoryEvent
	done  bool
	err   error
}

// New makes a trace of a workflow, which is empty until it is followed.
func New(c client.Client, workflowID, runID string, options Options) *Trace {
	return &Trace{
		Root:    &Node{Kind: "workflow", WorkflowID: workflowID, RunID: runID, State: Running},
		client:  c,
		options: options,
		changes: make(chan change),
		slots:   make(chan struct{}, max(1, options.Concurrency)),
	}
}

// Follow reads until the workflow has closed and all has been read of the children that
// have ended before it. It calls changed after every change of the tree, or when it is to
// be drawn anew; nothing else changes it. Children that outlive it are left as they are then.
func (t *Trace) Follow(ctx context.Context, changed func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer t.readers.Wait()
	defer cancel()
	reading := map[*Node]bool{}
	begin := func(node *Node, depth int) {
		reading[node] = true
		t.readers.Add(1)
		runID := node.RunID
		go func() {
			defer t.readers.Done()
			t.read(ctx, node, runID, depth)
		}()
	}
	begin(t.Root, 0)
	for len(reading) > 0 && !t.over(reading) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.tick:
			changed()
		case c := <-t.changes:
			switch {
			case c.err != nil && (c.node == t.Root || ctx.Err() != nil):
				return c.err
			case c.done:
				delete(reading, c.node) // of a child that cannot be read, its parent's history tells
			default:
				child := c.node.Apply(c.event)
				if child != nil && (t.options.Depth < 0 || c.depth < t.options.Depth) {
					begin(child, c.depth+1)
				}
			}
			changed()
		}
	}
	return nil
}

// over reports whether the workflow has closed and nothing is left to read but children
// that go on.
func (t *Trace) over(reading map[*Node]bool) bool {
	if reading[t.Root] {
		return false
	}
	for node := range reading {
		if !t.options.Wait || node.closed {
			return false
		}
	}
	return true
}

// read sends the events of a workflow and of the runs that continue it. Of the slots, it
// holds one while it reads; the first workflow needs none, so that its children can be
// read however many slots there are.
func (t *Trace) read(ctx context.Context, node *Node, runID string, depth int) {
	send := func(c change) bool {
		c.node, c.depth = node, depth
		select {
		case t.changes <- c:
			return true
		case <-ctx.Done():
			return false
		}
	}
	if depth > 0 {
		select {
		case t.slots <- struct{}{}:
			defer func() { <-t.slots }()
		case <-ctx.Done():
			return
		}
	}
	for {
		next := ""
		iter := t.client.GetWorkflowHistory(ctx, node.WorkflowID, runID, t.options.Wait, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for iter.HasNext() {
			event, err := iter.Next()
			if err != nil {
				send(change{done: true, err: fmt.Errorf("reading the history of %s: %w", node.WorkflowID, err)})
				return
			}
			next = NextRun(event)
			if !send(change{event: event}) {
				return
			}
		}
		if next == "" {
			send(change{done: true})
			return
		}
		runID = next
	}
}

// NextRun is the run that continues the one which an event closes: after a continue as
// new, a retry, or by its cron specification. Empty if there is none.
func NextRun(closing *historypb.HistoryEvent) string {
	switch a := closing.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes:
		return a.WorkflowExecutionCompletedEventAttributes.GetNewExecutionRunId()
	case *historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes:
		return a.WorkflowExecutionContinuedAsNewEventAttributes.GetNewExecutionRunId()
	case *historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes:
		return a.WorkflowExecutionFailedEventAttributes.GetNewExecutionRunId()
	case *historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes:
		return a.WorkflowExecutionTimedOutEventAttributes.GetNewExecutionRunId()
	}
	return ""
}
