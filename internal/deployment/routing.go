package deployment

import (
	"bytes"
	"time"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
)

// Limits bound what a namespace may have.
type Limits struct {
	Deployments, Versions int // in the namespace; of a deployment
	Queues                int // names of task queues of a version
	QueueVersions         int // versions of a task queue
}

// Change is what the calls that change the routing of a deployment have in common.
type Change struct {
	Deployment string
	// Version is where it goes: the zero version is workers without one, or, of a ramp with
	// Unset, nowhere.
	Version       Version
	Identity      string
	ConflictToken []byte
	// AllowNoPollers has the deployment and the version made if they are not there.
	AllowNoPollers bool
	// Missing: the version lacks a task queue that the current one has and that is in use.
	// See Deployments.Lacking.
	Missing bool
	Limits  Limits
	// Polled reports whether a version has been polled of late, for making room by deleting
	// old ones.
	Polled func(Version) bool
}

// Changed is what a change of routing answers.
type Changed struct {
	ConflictToken []byte
	Previous      Version
	// PreviousRamp is the percentage there was, and PreviousUnset is set if there was no ramp.
	PreviousRamp  float32
	PreviousUnset bool
}

// conflictToken is that of a change at the time, which is what clients may read out of it.
func conflictToken(at time.Time) []byte {
	token, err := at.UTC().MarshalBinary()
	if err != nil {
		panic("deployment: a time does not encode: " + err.Error())
	}
	return token
}

func noRouting() *deploymentpb.RoutingConfig {
	//lint:ignore SA1019 older clients use it
	return &deploymentpb.RoutingConfig{CurrentVersion: Unversioned}
}

// of is the deployment, which is made if the change allows that.
func (d *Deployments) of(c *Change) (*deployment, error) {
	of := d.deployments[c.Deployment]
	switch {
	case of != nil:
		return of, nil
	case !c.AllowNoPollers:
		return nil, errNotFound(c.Deployment)
	case len(d.deployments) >= c.Limits.Deployments:
		return nil, errManyDeployments(c.Limits.Deployments)
	}
	return nil, nil
}

// checkChange refuses a change, in the order in which clients are told.
func (of *deployment) checkChange(c *Change) error {
	if of == nil {
		return nil
	}
	if c.ConflictToken != nil && !bytes.Equal(c.ConflictToken, of.record.ConflictToken) {
		return serviceerror.NewFailedPrecondition("conflict token mismatch")
	}
	return nil
}

// checkVersion refuses a change to a version that there is not, or by somebody who may not.
func (of *deployment) checkVersion(c *Change) error {
	if !c.Version.IsZero() && !c.AllowNoPollers && (of == nil || of.versions[c.Version.BuildID] == nil) {
		return errVersionNotFound(c.Version)
	}
	return of.checkManager(c.Identity)
}

func (of *deployment) checkManager(identity string) error {
	if of == nil || of.record.Manager == "" || of.record.Manager == identity {
		return nil
	}
	return serviceerror.NewFailedPreconditionf(
		"ManagerIdentity '%s' is set and does not match user identity '%s'; to proceed, set your own identity as the ManagerIdentity, remove the ManagerIdentity, or wait for the other client to do so",
		of.record.Manager, identity)
}

// SetCurrent has new workflows go to a version.
func (d *Deployments) SetCurrent(step *entity.Step, c *Change) (*Changed, error) {
	of, err := d.of(c)
	if err != nil {
		return nil, err
	}
	routing := noRouting()
	if of != nil {
		routing = of.record.Routing
		if FromProto(routing.GetCurrentDeploymentVersion()) == c.Version && of.record.LastModifier == c.Identity {
			return &Changed{ConflictToken: of.record.ConflictToken, Previous: c.Version}, nil
		}
	}
	if err := of.checkChange(c); err != nil {
		return nil, err
	}
	if err := of.checkVersion(c); err != nil {
		return nil, err
	}
	previous := FromProto(routing.GetCurrentDeploymentVersion())
	if c.Missing && previous != c.Version {
		return nil, serviceerror.NewFailedPreconditionf("proposed current version '%s' is missing active task queues from the current version; these would become unversioned if it is set as the current version", c.Version)
	}
	of, v, err := d.ensure(step, of, c)
	if err != nil {
		return nil, err
	}
	if previous != c.Version {
		now := timestamppb.New(step.Now)
		next := &deploymentpb.RoutingConfig{
			CurrentDeploymentVersion: c.Version.Proto(),
			//lint:ignore SA1019 older clients use it
			CurrentVersion:           c.Version.Old(),
			RampingDeploymentVersion: routing.GetRampingDeploymentVersion(),
			//lint:ignore SA1019 older clients use it
			RampingVersion:                      routing.GetRampingVersion(),
			RampingVersionPercentage:            routing.GetRampingVersionPercentage(),
			CurrentVersionChangedTime:           now,
			RampingVersionChangedTime:           routing.GetRampingVersionChangedTime(),
			RampingVersionPercentageChangedTime: routing.GetRampingVersionPercentageChangedTime(),
			RevisionNumber:                      routing.GetRevisionNumber() + 1,
		}
		//lint:ignore SA1019 older clients use it
		if next.CurrentVersion == next.RampingVersion { // it is promoted
			//lint:ignore SA1019 older clients use it
			next.RampingVersion, next.RampingDeploymentVersion, next.RampingVersionPercentage = "", nil, 0
			next.RampingVersionChangedTime, next.RampingVersionPercentageChangedTime = now, now
		}
		of.record.Routing = next
		d.reroute(of)
		if v != nil {
			d.activate(v, enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT, now)
			v.record.CurrentSince, v.record.LastCurrent, v.record.RoutingUpdated = now, now, now
		}
		d.demote(of, previous, now)
	}
	d.modified(of, step.Now, c.Identity)
	return &Changed{ConflictToken: of.record.ConflictToken, Previous: previous}, nil
}

// modified notes who has changed the deployment last.
func (d *Deployments) modified(of *deployment, at time.Time, identity string) {
	of.record.ConflictToken, of.record.LastModifier = conflictToken(at), identity
	d.change(of)
}

// ensure makes the deployment and the version of the change if they are not there. The
// version is nil if the change is to none.
func (d *Deployments) ensure(step *entity.Step, of *deployment, c *Change) (*deployment, *version, error) {
	if !c.Version.IsZero() && (of == nil || of.versions[c.Version.BuildID] == nil) {
		if err := d.makeRoom(of, c.Version, c.Limits, c.Polled); err != nil {
			return nil, nil, err
		}
	}
	if of == nil {
		of = d.add(step, c.Deployment, "")
	}
	if c.Version.IsZero() {
		return of, nil, nil
	}
	v := of.versions[c.Version.BuildID]
	if v == nil {
		v = d.addVersion(step, of, c.Version.BuildID, enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE)
	}
	return of, v, nil
}

// activate makes a version one that new workflows go to.
func (d *Deployments) activate(v *version, status enumspb.WorkerDeploymentVersionStatus, at *timestamppb.Timestamp) {
	r := v.record
	r.Status = int32(status)
	r.CurrentSince, r.RampingSince, r.RampPercentage = nil, nil, 0
	if r.FirstActivated == nil {
		r.FirstActivated = at
	}
	r.Drainage, r.LastDeactivated = nil, nil
	d.changeVersion(v)
}

// demote has a version drain that new workflows went to.
func (d *Deployments) demote(of *deployment, name Version, at *timestamppb.Timestamp) {
	v := of.versions[name.BuildID]
	if name.IsZero() || v == nil {
		return
	}
	r := v.record
	r.Status = int32(enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING)
	r.CurrentSince, r.RampingSince, r.RampPercentage = nil, nil, 0
	r.RoutingUpdated, r.LastDeactivated = at, at
	r.Drainage = drainage(enumspb.VERSION_DRAINAGE_STATUS_DRAINING, at)
	d.changeVersion(v)
}

func drainage(status enumspb.VersionDrainageStatus, at *timestamppb.Timestamp) *deploymentpb.VersionDrainageInfo {
	return &deploymentpb.VersionDrainageInfo{Status: status, LastChangedTime: at, LastCheckedTime: at}
}

// SetRamping has a part of new workflows go to a version; unset: none goes anywhere but to
// the current one.
func (d *Deployments) SetRamping(step *entity.Step, c *Change, percentage float32, unset bool) (*Changed, error) {
	of, err := d.of(c)
	if err != nil {
		return nil, err
	}
	text := c.Version.Old()
	if unset {
		text = ""
	}
	routing := noRouting()
	if of != nil {
		routing = of.record.Routing
	}
	//lint:ignore SA1019 the empty string is that there is no ramp, which the newer field does not tell
	had, hadPercentage := routing.GetRampingVersion(), routing.GetRampingVersionPercentage()
	same := had == text && hadPercentage == percentage
	if of != nil && same && of.record.LastModifier == c.Identity {
		return &Changed{ConflictToken: of.record.ConflictToken, Previous: c.Version, PreviousRamp: percentage, PreviousUnset: unset}, nil
	}
	if err := of.checkChange(c); err != nil {
		return nil, err
	}
	if !unset && FromProto(routing.GetCurrentDeploymentVersion()) == c.Version {
		return nil, serviceerror.NewFailedPreconditionf("requested ramping version %s is already current", text)
	}
	if err := of.checkVersion(c); err != nil {
		return nil, err
	}
	if c.Missing && had != text {
		return nil, serviceerror.NewFailedPreconditionf("proposed ramping version '%s' is missing active task queues from the current version; these would become unversioned if it is set as the ramping version", c.Version)
	}
	of, v, err := d.ensure(step, of, c)
	if err != nil {
		return nil, err
	}
	previous := FromProto(routing.GetRampingDeploymentVersion())
	if !same {
		d.ramp(of, v, routing, c.Version, text, percentage, step.Now)
	}
	d.modified(of, step.Now, c.Identity)
	return &Changed{ConflictToken: of.record.ConflictToken, Previous: previous, PreviousRamp: hadPercentage, PreviousUnset: had == ""}, nil
}

// ramp changes the ramp of a deployment. v is nil if it is to no version.
func (d *Deployments) ramp(of *deployment, v *version, routing *deploymentpb.RoutingConfig, to Version, text string, percentage float32, at time.Time) {
	now := timestamppb.New(at)
	since := now
	//lint:ignore SA1019 see SetRamping
	had := routing.GetRampingVersion()
	if had == text {
		since = routing.GetRampingVersionChangedTime()
	}
	of.record.Routing = &deploymentpb.RoutingConfig{
		CurrentDeploymentVersion: routing.GetCurrentDeploymentVersion(),
		//lint:ignore SA1019 older clients use it
		CurrentVersion:           routing.GetCurrentVersion(),
		RampingDeploymentVersion: to.Proto(),
		//lint:ignore SA1019 older clients use it
		RampingVersion:                      text,
		RampingVersionPercentage:            percentage,
		CurrentVersionChangedTime:           routing.GetCurrentVersionChangedTime(),
		RampingVersionChangedTime:           since,
		RampingVersionPercentageChangedTime: now,
		RevisionNumber:                      routing.GetRevisionNumber() + 1,
	}
	d.reroute(of)
	if v != nil {
		d.activate(v, enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING, now)
		v.record.RampingSince, v.record.RampPercentage, v.record.RoutingUpdated = since, percentage, now
	}
	if previous := FromProto(routing.GetRampingDeploymentVersion()); previous != to {
		d.demote(of, previous, now)
	}
}

// Lacking are the task queues of the current version of a deployment that the version does
// not have, as queues of the namespace; nil if the current one is none.
func (d *Deployments) Lacking(v Version) (current Version, queues []entity.Queue) {
	of := d.deployments[v.Deployment]
	if of == nil || v.IsZero() {
		return Version{}, nil
	}
	current = FromProto(of.record.Routing.GetCurrentDeploymentVersion())
	old, next := of.versions[current.BuildID], of.versions[v.BuildID]
	if current.IsZero() || old == nil || current == v {
		return current, nil
	}
	for q := range old.queues {
		if next != nil {
			if _, has := next.queues[q]; has {
				continue
			}
		}
		queues = append(queues, entity.Queue{Namespace: d.namespace, Type: q.taskType, Name: q.name})
	}
	return current, queues
}
