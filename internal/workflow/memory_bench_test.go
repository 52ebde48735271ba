package workflow

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/entity"
)

// emptyStore is the environment of steps that read nothing.
type emptyStore struct{ ids *int64 }

func (e emptyStore) NewID() string {
	*e.ids++
	return "00000000-0000-4000-8000-" + fmt.Sprintf("%012d", *e.ids)
}
func (e emptyStore) NextTaskID() int64                                                 { *e.ids++; return *e.ids }
func (e emptyStore) Reader() entity.Reader                                             { return e }
func (e emptyStore) Indexed() bool                                                     { return false }
func (e emptyStore) Get([]byte) ([]byte, error)                                        { return nil, nil }
func (e emptyStore) Scan(_, _ []byte, _ bool, _ func(record, value []byte) bool) error { return nil }

// BenchmarkIdleRun measures the memory of a workflow that waits for something: it
// has completed one workflow task and nothing is pending.
func BenchmarkIdleRun(b *testing.B) {
	const runs = 2000
	var ids int64
	env := emptyStore{&ids}
	machine := NewMachine(Config{})
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		chains := make([]*Chain, 0, runs)
		before := heapInUse()
		for i := range runs {
			e, err := machine.Load(context.Background(), env, entity.Key{Kind: entity.KindWorkflow, Namespace: "ns", ID: strconv.Itoa(i)})
			if err != nil {
				b.Fatal(err)
			}
			c := e.(*Chain)
			chains = append(chains, c)
			step := func(fn func(*entity.Step) error) *entity.Step {
				s := entity.NewStep(now, env)
				if err := fn(s); err != nil {
					b.Fatal(err)
				}
				if err := c.EndStep(s); err != nil {
					b.Fatal(err)
				}
				return s
			}
			var token []byte
			started := step(func(s *entity.Step) error {
				_, err := c.Start(s, &workflowservice.StartWorkflowExecutionRequest{
					WorkflowId: strconv.Itoa(i), WorkflowType: &commonpb.WorkflowType{Name: "type"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "queue"},
				})
				return err
			})
			step(func(s *entity.Step) error {
				reply, err := c.StartWorkflowTask(s, started.Outputs().Tasks[0], &workflowservice.PollWorkflowTaskQueueRequest{Identity: "worker"})
				token = reply.GetTaskToken()
				return err
			})
			step(func(s *entity.Step) error {
				decoded, err := tokens.DecodeTask(token)
				if err != nil {
					return err
				}
				_, err = c.CompleteWorkflowTask(s, decoded, &workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: token})
				return err
			})
		}
		b.ReportMetric(float64(heapInUse()-before)/runs, "bytes/run")
		runtime.KeepAlive(chains)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
