package deployment

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	computepb "go.temporal.io/api/compute/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Create makes a deployment. A request id that has made it returns it.
func (d *Deployments) Create(step *entity.Step, name, identity, requestID string, limits Limits) (conflictToken []byte, err error) {
	if of := d.deployments[name]; of != nil {
		switch of.record.CreateRequestId {
		case requestID:
			return of.record.ConflictToken, nil
		case "":
			return nil, serviceerror.NewAlreadyExistsf("Worker Deployment with name %q already exists (auto-created from worker polls)", name)
		}
		return nil, serviceerror.NewAlreadyExistsf("Worker Deployment with name %q already exists", name)
	}
	if len(d.deployments) >= limits.Deployments {
		return nil, errManyDeployments(limits.Deployments)
	}
	of := d.add(step, name, requestID)
	of.record.LastModifier = identity
	return of.record.ConflictToken, nil
}

// CreateVersion makes a version of a deployment before any worker has polled. A request id
// that has made it is answered as if it had now. compute is how workers of it are to be started; it may be nil.
func (d *Deployments) CreateVersion(step *entity.Step, v Version, identity, requestID string, compute *computepb.ComputeConfig, limits Limits, polled func(Version) bool) error {
	of := d.deployments[v.Deployment]
	if of == nil {
		return errNotFound(v.Deployment)
	}
	if old := of.versions[v.BuildID]; old != nil {
		if old.record.CreateRequestId == requestID {
			return nil
		}
		return serviceerror.NewAlreadyExistsf("Worker Deployment Version %q already exists", v.Old())
	}
	compute, err := applyGroups(nil, NewGroups(compute), nil)
	if err == nil {
		err = d.makeRoom(of, v, limits, polled)
	}
	if err != nil {
		return err
	}
	made := d.addVersion(step, of, v.BuildID, enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_CREATED)
	made.record.CreateRequestId, made.record.LastModifier = requestID, identity
	made.record.Compute = compute
	return nil
}

// makeRoom deletes the oldest version of a deployment that nobody needs if it has as many
// as it may have.
func (d *Deployments) makeRoom(of *deployment, v Version, limits Limits, polled func(Version) bool) error {
	if of == nil || len(of.versions) < limits.Versions {
		return nil
	}
	for _, old := range of.sorted() {
		if of.routesTo(old.name()) || old.draining() || polled == nil || polled(old.name()) {
			continue
		}
		d.dropVersion(of, old)
		return nil
	}
	return errManyVersions(v, limits.Versions)
}

func (v *version) draining() bool {
	return v.record.Drainage.GetStatus() == enumspb.VERSION_DRAINAGE_STATUS_DRAINING
}

// routesTo reports whether new workflows go to the version.
func (of *deployment) routesTo(v Version) bool {
	routing := of.record.Routing
	return FromProto(routing.GetCurrentDeploymentVersion()) == v || FromProto(routing.GetRampingDeploymentVersion()) == v
}

// Register notes that a worker of the version polls the queue. The deployment and the
// version are made if they are not there.
func (d *Deployments) Register(step *entity.Step, v Version, queue entity.Queue, limits Limits, polled func(Version) bool) error {
	of := d.deployments[v.Deployment]
	var on *version
	if of != nil {
		on = of.versions[v.BuildID]
	}
	name := queueName{queue.Type, queue.Name}
	if on != nil {
		if _, has := on.queues[name]; has {
			return nil
		}
		if !on.hasName(queue.Name) && on.names() >= limits.Queues {
			return exhausted("cannot add task queue " + queue.Name + " since maximum number of task queues (" + itoa(limits.Queues) + ") have been registered in deployment")
		}
	}
	if n := d.versionsOf(name); n > limits.QueueVersions {
		return exhausted("exceeding maximum number of Deployment Versions in this task queue (limit = " + itoa(limits.QueueVersions) + ")")
	}
	if of == nil && len(d.deployments) >= limits.Deployments {
		return errManyDeployments(limits.Deployments)
	}
	if on == nil {
		if err := d.makeRoom(of, v, limits, polled); err != nil {
			return err
		}
	}
	if of == nil {
		of = d.add(step, v.Deployment, "")
	}
	if on == nil {
		on = d.addVersion(step, of, v.BuildID, enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE)
	}
	if on.status() == enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_CREATED {
		on.record.Status = int32(enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE)
	}
	on.queues[name] = struct{}{}
	on.record.Queues = append(on.record.Queues, &records.VersionQueue{Name: queue.Name, Type: int32(queue.Type)})
	slices.SortFunc(on.record.Queues, func(a, b *records.VersionQueue) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type))
	})
	d.changeVersion(on)
	return nil
}

func (v *version) hasName(name string) bool {
	return slices.ContainsFunc(v.record.Queues, func(q *records.VersionQueue) bool { return q.Name == name })
}

// names is how many names of task queues the version has, whatever their types.
func (v *version) names() (n int) {
	for i, q := range v.record.Queues {
		if i == 0 || v.record.Queues[i-1].Name != q.Name {
			n++
		}
	}
	return n
}

func (d *Deployments) versionsOf(queue queueName) (n int) {
	for _, of := range d.deployments {
		for _, v := range of.versions {
			if _, has := v.queues[queue]; has {
				n++
			}
		}
	}
	return n
}

// SetManager has only one identity change the routing, or everybody if it is empty.
func (d *Deployments) SetManager(step *entity.Step, name, manager, identity string, token []byte) (conflictToken []byte, previous string, err error) {
	of := d.deployments[name]
	if of == nil {
		return nil, "", errNotFound(name)
	}
	if of.record.Manager == manager && of.record.LastModifier == identity {
		return of.record.ConflictToken, manager, nil
	}
	if token != nil && !bytes.Equal(token, of.record.ConflictToken) {
		return nil, "", serviceerror.NewFailedPrecondition("conflict token mismatch")
	}
	previous, of.record.Manager = of.record.Manager, manager
	d.modified(of, step.Now, identity)
	return of.record.ConflictToken, previous, nil
}

// DeleteVersion removes a version that new workflows do not go to and that does not drain,
// unless that does not matter. It succeeds if there is none. polled reports whether workers of
// it have polled of late.
func (d *Deployments) DeleteVersion(_ *entity.Step, name Version, identity string, skipDrainage, polled bool) error {
	of := d.deployments[name.Deployment]
	if of == nil {
		return errNotFound(name.Deployment)
	}
	v := of.versions[name.BuildID]
	switch {
	case v == nil:
		return nil
	case of.routesTo(name):
		return serviceerror.NewFailedPreconditionf("version '%s' cannot be deleted since it is current or ramping", name)
	}
	if err := of.checkManager(identity); err != nil {
		return err
	}
	switch {
	case !skipDrainage && v.draining():
		return serviceerror.NewFailedPreconditionf("version '%s' cannot be deleted since it is draining", name)
	case polled:
		return serviceerror.NewFailedPreconditionf("version '%s' cannot be deleted since it has active pollers", name)
	}
	d.dropVersion(of, v)
	of.record.LastModifier = identity
	d.change(of)
	return nil
}

// Delete removes a deployment that has no versions. It succeeds if there is none.
func (d *Deployments) Delete(name string) error {
	of := d.deployments[name]
	if of == nil {
		return nil
	}
	if len(of.versions) > 0 {
		return serviceerror.NewFailedPrecondition("deployment has versions, can't be deleted")
	}
	d.dropDeployment(of)
	return nil
}

// UpdateMetadata sets and removes entries of what people have noted of a version.
func (d *Deployments) UpdateMetadata(name Version, upsert map[string]*commonpb.Payload, remove []string, identity string) (*deploymentpb.VersionMetadata, error) {
	v := d.version(name)
	if v == nil {
		return nil, errVersionNotFound(name)
	}
	entries := maps.Clone(v.record.Metadata.GetEntries())
	if entries == nil && len(upsert) > 0 {
		entries = make(map[string]*commonpb.Payload, len(upsert))
	}
	maps.Copy(entries, upsert)
	for _, key := range remove {
		delete(entries, key)
	}
	if v.record.Metadata != nil || upsert != nil {
		v.record.Metadata = &deploymentpb.VersionMetadata{Entries: entries}
	}
	v.record.LastModifier = identity
	d.changeVersion(v)
	return v.record.Metadata, nil
}

func (d *Deployments) version(name Version) *version {
	of := d.deployments[name.Deployment]
	if of == nil {
		return nil
	}
	return of.versions[name.BuildID]
}

// Queues are the task queues of a version.
func (d *Deployments) Queues(name Version) []entity.Queue {
	v := d.version(name)
	if v == nil {
		return nil
	}
	queues := make([]entity.Queue, 0, len(v.record.Queues))
	for _, q := range v.record.Queues {
		queues = append(queues, entity.Queue{Namespace: d.namespace, Type: entity.TaskType(q.Type), Name: q.Name})
	}
	return queues
}

// Full reports whether a new version would make room for itself by deleting another one,
// and which there are.
func (d *Deployments) Full(name Version, limits Limits) (versions []Version) {
	of := d.deployments[name.Deployment]
	if of == nil || of.versions[name.BuildID] != nil || len(of.versions) < limits.Versions {
		return nil
	}
	for _, v := range of.versions {
		versions = append(versions, v.name())
	}
	return versions
}

// Drained notes what a look for workflows that are pinned to a draining version has found.
func (d *Deployments) Drained(step *entity.Step, name Version, open bool) {
	v := d.version(name)
	if v == nil || !v.draining() {
		return
	}
	now := timestamppb.New(step.Now)
	next := &deploymentpb.VersionDrainageInfo{
		Status: enumspb.VERSION_DRAINAGE_STATUS_DRAINING, LastChangedTime: v.record.Drainage.GetLastChangedTime(), LastCheckedTime: now,
	}
	if !open {
		next.Status, next.LastChangedTime = enumspb.VERSION_DRAINAGE_STATUS_DRAINED, now
		v.record.Status = int32(enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED)
	}
	v.record.Drainage = next
	d.changeVersion(v)
}

// Reactivate has a version drain again that a workflow has been pinned to.
func (d *Deployments) Reactivate(step *entity.Step, name Version) {
	v := d.version(name)
	if v == nil || v.status() != enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED && v.status() != enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE {
		return
	}
	v.record.Status = int32(enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING)
	v.record.Drainage = drainage(enumspb.VERSION_DRAINAGE_STATUS_DRAINING, timestamppb.New(step.Now))
	d.changeVersion(v)
}

// DueDrainage are the versions whose pinned workflows are to be looked for, and when the next
// one is; the zero time if none drains.
func (d *Deployments) DueDrainage(now time.Time, grace, interval time.Duration) (due []Version, next time.Time) {
	for _, of := range d.deployments {
		for _, v := range of.versions {
			if !v.draining() {
				continue
			}
			after := interval
			if info := v.record.Drainage; info.GetLastCheckedTime().AsTime().Equal(info.GetLastChangedTime().AsTime()) {
				after = grace
			}
			switch at := v.record.Drainage.GetLastCheckedTime().AsTime().Add(after); {
			case !at.After(now):
				due = append(due, v.name())
			case next.IsZero() || at.Before(next):
				next = at
			}
		}
	}
	return due, next
}
