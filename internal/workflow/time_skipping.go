package workflow

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A run that skips time does not wait: when nothing is under way, its time is set to the
// next thing that would happen to it, and that happens at once. It is for tests of
// workflows against a real server.
//
// The time of such a run is ahead of that of its shard, by what it has skipped. The whole
// step is at the time of the run (BeginStep): events, deadlines and all there is in its
// records. What leaves the run is at the time of the shard: timers and wakes of the
// runtime, tasks, and the index of closed runs.
//
// A skip is an event, and the end of a step is the only place where there is one. A
// fast-forward bounds how far the run skips: from where it ends on, time goes on as
// everywhere. So it does after so many skips. Runs that continue a run go on with its
// time and its skipping, children begin with it and skip, too, unless that is switched
// off.

// BeginStep implements entity.Timekeeper: the step is at the time of the open run.
func (c *Chain) BeginStep(step *entity.Step) {
	c.ahead, c.started = 0, nil
	r := c.current
	if r == nil {
		return
	}
	c.started = r.started
	if r.state.TimeSkipping != nil && !r.closed() {
		c.setAhead(step, r.skipped())
	}
}

// setAhead has the step in progress go on at a time that is so far ahead.
func (c *Chain) setAhead(step *entity.Step, ahead time.Duration) {
	step.Now = step.Now.Add(ahead - c.ahead)
	c.ahead = ahead
}

// shardTime is what a time of the run is for the shard. Never stays never.
func (c *Chain) shardTime(at time.Time) time.Time {
	if at.IsZero() || c.ahead == 0 {
		return at
	}
	return at.Add(-c.ahead)
}

// skipped is how far the time of the run is ahead.
func (r *Run) skipped() time.Duration { return r.state.TimeSkipping.GetSkipped().AsDuration() }

// skips reports whether the run skips time.
func (r *Run) skips() bool { return r.state.TimeSkipping.GetConfig().GetEnabled() }

// fastForwardDeadline is when the fast-forward ends; zero if there is none under way.
func (r *Run) fastForwardDeadline() time.Time {
	if !r.skips() || r.state.TimeSkipping.FastForwardReached {
		return time.Time{}
	}
	return asTime(r.state.TimeSkipping.FastForwardTarget)
}

// skipTime skips to the next thing that happens to the run, if nothing is under way.
func (r *Run) skipTime(step *entity.Step) {
	if !r.skips() || !r.idle(step.Now) {
		return
	}
	target := r.nextHappening()
	forward := r.fastForwardDeadline()
	ends := !forward.IsZero() && (target.IsZero() || !target.Before(forward))
	if ends {
		target = forward
	}
	if target.IsZero() || !target.After(step.Now) {
		return // it is happening
	}
	r.addEvent(step, r.timeSkippingTransitioned(step, target, ends))
	r.chain.setAhead(step, r.skipped())
}

// idle reports whether nothing is under way in the run: no worker has anything to do, and
// nobody else is to answer it.
func (r *Run) idle(now time.Time) bool {
	switch {
	case r.closed(), r.paused(), r.held(), r.state.WorkflowTask != nil, len(r.admitted) > 0,
		r.children.len()+r.signals.len()+r.cancels.len()+r.nexusOperations.len() > 0:
		return false
	}
	for _, act := range r.activities.byKey {
		if act.RetryAt == nil || !act.RetryAt.AsTime().After(now) || attempt.Paused(act) {
			return false
		}
	}
	return true
}

// nextHappening is when the next thing happens to an idle run of itself; zero if nothing
// does. Before its first workflow task a run does not time out.
func (r *Run) nextHappening() time.Time {
	next := r.itemDeadline()
	switch {
	case r.state.ChildFirstTaskPending:
	case r.state.FirstTaskBackoffPending:
		next = earlier(next, asTime(r.info.ExecutionTime))
	default:
		next = earlier(next, r.expiration())
	}
	return next
}

// timeSkippingTransitioned is the event of a skip to the target, if it is not zero; ended
// says that the fast-forward is over.
func (r *Run) timeSkippingTransitioned(step *entity.Step, target time.Time, ended bool) *historypb.HistoryEvent {
	attr := &historypb.WorkflowExecutionTimeSkippingTransitionedEventAttributes{
		DisabledAfterFastForward: ended,
		WallClockTime:            timestamppb.New(r.chain.shardTime(step.Now)),
	}
	if !target.IsZero() {
		attr.TargetTime = timestamppb.New(target)
	}
	return &historypb.HistoryEvent{
		EventType:       enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
		WorkerMayIgnore: true,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionTimeSkippingTransitionedEventAttributes{
			WorkflowExecutionTimeSkippingTransitionedEventAttributes: attr},
	}
}

func applyWorkflowExecutionTimeSkippingTransitioned(r *Run, e *historypb.HistoryEvent, attr *historypb.WorkflowExecutionTimeSkippingTransitionedEventAttributes) error {
	s := r.state.TimeSkipping
	if s.GetConfig() == nil {
		return errNotPending
	}
	if target := attr.GetTargetTime(); target != nil {
		s.Skipped = durationpb.New(r.skipped() + target.AsTime().Sub(e.GetEventTime().AsTime()))
	}
	if attr.GetDisabledAfterFastForward() {
		s.FastForwardReached = true
	}
	s.SkipCount++
	if attr.GetDisabledAfterFastForward() || s.SkipCount >= s.Config.MaxSessionSkipCount {
		// Events and answers may have the configuration as it was.
		s.Config = proto.CloneOf(s.Config)
		s.Config.Enabled = false
	}
	r.dirty.state = true
	return nil
}

// beginTimeSkipping is what the start of a run says of it.
func (r *Run) beginTimeSkipping(e *historypb.HistoryEvent, config *commonpb.TimeSkippingConfig, from *commonpb.TimeSkippingStatePropagation) {
	if config == nil && from.GetInitialSkippedDuration().AsDuration() <= 0 {
		return
	}
	r.state.TimeSkipping = &records.TimeSkipping{Skipped: from.GetInitialSkippedDuration(), SkipCount: from.GetInitialSkipCount()}
	r.setTimeSkipping(e, config, from.GetFastForwardTargetTime())
}

// changeTimeSkipping changes how the run skips time.
func (r *Run) changeTimeSkipping(e *historypb.HistoryEvent, config *commonpb.TimeSkippingConfig) {
	switch {
	case r.state.TimeSkipping != nil:
		r.state.TimeSkipping.SkipCount = 0
	case config == nil:
		return
	default:
		r.state.TimeSkipping = new(records.TimeSkipping)
	}
	r.setTimeSkipping(e, config, nil)
}

// setTimeSkipping sets the configuration. A fast-forward goes to the target, or else so
// far from the time of the event as the configuration says.
func (r *Run) setTimeSkipping(e *historypb.HistoryEvent, config *commonpb.TimeSkippingConfig, target *timestamppb.Timestamp) {
	s := r.state.TimeSkipping
	s.Config = proto.CloneOf(config)
	s.FastForwardTarget, s.FastForwardReached = nil, false
	if by := config.GetFastForwardConfig().GetDuration().AsDuration(); by > 0 && config.GetEnabled() {
		s.FastForwardTarget = target
		if target == nil {
			s.FastForwardTarget = timestamppb.New(e.GetEventTime().AsTime().Add(by))
		}
	}
	r.dirty.state = true
}

// timeSkippingForNext is what the run that continues this one has of its skipping.
func (r *Run) timeSkippingForNext() (config *commonpb.TimeSkippingConfig, state *commonpb.TimeSkippingStatePropagation) {
	s := r.state.TimeSkipping
	if s == nil {
		return nil, nil
	}
	state = &commonpb.TimeSkippingStatePropagation{}
	if r.skipped() > 0 {
		state.InitialSkippedDuration = s.Skipped
	}
	if r.skips() {
		config = proto.CloneOf(s.Config)
		state.InitialSkipCount = s.SkipCount
		if !r.fastForwardDeadline().IsZero() {
			state.FastForwardTargetTime = s.FastForwardTarget
		}
	}
	if proto.Size(state) == 0 {
		state = nil
	}
	return config, state
}

// passTimeSkipping has a child of the run begin at its time, and skip as it does.
func (r *Run) passTimeSkipping(attr *historypb.StartChildWorkflowExecutionInitiatedEventAttributes) {
	s := r.state.TimeSkipping
	if s == nil {
		return
	}
	if r.skipped() > 0 {
		attr.TimeSkippingStatePropagation = &commonpb.TimeSkippingStatePropagation{InitialSkippedDuration: s.Skipped}
	}
	if r.skips() && !s.Config.DisablePropagation {
		attr.TimeSkippingConfig = &commonpb.TimeSkippingConfig{Enabled: true, MaxSessionSkipCount: s.Config.MaxSessionSkipCount}
	}
}

// timeSkippingInfo is what describe says of the skipping, at a time of the shard.
func (r *Run) timeSkippingInfo(now time.Time) *commonpb.TimeSkippingInfo {
	s := r.state.TimeSkipping
	if s == nil {
		return nil
	}
	return &commonpb.TimeSkippingInfo{
		CurrentTime:             timestamppb.New(now.Add(r.skipped())),
		EffectiveConfig:         s.Config,
		FastForwardInfo:         r.fastForwardInfo(),
		CurrentSessionSkipCount: s.SkipCount,
	}
}

// fastForwardInfo describes the last fast-forward of the run; nil if there was none.
func (r *Run) fastForwardInfo() *commonpb.TimeSkippingFastForwardInfo {
	s := r.state.TimeSkipping
	if s.GetFastForwardTarget() == nil {
		return nil
	}
	return &commonpb.TimeSkippingFastForwardInfo{
		FastForwardDuration: s.Config.GetFastForwardConfig().GetDuration(),
		FastForwardId:       s.Config.GetFastForwardConfig().GetId(),
		TargetTime:          s.FastForwardTarget,
		HasCompleted:        s.FastForwardReached,
	}
}
