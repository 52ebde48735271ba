package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// limits are how many of a key may run at once; each key is under one of them.
var limits = []int{1, 2, 3, 5, 10, 20, 50, 100}

func policyOf(limit int) string { return fmt.Sprintf("limit-%d", limit) }

// item is the n-th workflow that fill starts.
type item struct {
	id, key string
	limit   int
}

// itemOf divides the workflows unequally: half of them have a tenth of the keys.
func itemOf(n, keys int) item {
	key := n / 2 % keys
	if n%2 == 0 {
		key = n / 2 % max(1, keys/10)
	}
	return item{fmt.Sprintf("f-%d", n), fmt.Sprintf("key-%d", key), limits[key%len(limits)]}
}

const taskQueue = "flow"

func start(ctx context.Context, client workflowservice.WorkflowServiceClient, id, kind, key string) error {
	return startOn(ctx, client, id, kind, key, taskQueue)
}

func startOn(ctx context.Context, client workflowservice.WorkflowServiceClient, id, kind, key, queue string) error {
	req := &workflowservice.StartWorkflowExecutionRequest{
		Namespace: "default", WorkflowId: id, RequestId: uuid.NewString(),
		WorkflowType: &commonpb.WorkflowType{Name: kind},
		TaskQueue:    &taskqueuepb.TaskQueue{Name: queue},
	}
	if key != "" {
		req.Priority = &commonpb.Priority{FairnessKey: key}
	}
	_, err := client.StartWorkflowExecution(ctx, req)
	return err
}

// crowd has the function called by many at once, with numbers from 0 on, until it has been called
// n times or fails.
func crowd(clients, n int, fn func(client, n int) error) error {
	var next atomic.Int64
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := fn(c, i); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					next.Store(int64(n))
					return
				}
			}
		})
	}
	all.Wait()
	return failed
}

// fill starts the workflows, all of which wait.
func fill(ctx context.Context, o *options) error {
	s, err := startServer(o.binary, o.dir, true)
	if err != nil {
		return err
	}
	defer s.stop()
	for _, limit := range limits {
		if err := s.limit(policyOf(limit), 0); err != nil {
			return err
		}
	}
	say("an empty server", "%d MB", s.resident())
	const parts = 10
	for part := range parts {
		from, begin := part*o.workflows/parts, time.Now()
		n := (part+1)*o.workflows/parts - from
		err := crowd(o.clients, n, func(c, i int) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			it := itemOf(from+i, o.keys)
			err := start(ctx, s.client(c), it.id, policyOf(it.limit), it.key)
			if _, again := serviceerror.FromStatus(statusOf(err)).(*serviceerror.WorkflowExecutionAlreadyStarted); again {
				return nil // of a fill that was broken off
			}
			return err
		})
		if err != nil {
			return err
		}
		say(fmt.Sprintf("%d workflows wait for %d keys", from+n, o.keys), "%d MB  %.0f starts/s", s.resident(), float64(n)/time.Since(begin).Seconds())
	}
	say("on disk", "%d MB", s.disk())
	return nil
}
