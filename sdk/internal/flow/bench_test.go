package flow

import (
	"context"
	"runtime"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// BenchmarkFirstTask is a run from its first task to its eviction: one activity
// is scheduled.
func BenchmarkFirstTask(b *testing.B) {
	r := NewRegistry(false)
	if err := r.RegisterWorkflow(threeSteps, registry.WorkflowOptions{Name: "Workflow"}); err != nil {
		b.Fatal(err)
	}
	options := &Options{Namespace: "default", Registry: r, Logger: logger.Discard{}, SDKMetadata: true}
	s := newScript(new(testing.T), threeSteps, "world")
	s.task()
	poll := &workflowservice.PollWorkflowTaskQueueResponse{
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "id", RunId: "run"},
		StartedEventId:    3,
		History:           &historypb.History{Events: s.events},
	}
	b.ReportAllocs()
	for b.Loop() {
		instance := NewInstance(options)
		outcome, err := instance.HandleTask(context.Background(), &Task{Poll: poll})
		if err != nil || len(outcome.Completed.Commands) != 1 {
			b.Fatal(outcome, err)
		}
		instance.Close()
	}
}

// BenchmarkStickyTask is one task of a run in the cache: a timer fires and the
// next is started.
func BenchmarkStickyTask(b *testing.B) {
	t := new(testing.T)
	s := newScript(t, func(ctx Context) error {
		for {
			if err := Sleep(ctx, time.Hour); err != nil {
				return err
			}
		}
	})
	outcome := s.task().handle()
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		s.complete(outcome)
		s.timerFired(outcome.Completed.Commands[0].GetStartTimerCommandAttributes().TimerId)
		s.task()
		task := &Task{Poll: s.poll(s.fed)}
		s.fed = len(s.events)
		b.StartTimer()
		var err error
		if outcome, err = s.instance.HandleTask(context.Background(), task); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCachedRun is the memory of a run that waits, on the heap and on stacks.
func BenchmarkCachedRun(b *testing.B) {
	r := NewRegistry(false)
	waits := func(ctx Context, name string) (string, error) {
		var word string
		GetSignalChannel(ctx, "word").Receive(ctx, &word)
		return name + word, nil
	}
	if err := r.RegisterWorkflow(waits, registry.WorkflowOptions{Name: "Workflow"}); err != nil {
		b.Fatal(err)
	}
	options := &Options{Namespace: "default", Registry: r, Logger: logger.Discard{}, SDKMetadata: true}
	s := newScript(new(testing.T), waits, "world")
	s.task()
	var instances []*Instance
	start := func(n int) {
		for range n {
			instance := NewInstance(options)
			if _, err := instance.HandleTask(context.Background(), &Task{Poll: &workflowservice.PollWorkflowTaskQueueResponse{
				WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "id", RunId: "run"},
				StartedEventId:    3,
				History:           &historypb.History{Events: s.events},
			}}); err != nil {
				b.Fatal(err)
			}
			instances = append(instances, instance)
		}
	}
	live := func() (heap, stacks int64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc), int64(m.StackInuse)
	}
	start(100) // what is made once
	heap, stacks := live()
	start(b.N)
	heapAfter, stacksAfter := live()
	b.ReportMetric(float64(heapAfter-heap)/float64(b.N), "heap-B/op")
	b.ReportMetric(float64(stacksAfter-stacks)/float64(b.N), "stack-B/op")
	for _, instance := range instances {
		instance.Close()
	}
}
