package deployment

import (
	"math/rand/v2"
	"time"

	"github.com/cespare/xxhash/v2"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/entity"
)

// Routes is where the tasks of one task queue go, as of some change. It is never modified.
type Routes struct {
	// Members are the versions whose workers have polled the queue, with what becomes of them.
	Members map[Version]enumspb.WorkerDeploymentVersionStatus
	Current Target
	// Ramping is the target of the part Percentage of the workflows. Ramps reports whether
	// there is one: it may be that to workers without versions.
	Ramping    Target
	Ramps      bool
	Percentage float32
}

// Target is a version that tasks go to; the zero version is workers without one.
type Target struct {
	Version Version
	// Revision is that of the routing of its deployment.
	Revision int64
	// Changed is when that was decided.
	Changed time.Time
}

// Has reports whether workers of the version have polled the queue.
func (r *Routes) Has(v Version) bool {
	if r == nil {
		return false
	}
	_, has := r.Members[v]
	return has
}

// Drained reports whether no workflow runs with the version any more, which is one of the
// queue.
func (r *Routes) Drained(part string) bool {
	return r != nil && r.Members[FromString(part)] == enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED
}

// TargetOf is where a workflow goes that goes wherever new ones go.
func (r *Routes) TargetOf(workflowID string, useRamping bool) Target {
	switch {
	case r == nil:
		return Target{}
	case useRamping && !r.Ramping.Version.IsZero():
		return r.Ramping
	case r.Percentage <= 0:
		return r.Current
	case r.Percentage >= 100 || share(workflowID) <= float64(r.Percentage):
		return r.Ramping
	}
	return r.Current
}

// share is where the id stands among all, from 0 to 100; without an id anywhere.
func share(id string) float64 {
	if id == "" {
		return 100 * rand.Float64()
	}
	const all = 1 << 53
	return 100 * float64(xxhash.Sum64String(id)%all) / all
}

// Of decides to which part of its queue something goes that is for a workflow and not in a part
// already, and where the workflow would go if it started now. v is what is known of the workflow's
// version, nil for nothing.
func (r *Routes) Of(workflowID string, v *entity.TaskVersion) (part string, revision int64, target Version) {
	if r == nil {
		return "", 0, Version{}
	}
	t := r.TargetOf(workflowID, v != nil && v.UseRamping)
	switch {
	case v != nil && v.Pinned && r.Has(FromString(v.Version)):
		return v.Version, t.Revision, t.Version
	case v == nil || t.Version.IsZero() || v.Pinned:
	case FromString(v.Version).Deployment == t.Version.Deployment && t.Revision < v.Revision:
		// What is known here is older than what has brought the workflow to its version.
		return v.Version, v.Revision, t.Version
	}
	return t.Version.String(), t.Revision, t.Version
}

// Moves reports whether the worker that has a workflow in its cache is not the one to go on
// with it, because its tasks go to another version by now.
func (r *Routes) Moves(workflowID string, v *entity.TaskVersion) bool {
	if r == nil || v != nil && v.Pinned {
		return false
	}
	part, _, _ := r.Of(workflowID, v)
	return part != "" && (v == nil || v.Version != part)
}

// Parts are the versions of the queue that there is something for, as parts of a queue.
func (r *Routes) Parts() []string {
	if r == nil {
		return nil
	}
	parts := make([]string, 0, len(r.Members))
	for v := range r.Members {
		parts = append(parts, v.String())
	}
	return parts
}

// source is a deployment that has versions with the queue.
type source struct {
	routing *deploymentpb.RoutingConfig
	members map[Version]enumspb.WorkerDeploymentVersionStatus
}

// routesOf makes the routes of a queue. If several deployments have it, the one goes that
// has got a current version with the queue last, and so with ramping ones.
func routesOf(sources []source) *Routes {
	r := &Routes{Members: make(map[Version]enumspb.WorkerDeploymentVersionStatus)}
	for _, s := range sources {
		for v, status := range s.members {
			r.Members[v] = status
		}
	}
	var current, ramping struct{ versioned, unversioned *deploymentpb.RoutingConfig }
	for _, s := range sources {
		rc := s.routing
		changed := rc.GetCurrentVersionChangedTime().AsTime()
		if v := FromProto(rc.GetCurrentDeploymentVersion()); v.IsZero() {
			if changed.After(current.unversioned.GetCurrentVersionChangedTime().AsTime()) {
				current.unversioned = rc
			}
		} else if r.Has(v) && changed.After(current.versioned.GetCurrentVersionChangedTime().AsTime()) {
			current.versioned = rc
		}
		changed = rc.GetRampingVersionPercentageChangedTime().AsTime()
		if v := FromProto(rc.GetRampingDeploymentVersion()); v.IsZero() {
			if changed.After(ramping.unversioned.GetRampingVersionPercentageChangedTime().AsTime()) {
				ramping.unversioned = rc
			}
		} else if r.Has(v) && changed.After(ramping.versioned.GetRampingVersionPercentageChangedTime().AsTime()) {
			ramping.versioned = rc
		}
	}
	rc := current.versioned
	if rc == nil {
		rc = current.unversioned
	}
	if rc != nil {
		r.Current = Target{FromProto(rc.GetCurrentDeploymentVersion()), rc.GetRevisionNumber(), rc.GetCurrentVersionChangedTime().AsTime()}
	}
	if rc = ramping.versioned; rc == nil {
		rc = ramping.unversioned
	}
	if rc != nil {
		r.Ramping = Target{FromProto(rc.GetRampingDeploymentVersion()), rc.GetRevisionNumber(), rc.GetRampingVersionPercentageChangedTime().AsTime()}
		r.Percentage = rc.GetRampingVersionPercentage()
		r.Ramps = !r.Ramping.Version.IsZero() || r.Percentage > 0
	}
	return r
}
