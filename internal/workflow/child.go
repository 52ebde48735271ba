package workflow

import (
	"bytes"
	"cmp"
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A child is started in two phases, because parent and child are different
// entities. The parent sends StartChild; the child's chain starts a run that has
// no workflow task yet and answers ChildStarted; the parent records that and sends
// ChildFirstTask; only then does the child do anything. So a child that its parent
// does not know of never runs. When the child's chain of runs has closed, it sends
// ChildClosed.

// children are the pending child workflows of a run, by initiated event id.
type children struct {
	pendingItems[int64, records.Child, *records.Child]
}

func (*children) letter() byte { return 'k' }

func (f *children) load(_ *Run, _, value []byte) error {
	child, err := decodeRecord[records.Child](value)
	if err == nil {
		f.keep(child.InitiatedEventId, child)
	}
	return err
}

func (f *children) flush(r *Run, step *entity.Step) { f.flushTo(r, step, f.letter()) }

// drop keeps the children that were pending when the run closed, for descriptions of it.
func (*children) drop(*Run) {}

func (f *children) size() int { return f.len() * pendingItemBytes }

func (f *children) bound(limits *Limits) bound {
	return bound{limits.PendingChildren, "pending child workflow executions", enumspb.WORKFLOW_TASK_FAILED_CAUSE_PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED}
}

var onStartChild = check.StartChild

func checkStartChild(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES

	attr := cmd.GetStartChildWorkflowExecutionCommandAttributes()
	if attr == nil {
		return badCommand(bad, "StartChildWorkflowExecutionCommandAttributes is not set on StartChildWorkflowExecutionCommand.")
	}
	r := b.run
	//lint:ignore SA1019 older clients use it
	target, err := r.commandTarget(attr.Namespace)
	if err != nil {
		return badCommand(bad, "%w", err)
	}
	//lint:ignore SA1019 older clients use it
	attr.Namespace = target.Name
	what := func() named {
		//lint:ignore SA1019 older clients use it
		return named{{"WorkflowId", attr.WorkflowId}, {"WorkflowType", attr.WorkflowType.GetName()}, {"Namespace", attr.Namespace}}
	}
	if err := cmp.Or(
		r.limits().fields().CheckWorkflowID(attr.WorkflowId, onStartChild),
		r.limits().fields().CheckWorkflowType(attr.WorkflowType, onStartChild),
		//lint:ignore SA1019 older clients use it
		r.limits().fields().CheckNamespace(attr.Namespace, onStartChild),
		check.Duration("WorkflowExecutionTimeout", attr.WorkflowExecutionTimeout, onStartChild),
		check.RunTimeouts(attr, onStartChild),
	); err != nil {
		return what().refuse(bad, "%w", err)
	}
	if err := check.RetryPolicy(attr.RetryPolicy, &b.run.limits().WorkflowRetry); err != nil {
		return what().refuse(bad, "invalid WorkflowRetryPolicy on StartChildWorkflowExecutionCommand: %w.", err)
	}
	if err := check.CronSchedule(attr.CronSchedule); err != nil {
		return what().refuse(bad, "invalid CronSchedule on StartChildWorkflowExecutionCommand: %w.", err)
	}
	if failure := b.checkSearchAttributes(attr.SearchAttributes, "StartChildWorkflowCommand", what); failure != nil {
		return failure
	}
	if err := check.Priority(attr.Priority); err != nil {
		return badCommand(bad, "%w", err)
	}
	if attr.TaskQueue == nil {
		attr.TaskQueue = &taskqueuepb.TaskQueue{}
	}
	if err := r.limits().fields().CheckUserTaskQueue(attr.TaskQueue, r.info.TaskQueue); err != nil {
		return append(what(), namedValue{"TaskQueue", attr.TaskQueue.String()}).
			refuse(bad, "invalid TaskQueue on StartChildWorkflowExecutionCommand: %w.", err)
	}
	if err := check.VersioningOverride(attr.VersioningOverride); err != nil {
		return badCommand(bad, "%w", err)
	}
	runTimeout, taskTimeout := r.chain.capTimeouts(attr.WorkflowExecutionTimeout.AsDuration(),
		attr.WorkflowRunTimeout.AsDuration(), attr.WorkflowTaskTimeout.AsDuration())
	attr.WorkflowRunTimeout, attr.WorkflowTaskTimeout = durationpb.New(runTimeout), durationpb.New(taskTimeout)
	if failure := b.checkBlob("StartChildWorkflowExecutionCommandAttributes. Input", proto.Size(attr.Input), bad); failure != nil {
		return failure
	}
	if failure := b.checkMemo("StartChildWorkflowExecutionCommandAttributes.Memo", proto.Size(attr.Memo), bad); failure != nil {
		return failure
	}
	if failure := b.checkSearchAttributesSize(attr.SearchAttributes, bad); failure != nil {
		return failure
	}
	if failure := b.makeRoom(&r.children); failure != nil {
		return failure
	}
	attr.ParentClosePolicy = cmp.Or(attr.ParentClosePolicy, enumspb.PARENT_CLOSE_POLICY_TERMINATE)
	attr.WorkflowIdReusePolicy = cmp.Or(attr.WorkflowIdReusePolicy, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE)
	setOverlay(&b.children, attr.WorkflowId, true)
	return nil
}

// commandTarget resolves the namespace that a command names. Only the workflow's
// own can be reached.
func (r *Run) commandTarget(name string) (Namespace, error) {
	config, own := r.chain.config, r.chain.key.Namespace
	if name == "" {
		return Namespace{ID: own, Name: r.chain.namespaceName()}, nil
	}
	target, ok := config.NamespaceByName(name)
	if !ok {
		return Namespace{}, fmt.Errorf("namespace %s is not found", name)
	}
	if target.ID != own {
		return Namespace{}, errCrossNamespace
	}
	return target, nil
}

func executeStartChild(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetStartChildWorkflowExecutionCommandAttributes()
	initiated := startChildWorkflowExecutionInitiated(attr, r.chain.key.Namespace, a.completedEventID)
	r.passTimeSkipping(initiated.GetStartChildWorkflowExecutionInitiatedEventAttributes())
	event := a.addCommandEvent(cmd, initiated)
	r.send(a.step, workflowKey(r.chain.key.Namespace, attr.WorkflowId), r.startOfChild(event))
}

// startOfChild is the message that asks for the child that the event has initiated.
func (r *Run) startOfChild(initiated *historypb.HistoryEvent) *records.Message {
	return &records.Message{Body: &records.Message_StartChild{StartChild: &records.StartChild{
		InitiatedEvent:  mustMarshal(initiated),
		ParentNamespace: r.chain.namespaceName(),
		Root:            r.root(),
		Priority:        mergePriority(r.info.Priority, initiated.GetStartChildWorkflowExecutionInitiatedEventAttributes().GetPriority()),
		Inheritance:     r.childInheritance(initiated.GetStartChildWorkflowExecutionInitiatedEventAttributes()),
	}}}
}

// childInheritance is what a child inherits; nil for nothing.
func (r *Run) childInheritance(attr *historypb.StartChildWorkflowExecutionInitiatedEventAttributes) *records.Inheritance {
	if attr.GetVersioningOverride() != nil || attr.GetNamespaceId() != r.chain.key.Namespace {
		return nil
	}
	return r.inheritance(attr.GetTaskQueue().GetName(), enumspb.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_UNSPECIFIED)
}

func startChildWorkflowExecutionInitiated(
	attr *commandpb.StartChildWorkflowExecutionCommandAttributes, namespaceID string, completedEventID int64,
) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
		Attributes: &historypb.HistoryEvent_StartChildWorkflowExecutionInitiatedEventAttributes{StartChildWorkflowExecutionInitiatedEventAttributes: &historypb.StartChildWorkflowExecutionInitiatedEventAttributes{
			//lint:ignore SA1019 older clients use it
			Namespace:                attr.Namespace,
			NamespaceId:              namespaceID,
			WorkflowId:               attr.WorkflowId,
			WorkflowType:             attr.WorkflowType,
			TaskQueue:                attr.TaskQueue,
			Input:                    attr.Input,
			WorkflowExecutionTimeout: attr.WorkflowExecutionTimeout,
			WorkflowRunTimeout:       attr.WorkflowRunTimeout,
			WorkflowTaskTimeout:      attr.WorkflowTaskTimeout,
			ParentClosePolicy:        attr.ParentClosePolicy,
			//lint:ignore SA1019 older clients use it
			Control:                      attr.Control,
			WorkflowTaskCompletedEventId: completedEventID,
			WorkflowIdReusePolicy:        attr.WorkflowIdReusePolicy,
			RetryPolicy:                  attr.RetryPolicy,
			CronSchedule:                 attr.CronSchedule,
			Header:                       attr.Header,
			//lint:ignore SA1019 older clients use it
			InheritBuildId:     attr.InheritBuildId,
			Priority:           attr.Priority,
			Memo:               withoutNil(attr.Memo),
			SearchAttributes:   withoutNilAttributes(attr.SearchAttributes),
			VersioningOverride: attr.VersioningOverride,
		}},
	}
}

func applyStartChildWorkflowExecutionInitiated(r *Run, e *historypb.HistoryEvent, attr *historypb.StartChildWorkflowExecutionInitiatedEventAttributes) error {
	r.children.put(e.EventId, &records.Child{
		InitiatedEventId:  e.EventId,
		NamespaceId:       attr.GetNamespaceId(),
		Namespace:         attr.GetNamespace(),
		WorkflowId:        attr.GetWorkflowId(),
		WorkflowType:      attr.GetWorkflowType().GetName(),
		ParentClosePolicy: attr.GetParentClosePolicy(),
	})
	return nil
}

// childRequestID is by what a child's chain knows a repeated request to start it.
func childRequestID(parentRunID string, initiatedEventID int64) string {
	return fmt.Sprintf("%s:%d:0", parentRunID, initiatedEventID)
}

// startChild starts the run that a parent asks for, and answers it.
func (c *Chain) startChild(step *entity.Step, from entity.Key, m *records.Message, start *records.StartChild) error {
	initiated := new(historypb.HistoryEvent)
	if err := proto.Unmarshal(start.InitiatedEvent, initiated); err != nil {
		return nil
	}
	attr := initiated.GetStartChildWorkflowExecutionInitiatedEventAttributes()
	if attr == nil {
		return nil
	}
	refuse := func(cause enumspb.StartChildWorkflowExecutionFailedCause) {
		c.send(step, from, "", &records.Message{Body: &records.Message_ChildStartFailed{ChildStartFailed: &records.ChildStartFailed{
			InitiatedEventId: initiated.EventId,
			ToRunId:          m.FromRunId,
			Cause:            cause,
		}}})
	}
	if c.namespaceGone() {
		refuse(enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND)
		return nil
	}
	if c.checkVersionPresent(attr.GetVersioningOverride(), attr.GetTaskQueue().GetName()) != nil {
		refuse(enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_INVALID_VERSIONING_OVERRIDE)
		return nil
	}
	parent := &records.Parent{
		Entity:           from.Encode(nil),
		Namespace:        start.ParentNamespace,
		RunId:            m.FromRunId,
		InitiatedEventId: initiated.EventId,
	}
	started := func(runID string) {
		c.send(step, from, "", &records.Message{Body: &records.Message_ChildStarted{ChildStarted: &records.ChildStarted{
			InitiatedEventId: initiated.EventId,
			ToRunId:          m.FromRunId,
			RunId:            runID,
			Header:           attr.GetHeader(),
		}}})
	}
	if r := c.current; start.ResetRunId != "" && r != nil && r.isChildOf(from, m) && r.info.Parent.InitiatedEventId == initiated.EventId && r.hasRun() {
		started(r.info.FirstRunId)
		return c.reportAgain(step, from, m, r.info.FirstRunId)
	}
	run, _, err := c.start(step, childParams(initiated, start, parent, c.shardTime(step.Now)), nil)
	if alreadyStarted(err) {
		refuse(enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS)
		return nil
	}
	if err != nil {
		return err
	}
	started(run.info.RunId)
	return nil
}

// childStarted records that a child has been started, and lets it go. A child that
// nobody waits for any more, because the parent has closed meanwhile, is
// terminated before it does anything.
func (c *Chain) childStarted(step *entity.Step, from entity.Key, started *records.ChildStarted) error {
	r, child, err := c.findChild(step, started.ToRunId, started.InitiatedEventId)
	if err != nil {
		return err
	}
	if child == nil || child.StartedEventId != 0 && child.RunId != started.RunId {
		c.send(step, from, started.ToRunId, &records.Message{Body: &records.Message_Terminate{Terminate: &records.Terminate{
			RunId:         started.RunId,
			Reason:        reasonParentClosed,
			Identity:      identityHistoryService,
			UnstartedOnly: true,
		}}})
		return nil
	}
	if child.StartedEventId == 0 {
		r.addEvent(step, childWorkflowExecutionStarted(child, started.RunId, started.Header))
		r.wantWorkflowTask()
	}
	c.send(step, from, started.ToRunId, &records.Message{Body: &records.Message_ChildFirstTask{ChildFirstTask: &records.ChildFirstTask{
		RunId: started.RunId,
	}}})
	return nil
}

func childWorkflowExecutionStarted(child *records.Child, runID string, header *commonpb.Header) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED,
		Attributes: &historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes{ChildWorkflowExecutionStartedEventAttributes: &historypb.ChildWorkflowExecutionStartedEventAttributes{
			Namespace:         child.Namespace,
			NamespaceId:       child.NamespaceId,
			InitiatedEventId:  child.InitiatedEventId,
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: child.WorkflowId, RunId: runID},
			WorkflowType:      &commonpb.WorkflowType{Name: child.WorkflowType},
			Header:            header,
		}},
	}
}

func applyChildWorkflowExecutionStarted(r *Run, e *historypb.HistoryEvent, attr *historypb.ChildWorkflowExecutionStartedEventAttributes) error {
	child := r.children.get(attr.GetInitiatedEventId())
	if child == nil {
		return errNotPending
	}
	child.StartedEventId = e.EventId // if the event is buffered, numberedChildStart replaces the id
	child.RunId = attr.GetWorkflowExecution().GetRunId()
	r.children.touch(child.InitiatedEventId)
	return nil
}

// numberedChildStart is eventRule.numbered of ChildWorkflowExecutionStarted.
func numberedChildStart(r *Run, e *historypb.HistoryEvent) (initiatedEventID int64) {
	initiatedEventID = e.GetChildWorkflowExecutionStartedEventAttributes().GetInitiatedEventId()
	if child := r.children.get(initiatedEventID); child != nil {
		child.StartedEventId = e.EventId
		r.children.touch(initiatedEventID)
	}
	return initiatedEventID
}

// childStartFailed records that a child could not be started.
func (c *Chain) childStartFailed(step *entity.Step, failed *records.ChildStartFailed) error {
	r, child, err := c.findChild(step, failed.ToRunId, failed.InitiatedEventId)
	if err != nil || child == nil || child.StartedEventId != 0 {
		return err
	}
	initiated, err := r.initiatingEvent(step, child.InitiatedEventId)
	if err != nil {
		return err
	}
	r.addEvent(step, startChildWorkflowExecutionFailed(child, initiated, failed.Cause))
	r.wantWorkflowTask()
	return nil
}

func startChildWorkflowExecutionFailed(
	child *records.Child, initiated *historypb.HistoryEvent, cause enumspb.StartChildWorkflowExecutionFailedCause,
) *historypb.HistoryEvent {
	attr := initiated.GetStartChildWorkflowExecutionInitiatedEventAttributes()
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED,
		Attributes: &historypb.HistoryEvent_StartChildWorkflowExecutionFailedEventAttributes{StartChildWorkflowExecutionFailedEventAttributes: &historypb.StartChildWorkflowExecutionFailedEventAttributes{
			Namespace:    child.Namespace,
			NamespaceId:  child.NamespaceId,
			WorkflowId:   child.WorkflowId,
			WorkflowType: attr.GetWorkflowType(),
			Cause:        cause,
			//lint:ignore SA1019 older clients use it
			Control:          attr.GetControl(),
			InitiatedEventId: child.InitiatedEventId,
		}},
	}
}

func applyStartChildWorkflowExecutionFailed(r *Run, _ *historypb.HistoryEvent, attr *historypb.StartChildWorkflowExecutionFailedEventAttributes) error {
	return applyChildEnd(r, attr.GetInitiatedEventId())
}

// childFirstTask lets a child go whose parent has recorded its start.
func (c *Chain) childFirstTask(step *entity.Step, first *records.ChildFirstTask) error {
	r, err := c.findOpen(step, first.RunId)
	if r == nil || err != nil {
		return err
	}
	r.startFirstTask(step)
	return nil
}

// childClosed records how a child has ended.
func (c *Chain) childClosed(step *entity.Step, from entity.Key, closed *records.ChildClosed) error {
	r, child, err := c.findChild(step, closed.ToRunId, closed.InitiatedEventId)
	if err != nil || child == nil || workflowKey(child.NamespaceId, child.WorkflowId) != from {
		return err
	}
	end := new(historypb.HistoryEvent)
	if err := proto.Unmarshal(closed.CloseEvent, end); err != nil {
		return nil
	}
	ended := childEnd(child, closed.ChildRunId, end)
	if ended == nil {
		return nil
	}
	firstRunID := cmp.Or(closed.ChildFirstRunId, closed.ChildRunId)
	if child.StartedEventId == 0 {
		// The end has overtaken the start: the child was terminated before its parent
		// knew of it. A child is always seen to start before it ends.
		initiated, err := r.initiatingEvent(step, child.InitiatedEventId)
		if err != nil {
			return err
		}
		header := initiated.GetStartChildWorkflowExecutionInitiatedEventAttributes().GetHeader()
		started := r.addEvent(step, childWorkflowExecutionStarted(child, firstRunID, header))
		_, startedEventID := startOfChild(ended)
		*startedEventID = started.EventId
	} else if child.RunId != firstRunID {
		return nil // another chain of runs under the same workflow id
	}
	r.addEvent(step, ended)
	r.wantWorkflowTask()
	return nil
}

// findChild finds a pending child of a run that has not closed, given the run that has
// asked for it: that run, or the one that resets have made from it. Both results are
// nil if there is none, which is no error: the message that asks is late.
func (c *Chain) findChild(step *entity.Step, runID string, initiatedEventID int64) (*Run, *records.Child, error) {
	r, err := c.findOpen(step, runID)
	if err != nil {
		return nil, nil, err
	}
	if r == nil && c.current != nil && !c.current.closed() {
		if child := c.current.children.get(initiatedEventID); child != nil && c.current.asker(initiatedEventID) == runID {
			return c.current, child, nil
		}
	}
	if r == nil {
		return nil, nil, nil
	}
	child := r.children.get(initiatedEventID)
	if child == nil {
		return nil, nil, nil
	}
	return r, child, nil
}

// parentKey is the entity of the parent.
func parentKey(parent *records.Parent) entity.Key {
	key, _, err := entity.DecodeKey(parent.Entity)
	if err != nil {
		panic("workflow: the record of a parent holds no key: " + err.Error())
	}
	return key
}

// notifyParent sends the event that has closed the run to the parent, if the run
// is the last of its chain. Call it once Run.state says what follows the run.
func (r *Run) notifyParent(step *entity.Step, closeEvent *historypb.HistoryEvent) {
	parent := r.info.Parent
	if parent == nil || r.state.NewRunId != "" ||
		closeEvent.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW {
		return
	}
	r.send(step, parentKey(parent), &records.Message{Body: &records.Message_ChildClosed{ChildClosed: &records.ChildClosed{
		InitiatedEventId: parent.InitiatedEventId,
		ToRunId:          parent.RunId,
		ChildRunId:       r.info.RunId,
		ChildFirstRunId:  r.info.FirstRunId,
		CloseEvent:       mustMarshal(closeEvent),
	}}})
}

// reasonParentClosed is the reason of terminations by a parent close policy.
const reasonParentClosed = "by parent close policy"

// applyParentClosePolicy does to each pending child what its policy asks for when
// the run closes, whatever follows the run, unless except is there and reports true for
// the child. Call it before the event that closes the run.
//
// A child whose start is not recorded yet is never let go: if its StartChild
// message is of this very step, the message is taken back; else childStarted
// terminates the child when it reports.
func (r *Run) applyParentClosePolicy(step *entity.Step, except func(*records.Child) bool) {
	takeBack := false
	for _, id := range r.children.keys() {
		child := r.children.get(id)
		if child.StartedEventId == 0 {
			takeBack = takeBack || len(r.newEvents) > 0 && id >= r.newEvents[0].EventId
			continue
		}
		if except != nil && except(child) {
			continue
		}
		switch child.ParentClosePolicy {
		case enumspb.PARENT_CLOSE_POLICY_TERMINATE:
			r.sendToChild(step, child, &records.Message{Body: &records.Message_Terminate{Terminate: &records.Terminate{
				FirstRunId: child.RunId,
				Reason:     reasonParentClosed,
				Identity:   identityHistoryService,
			}}})
		case enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL:
			r.sendToChild(step, child, &records.Message{Body: &records.Message_Cancel{Cancel: &records.Cancel{
				FirstRunId: child.RunId,
				Identity:   identityHistoryService,
				ChildOnly:  true,
			}}})
		}
	}
	if takeBack {
		step.Withdraw(func(out entity.Message) bool {
			m := new(records.Message)
			return proto.Unmarshal(out.Body, m) == nil && m.GetStartChild() != nil && m.FromRunId == r.info.RunId
		})
	}
}

// isChildOf reports whether the run is a child of the run that sent the message.
func (r *Run) isChildOf(from entity.Key, m *records.Message) bool {
	parent := r.info.Parent
	return parent != nil && bytes.Equal(parent.Entity, from.Encode(nil)) && parent.RunId == cmp.Or(m.AskingRunId, m.FromRunId)
}
