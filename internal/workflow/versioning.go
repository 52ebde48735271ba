package workflow

import (
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// By which version of its workers a run is carried out.
//
// A worker that completes a workflow task says its version, and how the workflow behaves:
// pinned to the version, or going on to whichever new workflows go to (auto-upgrade). An
// override from outside goes before that. Both together are the run's version and behavior
// (Run.version, Run.versioningBehavior), by which its tasks find workers.
//
// The tasks of a pinned run go to workers of its version only. Those of all others go where
// new workflows go when they are given to a worker. If that is another version than the run's,
// the run is in transition: until that version has completed a workflow task, no activity
// starts, since the workflow's code may want another one. The start of a workflow task, with
// which most transitions begin, is not recorded, so neither is the transition until the task
// ends (startedTask.transition).

const (
	pinned      = enumspb.VERSIONING_BEHAVIOR_PINNED
	autoUpgrade = enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE
	unversioned = enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED
)

// versioning is what is known of versions, to be changed.
func (r *Run) versioning() *records.Versioning {
	if r.info.Versioning == nil {
		r.info.Versioning = new(records.Versioning)
	}
	r.dirty.info = true
	return r.info.Versioning
}

// transition is to which version the run is on its way; nil if it is not.
func (r *Run) transition() *records.VersionTransition {
	if r.started != nil && r.started.transition != nil {
		return r.started.transition
	}
	return r.info.Versioning.GetTransition()
}

// overrideTarget is the version that the override is to; the zero version if it is to none.
func overrideTarget(override *workflowpb.VersioningOverride) deployment.Version {
	switch o := override.GetOverride().(type) {
	case *workflowpb.VersioningOverride_Pinned:
		return deployment.FromProto(o.Pinned.GetVersion())
	case *workflowpb.VersioningOverride_OneTime:
		return deployment.FromProto(o.OneTime.GetTargetDeploymentVersion())
	}
	return deployment.Version{}
}

// versioningBehavior is how the version of the worker that runs the workflow is
// chosen.
func (r *Run) versioningBehavior() enumspb.VersioningBehavior {
	if r.transition() != nil {
		return autoUpgrade
	}
	return r.settledBehavior()
}

// settledBehavior is versioningBehavior but for transitions.
func (r *Run) settledBehavior() enumspb.VersioningBehavior {
	switch r.info.VersioningOverride.GetOverride().(type) {
	case *workflowpb.VersioningOverride_AutoUpgrade:
		return autoUpgrade
	case *workflowpb.VersioningOverride_Pinned, *workflowpb.VersioningOverride_OneTime:
		return pinned
	}
	return enumspb.VersioningBehavior(r.info.Versioning.GetBehavior())
}

// version is the version of the workers of the run; the zero version is workers without one.
func (r *Run) version() deployment.Version {
	if t := r.transition(); t != nil {
		return deployment.FromProto(t.Version)
	}
	return r.settledVersion()
}

// settledVersion is version but for transitions.
func (r *Run) settledVersion() deployment.Version {
	if v := overrideTarget(r.info.VersioningOverride); !v.IsZero() {
		return v
	}
	if r.settledBehavior() == unversioned {
		return deployment.Version{}
	}
	return deployment.FromProto(r.info.Versioning.GetVersion())
}

// taskVersion is what decides about the worker of a task of the run; nil if nothing is known
// of versions.
func (r *Run) taskVersion(firstTask bool) *entity.TaskVersion {
	behavior := r.versioningBehavior()
	if behavior == unversioned {
		return nil
	}
	known := r.info.Versioning
	v := &entity.TaskVersion{Pinned: behavior == pinned, Version: r.version().String(), Revision: known.GetRevision()}
	if r.started != nil && r.started.transition != nil {
		v.Revision = r.started.revision
	}
	v.UseRamping = firstTask && r.state.LastCompletedStartedEventId == 0 &&
		known.GetInitialBehavior() == int32(enumspb.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_USE_RAMPING_VERSION)
	return v
}

// routes are the versions of workers of the queue; nil if there are none.
func (c *Chain) routes(queue entity.Queue) *deployment.Routes {
	if c.config.Routes == nil {
		return nil
	}
	return c.config.Routes(queue)
}

// hasVersion reports whether workers of the version have polled the queue for workflow tasks.
func (c *Chain) hasVersion(queue string, v deployment.Version) bool {
	return c.routes(entity.Queue{Namespace: c.key.Namespace, Type: entity.TaskWorkflow, Name: queue}).Has(v)
}

// checkVersionPresent refuses an override to a version that workers of the task queue
// do not have. The override has been checked for form.
func (c *Chain) checkVersionPresent(override *workflowpb.VersioningOverride, queue string) error {
	version := overrideTarget(override)
	if version.IsZero() || c.hasVersion(queue, version) {
		return nil
	}
	return serviceerror.NewFailedPreconditionf("Pinned version '%s' is not present in task queue '%s' of type 'Workflow'", version, queue)
}

// reactivate has a version that has drained be known to be needed again.
func (c *Chain) reactivate(step *entity.Step, override *workflowpb.VersioningOverride, queue string) {
	version := overrideTarget(override)
	if version.IsZero() {
		return
	}
	routes := c.routes(entity.Queue{Namespace: c.key.Namespace, Type: entity.TaskWorkflow, Name: queue})
	if routes == nil {
		return
	}
	switch routes.Members[version] {
	case enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED, enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE:
		step.Send(deployment.Key(c.key.Namespace), deployment.ReactivateMessage(version))
	}
}

// beginTransition has the run be on its way to the version, durably.
func (r *Run) beginTransition(step *entity.Step, to deployment.Version, revision int64) {
	v := r.versioning()
	v.Transition, v.Revision = &records.VersionTransition{Version: to.Proto()}, revision
	r.clearSticky()
	r.redispatch(step)
	r.wantWorkflowTask()
}

// keepTransition records the transition with which the task has begun that ends without
// having completed it.
func (r *Run) keepTransition() {
	if r.started == nil || r.started.transition == nil {
		return
	}
	v := r.versioning()
	v.Transition, v.Revision = r.started.transition, r.started.revision
}

// redispatch offers the workflow task anew that waits for a worker, if one does. A
// speculative one is left: it does not wait for long.
func (r *Run) redispatch(step *entity.Step) {
	if wt := r.state.WorkflowTask; wt.GetTaskId() != 0 && r.started == nil && !r.speculative {
		r.undispatch(step)
		wt.StickyQueue = r.state.StickyQueue
		r.dispatch(step)
	}
}

// redispatchActivities offers all activities anew that wait for a worker.
func (r *Run) redispatchActivities(step *entity.Step) {
	for _, id := range r.activities.keys() {
		if act := r.activities.get(id); act.TaskId != 0 {
			r.undispatchActivity(step, act)
			r.dispatchActivity(step, act)
			r.activities.change(r, act)
		}
	}
}

// startVersion notes to whom the workflow task is given that startTask has started: with which
// transition, and what the worker is told of new targets.
func (r *Run) startVersion(step *entity.Step, task *entity.Task, worker deployment.Version) {
	routes := r.chain.routes(task.Queue)
	if routes == nil && worker.IsZero() && r.info.Versioning == nil && r.info.VersioningOverride == nil {
		return
	}
	_, revision, target := routes.Of(r.chain.key.ID, task.Version)
	r.noteTarget(target, revision)
	if worker != r.version() && !r.speculative {
		r.started.transition = &records.VersionTransition{Version: worker.Proto()}
		step.Note(entity.Occurrence{Kind: entity.VersionTransitionStarted})
		if !worker.IsZero() {
			r.started.revision = revision
		}
	}
	r.started.targetChanged = r.targetChanged()
}

// noteTarget notes where the run would go if it started now, by a routing of the revision, to
// tell a pinned workflow of it that may continue as new there.
func (r *Run) noteTarget(target deployment.Version, revision int64) {
	behavior, known := r.versioningBehavior(), r.info.Versioning
	if behavior == unversioned {
		return
	}
	seen := max(known.GetNotified().GetRevisionNumber(), known.GetDeclined().GetRevisionNumber())
	forget := func() {
		if known.GetNotified() != nil || known.GetDeclined() != nil {
			v := r.versioning()
			v.Notified, v.Declined = nil, nil
		}
	}
	switch {
	case r.info.VersioningOverride != nil:
		forget()
	case behavior == autoUpgrade:
	case target == r.version() && revision >= seen:
		forget()
	case known.GetDeclined() != nil && revision <= known.GetDeclined().GetRevisionNumber():
	case revision >= seen:
		told := declined(target, revision)
		if known.GetDeclined() != nil || !proto.Equal(known.GetNotified(), told) {
			v := r.versioning()
			v.Notified, v.Declined = told, nil
		}
	}
}

// targetChanged reports whether a worker that starts a task is told that there is a new
// target.
func (r *Run) targetChanged() bool {
	return r.info.Versioning.GetNotified() != nil && r.versioningBehavior() == pinned
}

// versioningInfo is what describe says of versions; nil for nothing. Older clients read
// the fields that are text.
func (r *Run) versioningInfo() *workflowpb.WorkflowExecutionVersioningInfo {
	known, transition := r.info.Versioning, r.transition()
	if r.info.VersioningOverride == nil && transition == nil && known.GetVersion() == nil && known.GetBehavior() == 0 && !known.GetVersioned() && known.GetRevision() == 0 {
		return nil
	}
	info := &workflowpb.WorkflowExecutionVersioningInfo{
		Behavior:                               enumspb.VersioningBehavior(known.GetBehavior()),
		DeploymentVersion:                      known.GetVersion(),
		RevisionNumber:                         known.GetRevision(),
		ContinueAsNewInitialVersioningBehavior: enumspb.ContinueAsNewVersioningBehavior(known.GetInitialBehavior()),
	}
	if r.started != nil && r.started.transition != nil {
		info.RevisionNumber = r.started.revision
	}
	if v := known.GetVersion(); v != nil {
		//lint:ignore SA1019 older clients use it
		info.Version = deployment.FromProto(v).Old()
	}
	if transition != nil {
		info.VersionTransition = &workflowpb.DeploymentVersionTransition{
			//lint:ignore SA1019 older clients use it
			Version:           deployment.FromProto(transition.Version).Old(),
			DeploymentVersion: transition.Version,
		}
	}
	if o := r.info.VersioningOverride; o != nil {
		info.VersioningOverride = &workflowpb.VersioningOverride{Override: o.Override}
		switch o := o.Override.(type) {
		case *workflowpb.VersioningOverride_AutoUpgrade:
			//lint:ignore SA1019 older clients use it
			info.VersioningOverride.Behavior = autoUpgrade
		case *workflowpb.VersioningOverride_Pinned:
			//lint:ignore SA1019 older clients use it
			info.VersioningOverride.Behavior, info.VersioningOverride.PinnedVersion = pinned, deployment.FromProto(o.Pinned.GetVersion()).Old()
		}
	}
	return info
}

// completedBy applies to what is known of versions that a worker has completed a workflow
// task.
func (r *Run) completedBy(name string, version *deploymentpb.WorkerDeploymentVersion, behavior enumspb.VersioningBehavior) {
	known := r.info.Versioning
	if known == nil && name == "" && behavior == unversioned {
		return
	}
	by := deployment.FromProto(version)
	if behavior == unversioned {
		version = nil
	}
	if t := known.GetTransition(); t != nil && deployment.FromProto(t.Version) == by {
		r.versioning().Transition = nil
	}
	if known == nil || known.Behavior != int32(behavior) || deployment.FromProto(known.Version) != deployment.FromProto(version) || known.DeploymentName != name {
		v := r.versioning()
		v.Behavior, v.Version, v.DeploymentName = int32(behavior), version, name
		v.Versioned = v.Versioned || behavior != unversioned
	}
	if o := r.info.VersioningOverride.GetOneTime(); o != nil && deployment.FromProto(o.GetTargetDeploymentVersion()) == by && !by.IsZero() {
		r.info.VersioningOverride = nil
		r.dirty.info = true
	}
}

// settled is where a run stood when a workflow task was completed.
type settled struct {
	moved    bool
	behavior enumspb.VersioningBehavior
	version  deployment.Version
}

// completeTransition ends the transition that a workflow task has completed which is about to
// end, if it has.
func (r *Run) completeTransition(version *deploymentpb.WorkerDeploymentVersion) settled {
	var s settled
	by := deployment.FromProto(version)
	if t := r.transition(); t != nil && deployment.FromProto(t.Version) == by {
		s.moved = true
		if r.started.transition != nil {
			if r.started.revision != r.info.Versioning.GetRevision() {
				r.versioning().Revision = r.started.revision
			}
			r.started.transition = nil
		}
		if r.info.Versioning.GetTransition() != nil {
			r.versioning().Transition = nil
		}
	}
	s.behavior, s.version = r.versioningBehavior(), r.version()
	return s
}

// changed reports whether tasks of the run go to other workers since then.
func (s settled) changed(r *Run) bool {
	return s.moved || s.behavior != r.versioningBehavior() || s.version != r.version()
}

// deploymentName is the name of the deployment of the run's workers; empty if they have told none.
func (r *Run) deploymentName() string {
	known := r.info.Versioning
	if v := overrideTarget(r.info.VersioningOverride); !v.IsZero() {
		return v.Deployment
	}
	if name := known.GetDeploymentName(); name != "" {
		return name
	}
	return known.GetVersion().GetDeploymentName()
}
