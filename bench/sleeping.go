package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/bench/drive"
)

// sleepFor is the timer of a sleeping workflow: longer than any benchmark.
const sleepFor = 30 * 24 * time.Hour

// measureSleeping has count workflows go to sleep on a timer, and
// says what they cost a server that has nothing to do with them: memory and disk while
// it starts them, the time it takes to start on them, and memory under load beside them.
// If keep is not empty, the data stay there, and those that sleep there already are counted.
func measureSleeping(ctx context.Context, binary string, count int, keep string, length time.Duration, w io.Writer) error {
	dir, asleep := keep, 0
	if keep == "" {
		var err error
		if dir, err = os.MkdirTemp("", "perdure-sleeping"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if data, err := os.ReadFile(keep + ".asleep"); err == nil {
		if asleep, err = strconv.Atoi(strings.TrimSpace(string(data))); err != nil {
			return err
		}
	}
	s, err := startPerdureOn(binary, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%-44s %6d MB resident\n", fmt.Sprintf("a server with %d sleeping workflows", asleep), s.residentMemory()>>20)
	begin := time.Now()
	if err := putToSleep(ctx, s.address, asleep, count); err != nil {
		s.stop()
		return err
	}
	elapsed, used := time.Since(begin), s.cpu()
	more := max(1, count-asleep)
	fmt.Fprintf(w, "%-44s %6d MB resident  %.0f/s, %.2f ms of server CPU each\n", fmt.Sprintf("%d workflows put to sleep", count-asleep),
		s.residentMemory()>>20, float64(count-asleep)/elapsed.Seconds(), milliseconds(used)/float64(more))
	if keep != "" {
		if err := os.WriteFile(keep+".asleep", []byte(strconv.Itoa(max(asleep, count))), 0o600); err != nil {
			s.stop()
			return err
		}
	}
	s.stop()
	size := diskUsage(dir)
	fmt.Fprintf(w, "%-44s %6d MB on disk   %d bytes a workflow\n", "stopped", size>>20, size/int64(max(asleep, count)))

	begin = time.Now()
	if s, err = startPerdureOn(binary, dir); err != nil {
		return err
	}
	defer s.stop()
	up := time.Since(begin)
	if err := firstTask(ctx, s.address); err != nil {
		return err
	}
	fmt.Fprintf(w, "%-44s %6d MB resident  %.2f s until it was up, %.2f s until a new workflow's first task\n",
		"started on them", s.residentMemory()>>20, up.Seconds(), time.Since(begin).Seconds())
	const load = 1 // 64 concurrent
	m, err := measure(ctx, s, temporalSDK, load, false, length)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%-44s %6d MB resident  %.0f/s\n", "loaded: "+drive.Scenarios[load].Name, s.residentMemory()>>20, m.PerSecond)
	return nil
}

// sleeper drives the API by hand: an SDK would spend most of the time.
type sleeper struct {
	api   workflowservice.WorkflowServiceClient
	queue string
}

func dialSleeper(address string) (*sleeper, func(), error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, nil, err
	}
	return &sleeper{workflowservice.NewWorkflowServiceClient(conn), "sleeping-" + uuid.NewString()[:8]}, func() { _ = conn.Close() }, nil
}

// putToSleep starts workflows until there are count of them, and has each start a long timer.
func putToSleep(ctx context.Context, address string, asleep, count int) error {
	c, hangUp, err := dialSleeper(address)
	if err != nil {
		return err
	}
	defer hangUp()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	next.Store(int64(asleep))
	var loops sync.WaitGroup
	for range 64 {
		loops.Go(func() {
			for i := next.Add(1); i <= int64(count) && ctx.Err() == nil; i = next.Add(1) {
				if err := c.putToSleep(ctx, fmt.Sprintf("sleeper-%d", i)); err != nil {
					cancel(err)
				}
			}
		})
	}
	loops.Wait()
	return context.Cause(ctx)
}

// putToSleep starts a workflow whose first task the reply has, and answers that with a timer.
func (c *sleeper) putToSleep(ctx context.Context, id string) error {
	started, err := c.start(ctx, id, true)
	if err != nil {
		return err
	}
	token := started.GetEagerWorkflowTask().GetTaskToken()
	if len(token) == 0 {
		return errors.New("the server does not return the first task with a start")
	}
	return c.fallAsleep(ctx, token)
}

func (c *sleeper) start(ctx context.Context, id string, eager bool) (*workflowservice.StartWorkflowExecutionResponse, error) {
	return c.api.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{
		Namespace: "default", WorkflowId: id, RequestId: id, WorkflowType: &commonpb.WorkflowType{Name: "Sleep"},
		TaskQueue: &taskqueuepb.TaskQueue{Name: c.queue}, RequestEagerExecution: eager,
	})
}

// poll waits for a workflow task.
func (c *sleeper) poll(ctx context.Context) (token []byte, err error) {
	for len(token) == 0 {
		task, err := c.api.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{
			Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: c.queue}, Identity: "bench",
		})
		if err != nil {
			return nil, err
		}
		token = task.GetTaskToken()
	}
	return token, nil
}

// fallAsleep answers a workflow task with a timer.
func (c *sleeper) fallAsleep(ctx context.Context, token []byte) error {
	_, err := c.api.RespondWorkflowTaskCompleted(ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: "default", TaskToken: token, Identity: "bench",
		Commands: []*commandpb.Command{{
			CommandType: enumspb.COMMAND_TYPE_START_TIMER,
			Attributes: &commandpb.Command_StartTimerCommandAttributes{StartTimerCommandAttributes: &commandpb.StartTimerCommandAttributes{
				TimerId: "1", StartToFireTimeout: durationpb.New(sleepFor),
			}},
		}},
	})
	return err
}

// firstTask starts a workflow and waits for its first task.
func firstTask(ctx context.Context, address string) error {
	c, hangUp, err := dialSleeper(address)
	if err != nil {
		return err
	}
	defer hangUp()
	if _, err := c.start(ctx, "first-"+c.queue, false); err != nil {
		return err
	}
	_, err = c.poll(ctx)
	return err
}

// diskUsage is the size of all files below dir, in bytes.
func diskUsage(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
