package workflow

import (
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/records"
)

// What runs inherit of others about versions of workers: children of their parents, and runs
// that continue another one. A version is inherited only if workers of it have polled the task
// queue of the new run.

// reaches reports whether workers of the version serve a queue of workflows, which they do if
// it is the run's own.
func (r *Run) reaches(queue string, v deployment.Version) bool {
	return queue == r.info.TaskQueue || r.chain.hasVersion(queue, v)
}

// inheritance is what a child of the run, or a run that continues it as new, inherits. initial
// is how the latter is to begin.
func (r *Run) inheritance(queue string, initial enumspb.ContinueAsNewVersioningBehavior) *records.Inheritance {
	behavior := r.versioningBehavior()
	if behavior == unversioned {
		return nil
	}
	v, asUsual := r.version(), initial == enumspb.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_UNSPECIFIED
	h := new(records.Inheritance)
	if behavior == pinned && asUsual && r.reaches(queue, v) {
		h.Pinned = v.Proto()
	}
	if target := overrideTarget(r.info.VersioningOverride); !target.IsZero() && r.reaches(queue, target) {
		h.Override = r.info.VersioningOverride
	}
	if h.Pinned == nil && (behavior == autoUpgrade || !asUsual) {
		h.Upgrade = r.upgradeFrom(queue, initial)
	}
	return h
}

// upgradeFrom is what a run inherits that goes on to the version where new ones go; nil if
// it may go anywhere.
func (r *Run) upgradeFrom(queue string, initial enumspb.ContinueAsNewVersioningBehavior) *deploymentpb.InheritedAutoUpgradeInfo {
	v, revision := r.version(), r.info.Versioning.GetRevision()
	if r.started != nil && r.started.transition != nil {
		revision = r.started.revision
	}
	if v.IsZero() || revision == 0 || !r.reaches(queue, v) {
		return nil
	}
	return &deploymentpb.InheritedAutoUpgradeInfo{
		SourceDeploymentVersion:                v.Proto(),
		SourceDeploymentRevisionNumber:         revision,
		ContinueAsNewInitialVersioningBehavior: initial,
	}
}

// inheritByContinuing has the run that continues this one as new inherit.
func (p *startParams) inheritByContinuing(r *Run, initial enumspb.ContinueAsNewVersioningBehavior) {
	h := r.inheritance(p.taskQueue, initial)
	if h == nil {
		return
	}
	if h.Override.GetOneTime() != nil {
		h.Override = nil // it has been for the run that it was given to
	}
	p.inherit(h)
	if h.Pinned != nil {
		known := r.info.Versioning
		p.declined = known.GetDeclined()
		if told := known.GetNotified(); told != nil {
			p.declined = told
		}
	}
}

// inheritByRetrying has the run inherit that does again what this one was to do, as a retry or
// at the next time of its schedule.
func (p *startParams) inheritByRetrying(r *Run, start *historypb.WorkflowExecutionStartedEventAttributes) {
	if r.info.VersioningOverride.GetPinned() != nil {
		p.versioningOverride = r.info.VersioningOverride
	}
	if p.initiator != enumspb.CONTINUE_AS_NEW_INITIATOR_RETRY {
		return
	}
	switch r.versioningBehavior() {
	case pinned:
		if start.GetInheritedPinnedVersion() != nil {
			p.inheritedPin, p.declined = r.version().Proto(), start.GetDeclinedTargetVersionUpgrade()
		}
	case autoUpgrade:
		p.inheritedUpgrade = r.upgradeFrom(r.info.TaskQueue, enumspb.ContinueAsNewVersioningBehavior(r.info.Versioning.GetInitialBehavior()))
	}
}

func (p *startParams) inherit(h *records.Inheritance) {
	p.inheritedPin, p.inheritedUpgrade = h.GetPinned(), h.GetUpgrade()
	if p.versioningOverride == nil {
		p.versioningOverride = h.GetOverride()
	}
}

// declined is what a run has been told of a target.
func declined(target deployment.Version, revision int64) *historypb.DeclinedTargetVersionUpgrade {
	return &historypb.DeclinedTargetVersionUpgrade{DeploymentVersion: target.Proto(), RevisionNumber: revision}
}

// beginVersioning is what the Started event says of versions.
func (r *Run) beginVersioning(attr *historypb.WorkflowExecutionStartedEventAttributes) {
	if v := attr.GetInheritedPinnedVersion(); v != nil {
		known := r.versioning()
		known.Version, known.Behavior, known.InheritedPin = v, int32(pinned), true
		if attr.GetContinuedExecutionRunId() != "" {
			known.Declined = attr.GetDeclinedTargetVersionUpgrade()
		}
	}
	if u := attr.GetInheritedAutoUpgradeInfo(); u != nil {
		known := r.versioning()
		known.Version, known.Behavior = u.GetSourceDeploymentVersion(), int32(autoUpgrade)
		known.Revision = u.GetSourceDeploymentRevisionNumber()
		known.InitialBehavior = int32(u.GetContinueAsNewInitialVersioningBehavior())
	}
}
