// Package importer takes running workflows over from a Temporal server: it reads their
// histories by the public API, has them held by this server, terminates them there, and makes them run
// here, under the same workflow and run ids.
//
// # The way of a run
//
//	copied      its history is here, and held: nobody sees the run (ImportEvents)
//	checked     this server could run it (CheckImport)
//	terminated  there, by an identity of our own. Nothing more can happen to it
//	completed   the events have been copied that came between the copy and the
//	            termination; what events do not say of its activities has been read
//	activated   it runs here (ActivateImport)
//
// At each moment the run is running in one place at most, and what is needed to go on is in the stores of
// both servers, so an import that was interrupted is run again and goes on: what is held here is found by
// ListImports, and whether it was terminated there by its history there.
//
// # Families
//
// A workflow and its children are taken over together. All of them are copied and checked before any is
// terminated, and the parent is terminated first, so that it does not learn of the ends of
// its children. If one of a family cannot be taken over, none is. A child that closes between the
// termination of its parent and its own is taken over closed, and its parent, when it runs here,
// asks it for its end.
//
// Signals and cancel requests to workflows outside the family find them where they are: if one
// is taken over and the other not yet, they do not find each other.
package importer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/api/admin"
)

// Identity is who terminates runs there.
const Identity = "perdure-import"

// terminationReason is why.
const terminationReason = "imported into Perdure"

// Server is the API of a server.
type Server struct {
	Workflow workflowservice.WorkflowServiceClient
	Operator operatorservice.OperatorServiceClient
	// Name is the server's, for people.
	Name string
}

// Options are what is imported and how. From, To, Admin and Namespace are required.
type Options struct {
	From, To Server
	// Admin is the AdminService of To.
	Admin admin.Client
	// Namespace is that of the workflows, there and here.
	Namespace string
	// Query restricts the workflows, in the language of lists; empty: all that are running.
	Query string
	// DryRun copies and checks, and forgets what was copied.
	DryRun bool
	// Closed takes closed workflows over as well, with their histories; they are not changed there.
	Closed bool
	// Parallel is how many families are worked on at once; 8 if zero.
	Parallel int
	// Patience is how long a server that does not answer is asked again; 30 s if zero.
	Patience time.Duration
	// Progress is called after each family. Optional.
	Progress func(done, total int)
	// Result is called for each run, from one goroutine at a time. Optional.
	Result func(Result)
}

// Outcome is what has become of a run.
type Outcome string

// What may become of a run.
const (
	// Imported: it is one of this server.
	Imported Outcome = "imported"
	// Checked: it could be. Dry runs only.
	Checked Outcome = "could be imported"
	// Closed: it has closed there before it could be taken over, and is left there.
	Closed Outcome = "closed there"
	// Left: it was left as it is there, for a reason.
	Left Outcome = "left there"
)

// Result is what has become of a run, and why.
type Result struct {
	WorkflowID string  `json:"workflowId"`
	RunID      string  `json:"runId"`
	Outcome    Outcome `json:"outcome"`
	Reason     string  `json:"reason,omitempty"`
}

// Report is what has become of all.
type Report struct {
	Imported, Checked, Closed, Left int
	// NamespaceMade, AttributesMade: what was not here and has been made, or would be.
	NamespaceMade  bool
	AttributesMade []string
}

// ErrInterrupted is wrapped by the error of an import that was broken off. Run again, it goes
// on.
var ErrInterrupted = errors.New("the import was broken off; run it again to go on")

// Run imports. An error means that it was broken off; runs that cannot be taken over are
// in the report and among the results.
func Run(ctx context.Context, options Options) (*Report, error) {
	options.Parallel = cmp.Or(options.Parallel, 8)
	options.Patience = cmp.Or(options.Patience, 30*time.Second)
	if options.Progress == nil {
		options.Progress = func(int, int) {}
	}
	if options.Result == nil {
		options.Result = func(Result) {}
	}
	j := &job{Options: options, done: make(map[key]bool)}
	err := j.run(ctx)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrInterrupted, err)
	}
	return &j.report, err
}

// key names a run.
type key struct{ workflowID, runID string }

func keyOf(e *commonpb.WorkflowExecution) key { return key{e.GetWorkflowId(), e.GetRunId()} }

func (k key) execution() *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: k.workflowID, RunId: k.runID}
}

type job struct {
	Options
	// namespaceID is the id of the namespace there.
	namespaceID string

	mu     sync.Mutex
	report Report
	// done are the runs that have a result.
	done map[key]bool
}

// maxRounds bounds how often is looked for workflows that were started meanwhile.
const maxRounds = 10

func (j *job) run(ctx context.Context) error {
	ready, err := j.prepare(ctx)
	if err != nil || !ready {
		return err
	}
	for range maxRounds {
		families, err := j.find(ctx)
		if err != nil {
			return err
		}
		if len(families) == 0 {
			break
		}
		if err := j.all(ctx, families); err != nil {
			return err
		}
		if j.DryRun {
			break
		}
	}
	if j.Closed && !j.DryRun {
		return j.closed(ctx)
	}
	return nil
}

// all takes the families over, several at a time. The first error ends it.
func (j *job) all(ctx context.Context, families [][]key) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan []key)
	var working sync.WaitGroup
	finished := 0
	for range j.Parallel {
		working.Go(func() {
			for members := range queue {
				if err := j.family(ctx, members); err != nil {
					cancel(err)
					return
				}
				j.mu.Lock()
				finished++
				j.Progress(finished, len(families))
				j.mu.Unlock()
			}
		})
	}
	for _, members := range families {
		select {
		case queue <- members:
		case <-ctx.Done():
		}
	}
	close(queue)
	working.Wait()
	return context.Cause(ctx)
}

// tell notes what has become of a run.
func (j *job) tell(k key, outcome Outcome, reason string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.done[k] {
		return
	}
	j.done[k] = true
	switch outcome {
	case Imported:
		j.report.Imported++
	case Checked:
		j.report.Checked++
	case Closed:
		j.report.Closed++
	case Left:
		j.report.Left++
	}
	j.Result(Result{WorkflowID: k.workflowID, RunID: k.runID, Outcome: outcome, Reason: reason})
}

func (j *job) told(k key) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.done[k]
}

// again makes a call, and makes it again while the server does not answer or has too much
// to do, as long as patience goes. The error names the server.
func again[T any](ctx context.Context, j *job, server string, call func(context.Context) (T, error)) (T, error) {
	deadline := time.Now().Add(j.Patience)
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		one, cancel := context.WithTimeout(ctx, 20*time.Second)
		value, err := call(one)
		cancel()
		if err == nil || ctx.Err() != nil || !passing(err) || time.Now().Add(wait).After(deadline) {
			if err != nil {
				err = &callError{server, err}
			}
			return value, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// callError is an error of a call to a server.
type callError struct {
	server string
	err    error
}

func (e *callError) Error() string { return e.server + ": " + e.err.Error() }
func (e *callError) Unwrap() error { return e.err }

// passing reports whether the error says that the server may answer later.
func passing(err error) bool {
	switch codeOf(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Canceled, codes.Aborted, codes.Internal, codes.Unknown:
		return true
	}
	return false
}

// codeOf is the code of an error of a call, whoever has converted it.
func codeOf(err error) codes.Code {
	var service serviceerror.ServiceError
	if errors.As(err, &service) {
		return service.Status().Code()
	}
	var coded interface{ GRPCStatus() *status.Status }
	if errors.As(err, &coded) {
		return coded.GRPCStatus().Code()
	}
	return codes.Unknown
}

// find finds the families of what is to be taken over and has no result yet: what is running
// there, and what is held here.
func (j *job) find(ctx context.Context) ([][]key, error) {
	roots := make(map[key][]key)
	add := func(k, root key) {
		if root.workflowID == "" {
			root = k
		}
		if !j.told(k) && !slices.Contains(roots[root], k) {
			roots[root] = append(roots[root], k)
		}
	}
	if err := j.eachHeld(ctx, func(k key) error {
		described, err := j.describe(ctx, k)
		if codeOf(err) == codes.NotFound {
			add(k, k) // family tells what is wrong with it
			return nil
		}
		if err != nil {
			return err
		}
		add(k, keyOf(described.GetWorkflowExecutionInfo().GetRootExecution()))
		return nil
	}); err != nil {
		return nil, err
	}
	q := "ExecutionStatus = 'Running'"
	if j.Query != "" {
		q += " AND (" + j.Query + ")"
	}
	err := j.each(ctx, q, func(k, root key) error {
		add(k, root)
		return nil
	})
	families := make([][]key, 0, len(roots))
	for _, members := range roots {
		families = append(families, members)
	}
	slices.SortFunc(families, func(a, b []key) int {
		return cmp.Or(strings.Compare(a[0].workflowID, b[0].workflowID), strings.Compare(a[0].runID, b[0].runID))
	})
	return families, err
}

const pageSize = 500

// each lists the workflows there that a query finds, with the roots of their families.
func (j *job) each(ctx context.Context, q string, visit func(k, root key) error) error {
	var token []byte
	for {
		page, err := again(ctx, j, j.From.Name, func(ctx context.Context) (*workflowservice.ListWorkflowExecutionsResponse, error) {
			return j.From.Workflow.ListWorkflowExecutions(ctx, &workflowservice.ListWorkflowExecutionsRequest{
				Namespace: j.Namespace, Query: q, PageSize: pageSize, NextPageToken: token})
		})
		if err != nil {
			return fmt.Errorf("list workflows: %w", err)
		}
		for _, info := range page.GetExecutions() {
			if err := visit(keyOf(info.GetExecution()), keyOf(info.GetRootExecution())); err != nil {
				return err
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return nil
		}
	}
}

// eachHeld lists the runs that are held here.
func (j *job) eachHeld(ctx context.Context, visit func(key) error) error {
	var token []byte
	for {
		page, err := again(ctx, j, j.To.Name, func(ctx context.Context) (*admin.ListImportsResponse, error) {
			return j.Admin.ListImports(ctx, &admin.ListImportsRequest{Namespace: j.Namespace, PageSize: pageSize, PageToken: token})
		})
		if err != nil {
			return fmt.Errorf("list what is held: %w", err)
		}
		for _, run := range page.GetRuns() {
			if err := visit(key{run.GetWorkflowId(), run.GetRunId()}); err != nil {
				return err
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			return nil
		}
	}
}

// describe describes a run there.
func (j *job) describe(ctx context.Context, k key) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return again(ctx, j, j.From.Name, func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return j.From.Workflow.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: j.Namespace, Execution: k.execution()})
	})
}
