package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/admin"
)

// member is a run of a family on its way.
type member struct {
	key
	// parent is the run that has started it, if that is one of ours.
	parent *member
	// next is the id of the event that is to be copied next.
	next int64
	// wasHeld: an earlier import has begun with it.
	wasHeld bool
	// imported: it is one of this server.
	imported bool
	// open: it was running there when it was looked at last.
	open bool
}

// family is the runs that are taken over together.
type family struct {
	*job
	// selected are the runs that it began with.
	selected []key
	members  []*member
}

// refusal is why a family is left as it is.
type refusal struct {
	member *member
	reason string
}

func (r *refusal) Error() string { return r.reason }

// family takes the runs over, and the children that belong to them. An error means that the whole
// import cannot go on.
func (j *job) family(ctx context.Context, keys []key) error {
	f := &family{job: j, selected: keys}
	err := f.takeOver(ctx, keys)
	var refused *refusal
	if !errors.As(err, &refused) {
		return err
	}
	for _, m := range f.members {
		reason := refused.reason
		if m != refused.member {
			reason = fmt.Sprintf("%s, of the same family, cannot be taken over: %s", refused.member.workflowID, reason)
		}
		j.tell(m.key, Left, reason)
	}
	return nil
}

func (f *family) takeOver(ctx context.Context, keys []key) error {
	for _, k := range keys {
		if err := f.join(ctx, k, nil); err != nil {
			return f.giveUp(ctx, err)
		}
	}
	if f.DryRun {
		if err := f.discard(ctx); err != nil {
			return err
		}
		for _, m := range f.members {
			f.tell(m.key, Checked, "")
		}
		return nil
	}
	// Parents come before their children in members. What joins while this runs is at the end.
	for i := 0; i < len(f.members); i++ {
		if err := f.terminate(ctx, f.members[i]); err != nil {
			return err
		}
		if err := f.complete(ctx, f.members[i]); err != nil {
			return err
		}
	}
	// Children first, so that they are there when their parents ask for them.
	for _, m := range slices.Backward(f.members) {
		if err := f.activate(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// find returns the member with the workflow id, the run id too unless it is empty.
func (f *family) find(k key) *member {
	i := slices.IndexFunc(f.members, func(m *member) bool { return m.workflowID == k.workflowID && (k.runID == "" || m.runID == k.runID) })
	if i < 0 {
		return nil
	}
	return f.members[i]
}

// join makes a run a member: it is copied and checked, its parent before it if that runs there,
// its children after it.
func (f *family) join(ctx context.Context, k key, parent *member) error {
	if f.find(k) != nil {
		return nil
	}
	m := &member{key: k, parent: parent}
	described, err := f.job.describe(ctx, k)
	if codeOf(err) == codes.NotFound && err != nil {
		f.members = append(f.members, m)
		return &refusal{m, "it is not there any more"}
	}
	if err != nil {
		return err
	}
	info := described.GetWorkflowExecutionInfo()
	m.open = info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
	if p := info.GetParentExecution(); p != nil && parent == nil {
		if ns := info.GetParentNamespaceId(); ns != "" && ns != f.namespaceID {
			f.members = append(f.members, m)
			return &refusal{m, "its parent is in another namespace"}
		}
		if m.parent, err = f.parentOf(ctx, m, keyOf(p)); err != nil {
			return err
		}
		if f.find(k) != nil {
			return nil // its parent has brought it along
		}
	}
	f.members = append(f.members, m)
	if err := f.copy(ctx, m); err != nil {
		return err
	}
	if m.open {
		if err := f.check(ctx, m); err != nil {
			return err
		}
	}
	for _, child := range described.GetPendingChildren() {
		if child.GetParentClosePolicy() == enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL && m.open {
			return &refusal{m, fmt.Sprintf("its termination there would ask its child %s to cancel", child.GetWorkflowId())}
		}
		if child.GetRunId() == "" {
			continue // not started yet; if it is meanwhile, the events say so
		}
		if err := f.joinChild(ctx, m, child.GetWorkflowId(), child.GetRunId()); err != nil {
			return err
		}
	}
	return nil
}

// joinChild has a child join by its first run, which others may continue.
func (f *family) joinChild(ctx context.Context, parent *member, workflowID, firstRunID string) error {
	for runID := firstRunID; runID != ""; {
		k := key{workflowID, runID}
		if err := f.join(ctx, k, parent); err != nil {
			return err
		}
		m := f.find(k)
		if m == nil || m.open {
			return nil
		}
		end, err := f.lastEvent(ctx, k)
		if err != nil {
			return err
		}
		runID = continuation(end)
	}
	return nil
}

// parentOf has the parent of a run join before it, if it runs there. It is nil if there
// is none to be told of the run's end.
func (f *family) parentOf(ctx context.Context, m *member, k key) (*member, error) {
	if p := f.find(k); p != nil {
		return p, nil
	}
	described, err := f.job.describe(ctx, k)
	if err != nil && codeOf(err) == codes.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	state, err := f.state(ctx, k)
	if err != nil {
		return nil, err
	}
	if state.GetImported() {
		return &member{key: k, imported: true}, nil
	}
	if described.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && !state.GetHeld() {
		return nil, nil
	}
	if f.Query != "" && !state.GetHeld() && !slices.Contains(f.selected, k) {
		f.members = append(f.members, m)
		return nil, &refusal{m, fmt.Sprintf("it is a child of %s, which runs there and which the query does not find", k.workflowID)}
	}
	if err := f.join(ctx, k, nil); err != nil {
		return nil, err
	}
	return f.find(k), nil
}

func (f *family) state(ctx context.Context, k key) (*admin.DescribeImportResponse, error) {
	return again(ctx, f.job, f.To.Name, func(ctx context.Context) (*admin.DescribeImportResponse, error) {
		return f.Admin.DescribeImport(ctx, &admin.DescribeImportRequest{Namespace: f.Namespace, WorkflowId: k.workflowID, RunId: k.runID})
	})
}

// check asks whether the run could run here.
func (f *family) check(ctx context.Context, m *member) error {
	if m.imported {
		return nil
	}
	checked, err := again(ctx, f.job, f.To.Name, func(ctx context.Context) (*admin.CheckImportResponse, error) {
		return f.Admin.CheckImport(ctx, &admin.CheckImportRequest{Namespace: f.Namespace, WorkflowId: m.workflowID, RunId: m.runID})
	})
	if err != nil {
		return err
	}
	if checked.GetReason() != "" {
		return &refusal{m, checked.GetReason()}
	}
	return nil
}

// terminate ends a run there. That it has closed before is no error.
func (f *family) terminate(ctx context.Context, m *member) error {
	if m.imported || !m.open {
		return nil
	}
	_, err := again(ctx, f.job, f.From.Name, func(ctx context.Context) (*workflowservice.TerminateWorkflowExecutionResponse, error) {
		return f.From.Workflow.TerminateWorkflowExecution(ctx, &workflowservice.TerminateWorkflowExecutionRequest{
			Namespace: f.Namespace, WorkflowExecution: m.execution(), Reason: terminationReason, Identity: Identity})
	})
	if err != nil && codeOf(err) != codes.NotFound {
		return fmt.Errorf("terminate %s there: %w", m.workflowID, err)
	}
	return nil
}

// complete copies what has been added to a history between the copy and its end, but for the end
// itself if that is our termination. Children that have been started meanwhile join.
func (f *family) complete(ctx context.Context, m *member) error {
	if m.imported {
		return nil
	}
	events, err := f.since(ctx, m.key, m.next)
	if err != nil {
		return err
	}
	end, err := f.lastEvent(ctx, m.key) // which was copied if it came about while it was read
	if err != nil {
		return err
	}
	if len(events) > 0 && f.isOurs(m, end) {
		events = events[:len(events)-1]
	} else if next := continuation(end); next != "" {
		if err := f.join(ctx, key{m.workflowID, next}, m.parent); err != nil {
			return f.tooLate(err)
		}
	}
	for _, e := range events {
		started := e.GetChildWorkflowExecutionStartedEventAttributes()
		if started == nil || e.GetEventId() < m.next {
			continue
		}
		if err := f.joinChild(ctx, m, started.GetWorkflowExecution().GetWorkflowId(), started.GetWorkflowExecution().GetRunId()); err != nil {
			return f.tooLate(err)
		}
	}
	return f.send(ctx, m, events)
}

// tooLate makes a refusal of a run that has joined when others were terminated already an error:
// the family is in between, and somebody has to look.
func (f *family) tooLate(err error) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return fmt.Errorf("%s was started there while its family was being taken over, and cannot be taken over: %s", refused.member.workflowID, refused.reason)
	}
	return err
}

// isOurs reports whether the event that has closed a run is a termination by us, or the
// consequence of one of its parent.
func (f *family) isOurs(m *member, end *historypb.HistoryEvent) bool {
	attr := end.GetWorkflowExecutionTerminatedEventAttributes()
	if attr == nil {
		return false
	}
	return attr.GetIdentity() == Identity && attr.GetReason() == terminationReason ||
		m.parent != nil && attr.GetReason() == "by parent close policy"
}

// activate makes a run one of this server. One that has closed there by itself, and that
// nobody here waits for, is left there.
func (f *family) activate(ctx context.Context, m *member) error {
	if m.imported {
		f.tell(m.key, Imported, "")
		return nil
	}
	end, err := f.lastEvent(ctx, m.key)
	if err != nil {
		return err
	}
	if !f.isOurs(m, end) && m.parent == nil {
		f.tell(m.key, Closed, "")
		return f.forget(ctx, m)
	}
	described, err := f.job.describe(ctx, m.key)
	if err != nil {
		return err
	}
	activities, err := proto.Marshal(&workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: described.GetPendingActivities()})
	if err != nil {
		return err
	}
	_, err = again(ctx, f.job, f.To.Name, func(ctx context.Context) (*admin.ActivateImportResponse, error) {
		return f.Admin.ActivateImport(ctx, &admin.ActivateImportRequest{Namespace: f.Namespace, WorkflowId: m.workflowID, RunId: m.runID, Activities: activities})
	})
	if err != nil {
		return fmt.Errorf("run %s of %s has been terminated there and does not run here yet: %w", m.runID, m.workflowID, err)
	}
	f.tell(m.key, Imported, "")
	return nil
}

// giveUp forgets what was copied of a family that is left as it is.
func (f *family) giveUp(ctx context.Context, err error) error {
	var refused *refusal
	if !errors.As(err, &refused) {
		return err
	}
	if discardErr := f.discard(ctx); discardErr != nil {
		return discardErr
	}
	return err
}

// discard forgets what was copied, but for runs that have been terminated there by an earlier
// import: their copies are all there is.
func (f *family) discard(ctx context.Context) error {
	for _, m := range f.members {
		if m.imported || m.wasHeld && !m.open {
			continue
		}
		if err := f.forget(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (f *family) forget(ctx context.Context, m *member) error {
	_, err := again(ctx, f.job, f.To.Name, func(ctx context.Context) (*admin.DiscardImportResponse, error) {
		return f.Admin.DiscardImport(ctx, &admin.DiscardImportRequest{Namespace: f.Namespace, WorkflowId: m.workflowID, RunId: m.runID})
	})
	return err
}

// continuation is the run that continues one which the event has closed; empty if there is none.
func continuation(end *historypb.HistoryEvent) string {
	switch end.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return end.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return end.GetWorkflowExecutionCompletedEventAttributes().GetNewExecutionRunId()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return end.GetWorkflowExecutionFailedEventAttributes().GetNewExecutionRunId()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return end.GetWorkflowExecutionTimedOutEventAttributes().GetNewExecutionRunId()
	}
	return ""
}
