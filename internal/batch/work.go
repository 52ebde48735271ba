package batch

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/visibility"
)

const (
	// maxAttempts is how often an item is tried whose failures may pass, and
	// maxUnready how often one whose precondition is not met.
	maxAttempts, maxUnready = 50, 3
	// firstBackoff and maxBackoff bound the rest after an attempt that has failed.
	firstBackoff, maxBackoff = 100 * time.Millisecond, 10 * time.Second
)

// job is a job on the way.
type job struct {
	*Runner
	*State
	task      *entity.Task
	namespace string
	pace      pace
	// stopped ends when the job has been stopped, or the Runner closed.
	stopped context.Context
}

// list lists the items of the job, as far as that has not been done.
func (j *job) list(ctx context.Context) error {
	// A run that closes meanwhile moves in the list, and would be found twice.
	seen := make(map[string]struct{})
	query := Query(j.Request)
	for backoff := firstBackoff; !j.Listed; {
		items, next, err := j.page(ctx, query, j.ListToken, seen)
		switch status.Code(err) {
		case codes.OK:
			backoff = firstBackoff
		case codes.InvalidArgument, codes.PermissionDenied, codes.Unimplemented:
			return j.step(ctx, func(step *entity.Step, e *Job) error { return e.Fail(step, j.task, err) })
		default:
			if rest(j.stopped, backoff) != nil {
				return nil
			}
			backoff = min(2*backoff, maxBackoff)
			continue
		}
		if err := j.step(ctx, func(step *entity.Step, e *Job) error { return e.List(step, j.task, items, j.ListToken, next) }); err != nil {
			return err
		}
		if len(items) > 0 {
			j.Pages++
		}
		j.ListToken, j.Listed = next, next == nil
	}
	return nil
}

// page lists a page.
func (j *job) page(ctx context.Context, query string, token []byte, seen map[string]struct{}) (items []*records.BatchItem, next []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if Standalone(j.Request) {
		resp, err := j.Client.ListActivityExecutions(ctx, &workflowservice.ListActivityExecutionsRequest{
			Namespace: j.namespace, PageSize: pageSize, NextPageToken: token, Query: query,
		})
		for _, info := range resp.GetExecutions() {
			items = append(items, &records.BatchItem{Id: info.GetActivityId(), RunId: info.GetRunId()})
		}
		return items, resp.GetNextPageToken(), err
	}
	resp, err := j.Client.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: j.namespace, PageSize: pageSize, NextPageToken: token, Query: query,
	})
	for _, info := range resp.GetExecutions() {
		execution := info.GetExecution()
		if _, twice := seen[execution.GetRunId()]; twice {
			continue
		}
		if operationOf(j.Request).closed && visibility.Open(info.GetStatus()) {
			seen[execution.GetRunId()] = struct{}{}
		}
		items = append(items, &records.BatchItem{Id: execution.GetWorkflowId(), RunId: execution.GetRunId()})
	}
	return items, resp.GetNextPageToken(), err
}

// work acts on the items that are not done, page by page, until the job is stopped.
func (j *job) work(ctx context.Context) error {
	for number := j.Progress.Page; number < j.Pages; number++ {
		var page *records.BatchPage
		viewCtx, cancel := context.WithTimeout(ctx, stepTimeout)
		err := j.Runtime.View(viewCtx, j.task.Entity, func(e entity.Entity, view entity.View) (err error) {
			if !e.(*Job).running(j.task) {
				return errEnded
			}
			page, err = e.(*Job).Page(view, number)
			return err
		})
		cancel()
		if err != nil {
			return err
		}
		if err := j.workPage(ctx, number, page.Items); err != nil {
			return err
		}
		j.Progress = new(records.BatchProgress)
		if j.stopped.Err() != nil {
			return nil
		}
	}
	return nil
}

// workPage acts on the items of a page, some at once, and records what has been done.
func (j *job) workPage(ctx context.Context, number int64, items []*records.BatchItem) error {
	feed, results := make(chan int), make(chan Result)
	working, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	var all sync.WaitGroup
	all.Go(func() {
		defer close(feed)
		for i := range items {
			if isDone(j.Progress.Done, i) {
				continue
			}
			select {
			case feed <- i:
			case <-j.stopped.Done():
				return
			case <-working.Done():
				return
			}
		}
	})
	for range max(1, j.Concurrency(j.namespace)) {
		all.Go(func() {
			for i := range feed {
				if err := j.item(working, number, i, items[i], results); err != nil {
					giveUp(err)
					return
				}
			}
		})
	}
	go func() {
		all.Wait()
		close(results)
	}()
	var failed error
	for open := true; open; {
		var batch []Result
		batch, open = gather(results)
		if len(batch) == 0 || failed != nil {
			continue
		}
		// What has been done is recorded even if the server is going down.
		failed = j.step(context.WithoutCancel(ctx), func(step *entity.Step, e *Job) error { return e.Record(step, j.task, number, len(items), batch) })
		if failed != nil {
			giveUp(failed)
		}
	}
	if failed != nil {
		return failed
	}
	return context.Cause(working)
}

// gather takes a result, and all that are there then. It reports false when there will be
// no more.
func gather(results <-chan Result) (batch []Result, open bool) {
	result, open := <-results
	for open {
		batch = append(batch, result)
		select {
		case result, open = <-results:
		default:
			return batch, true
		}
	}
	return batch, false
}

// item acts on an item until it is done or given up, and says so. It fails if it is broken
// off; the item is then left for the next time.
func (j *job) item(ctx context.Context, page int64, index int, item *records.BatchItem, results chan<- Result) error {
	a := &act{client: j.Client, namespace: j.namespace, req: j.Request, requestID: requestID(j.RunId, item)}
	item = proto.CloneOf(item)
	settled := item.RunId != ""
	if runID := j.Progress.Runs[int32(index)]; runID != "" {
		item.RunId, settled = runID, true
	}
	for attempts := int(j.Progress.Attempts[int32(index)]) + 1; ; attempts++ {
		if err := j.pace.wait(j.stopped); err != nil {
			return nil // nothing has been done to it
		}
		err := j.attempt(ctx, a, page, index, item, settled)
		settled = settled || item.RunId != "" // it may have been acted on
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errEnded) || errors.Is(err, errRecord) {
			return err
		}
		again := attempts < attemptsAt(err)
		results <- Result{Index: index, Err: err, Again: again}
		if !again {
			return nil
		}
		if err := rest(j.stopped, min(firstBackoff<<min(attempts-1, 10), maxBackoff)); err != nil {
			return nil
		}
	}
}

// errRecord is wrapped by what keeps the runner from recording what it is about to do.
var errRecord = errors.New("the batch job cannot be recorded")

// attempt acts on the item once. If it is not settled which run it is about, that is
// recorded first; a run that is gone before it has been acted on is followed by the next.
func (j *job) attempt(ctx context.Context, a *act, page int64, index int, item *records.BatchItem, settled bool) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for {
		if !settled {
			runID, err := a.currentRun(ctx, item.Id)
			if err != nil {
				return missing(err)
			}
			if runID == item.RunId {
				return nil // it has closed
			}
			item.RunId = runID
			if err := j.step(ctx, func(step *entity.Step, e *Job) error { return e.Settle(step, j.task, page, index, runID) }); err != nil {
				return errors.Join(errRecord, err)
			}
		}
		err := a.do(ctx, item)
		if err == nil || settled || missing(err) != nil {
			return missing(err)
		}
	}
}

// missing is the error of a call, but for one that says that the execution is not there, or
// has closed.
func missing(err error) error {
	var notFound *serviceerror.NotFound
	if errors.As(serviceerror.FromStatus(status.Convert(err)), &notFound) {
		return nil
	}
	return err
}

// attemptsAt is how many attempts are made at an item that has failed like this.
func attemptsAt(err error) int {
	if err == nil {
		return 0
	}
	switch serviceerror.ToStatus(err).Code() {
	case codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.DeadlineExceeded, codes.Canceled, codes.Internal, codes.Unknown:
		return maxAttempts
	case codes.FailedPrecondition:
		return maxUnready
	}
	return 0
}
