package deployment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Key is the key of the one entity that holds all deployments of a namespace.
func Key(namespaceID string) entity.Key {
	return entity.Key{Kind: entity.KindDeployments, Namespace: namespaceID, ID: "deployments"}
}

// Prefixes of record keys: of deployments, and of versions.
const (
	deploymentPrefix = 'd'
	versionPrefix    = 'v'
)

// Machine loads deployments, for entity.KindDeployments. Registry is told of changes;
// it may be nil.
type Machine struct{ Registry *Registry }

// Deployments are all worker deployments of a namespace.
type Deployments struct {
	registry    *Registry
	namespace   string
	deployments map[string]*deployment
	size        int
	// dirty are the parts that the step in progress has changed, and touched the queues whose
	// routes that changes. changed is set if anything has.
	dirty   map[*deployment]struct{}
	dirtyV  map[*version]struct{}
	gone    [][]byte
	touched map[queueName]struct{}
	changed bool
	last    *View
}

// deployment is one deployment.
type deployment struct {
	record   *records.WorkerDeployment
	versions map[string]*version // by build id
}

// version is one version of a deployment.
type version struct {
	record *records.DeploymentVersion
	queues map[queueName]struct{}
}

func (v *version) name() Version { return Version{v.record.Deployment, v.record.BuildId} }

func (v *version) status() enumspb.WorkerDeploymentVersionStatus {
	return enumspb.WorkerDeploymentVersionStatus(v.record.Status)
}

// Load implements entity.Machine.
func (m Machine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	d := &Deployments{registry: m.Registry, namespace: key.Namespace, deployments: make(map[string]*deployment)}
	var bad error
	load := func(prefix byte, add func(value []byte) error) error {
		err := reader.Scan([]byte{prefix}, nil, false, func(_, value []byte) bool {
			bad = add(value)
			d.size += len(value)
			return bad == nil
		})
		if err == nil {
			err = bad
		}
		return err
	}
	err := load(deploymentPrefix, func(value []byte) error {
		record := new(records.WorkerDeployment)
		if err := proto.Unmarshal(value, record); err != nil {
			return err
		}
		d.deployments[record.Name] = &deployment{record: record, versions: make(map[string]*version)}
		return nil
	})
	if err == nil {
		err = load(versionPrefix, func(value []byte) error {
			record := new(records.DeploymentVersion)
			if err := proto.Unmarshal(value, record); err != nil {
				return err
			}
			of := d.deployments[record.Deployment]
			if of == nil {
				return fmt.Errorf("version %q is of no deployment", Version{record.Deployment, record.BuildId}.String())
			}
			v := &version{record: record, queues: make(map[queueName]struct{}, len(record.Queues))}
			for _, q := range record.Queues {
				v.queues[queueName{entity.TaskType(q.Type), q.Name}] = struct{}{}
			}
			of.versions[record.BuildId] = v
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("loading the worker deployments of namespace %s: %w", key.Namespace, err)
	}
	return d, nil
}

func deploymentKey(name string) []byte { return append([]byte{deploymentPrefix}, name...) }

func versionKey(v Version) []byte {
	return entity.AppendString(entity.AppendString([]byte{versionPrefix}, v.Deployment), v.BuildID)
}

// add makes a deployment.
func (d *Deployments) add(step *entity.Step, name, requestID string) *deployment {
	of := &deployment{
		record: &records.WorkerDeployment{
			Name: name, Created: timestamppb.New(step.Now), Routing: noRouting(), ConflictToken: conflictToken(step.Now), CreateRequestId: requestID,
		},
		versions: make(map[string]*version),
	}
	d.deployments[name] = of
	d.change(of)
	step.Note(entity.Occurrence{Kind: entity.DeploymentCreated})
	return of
}

// addVersion makes a version of a deployment.
func (d *Deployments) addVersion(step *entity.Step, of *deployment, buildID string, status enumspb.WorkerDeploymentVersionStatus) *version {
	v := &version{
		record: &records.DeploymentVersion{Deployment: of.record.Name, BuildId: buildID, Created: timestamppb.New(step.Now), Status: int32(status)},
		queues: make(map[queueName]struct{}),
	}
	of.versions[buildID] = v
	d.changeVersion(v)
	step.Note(entity.Occurrence{Kind: entity.DeploymentVersionCreated})
	return v
}

// change notes that a deployment has changed; the records of its versions have not.
func (d *Deployments) change(of *deployment) {
	if d.dirty == nil {
		d.dirty = make(map[*deployment]struct{}, 1)
	}
	d.dirty[of], d.changed = struct{}{}, true
}

// changeVersion notes that a version has changed, and with it the routes of its queues.
func (d *Deployments) changeVersion(v *version) {
	if d.dirtyV == nil {
		d.dirtyV = make(map[*version]struct{}, 1)
	}
	d.dirtyV[v], d.changed = struct{}{}, true
	d.touch(v)
}

// touch notes that the routes of the queues of a version are to be made anew.
func (d *Deployments) touch(v *version) {
	if d.touched == nil {
		d.touched = make(map[queueName]struct{}, len(v.queues))
	}
	maps.Copy(d.touched, v.queues)
}

// reroute notes that the routing of a deployment has changed.
func (d *Deployments) reroute(of *deployment) {
	d.change(of)
	for _, v := range of.versions {
		d.touch(v)
	}
}

// dropVersion removes a version.
func (d *Deployments) dropVersion(of *deployment, v *version) {
	delete(of.versions, v.record.BuildId)
	delete(d.dirtyV, v)
	d.gone = append(d.gone, versionKey(v.name()))
	d.size -= proto.Size(v.record)
	d.touch(v)
	d.changed = true
}

// dropDeployment removes a deployment that has no versions.
func (d *Deployments) dropDeployment(of *deployment) {
	delete(d.deployments, of.record.Name)
	delete(d.dirty, of)
	d.gone = append(d.gone, deploymentKey(of.record.Name))
	d.size -= proto.Size(of.record)
	d.changed = true
}

// EndStep implements entity.Entity: it notes the records of what has changed, and has the
// registry know when that is durable.
func (d *Deployments) EndStep(step *entity.Step) error {
	if !d.changed {
		return nil
	}
	for _, key := range d.gone {
		step.Delete(key)
	}
	for of := range d.dirty {
		value, err := proto.Marshal(of.record)
		if err != nil {
			return fmt.Errorf("encoding a worker deployment: %w", err)
		}
		step.Put(deploymentKey(of.record.Name), value)
	}
	for v := range d.dirtyV {
		value, err := proto.Marshal(v.record)
		if err != nil {
			return fmt.Errorf("encoding a version of a worker deployment: %w", err)
		}
		step.Put(versionKey(v.name()), value)
	}
	d.measure()
	touched := slices.Collect(maps.Keys(d.touched))
	if d.registry != nil {
		d.last = d.view(touched)
		view := d.last
		step.After(func() {
			d.registry.publish(d.namespace, view, touched)
			if told := d.registry.told; told != nil {
				told(d.namespace)
			}
		})
	}
	d.dirty, d.dirtyV, d.gone, d.touched, d.changed = nil, nil, nil, nil, false
	return nil
}

// measure adds up the size of what there is.
func (d *Deployments) measure() {
	d.size = 0
	for _, of := range d.deployments {
		d.size += proto.Size(of.record)
		for _, v := range of.versions {
			d.size += proto.Size(v.record)
		}
	}
}

// viewNumber counts the views of the process, so that an entity that is loaded again goes on
// where it was.
var viewNumber atomic.Uint64

// view is what the registry has to know. Only the routes of the touched queues are made anew.
func (d *Deployments) view(touched []queueName) *View {
	view := &View{number: viewNumber.Add(1), draining: make(map[Version]struct{})}
	sources := make(map[queueName][]source)
	wanted := func(queueName) bool { return true }
	if d.last != nil {
		view.queues = maps.Clone(d.last.queues)
		wanted = func(q queueName) bool { return slices.Contains(touched, q) }
		if len(touched) > 8 {
			set := make(map[queueName]struct{}, len(touched))
			for _, q := range touched {
				set[q] = struct{}{}
			}
			wanted = func(q queueName) bool { _, is := set[q]; return is }
		}
		for _, q := range touched {
			delete(view.queues, q)
		}
	} else {
		view.queues = make(map[queueName]*Routes)
	}
	for _, name := range slices.Sorted(maps.Keys(d.deployments)) {
		of := d.deployments[name]
		members := make(map[queueName]map[Version]enumspb.WorkerDeploymentVersionStatus)
		for _, v := range of.versions {
			if v.status() == enumspb.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING {
				view.draining[v.name()] = struct{}{}
			}
			for q := range v.queues {
				if !wanted(q) {
					continue
				}
				if members[q] == nil {
					members[q] = make(map[Version]enumspb.WorkerDeploymentVersionStatus)
				}
				members[q][v.name()] = v.status()
			}
		}
		for q, m := range members {
			sources[q] = append(sources[q], source{of.record.Routing, m})
		}
	}
	for q, s := range sources {
		view.queues[q] = routesOf(s)
	}
	return view
}

// Fire implements entity.Entity. Deployments set no timers.
func (d *Deployments) Fire(*entity.Step) error { return nil }

// reactivateMessage begins the message that a workflow has been pinned to a version; the
// version follows.
const reactivateMessage = 'r'

// ReactivateMessage tells the deployments of a namespace that a workflow has been pinned to
// the version.
func ReactivateMessage(v Version) []byte { return append([]byte{reactivateMessage}, v.String()...) }

// Receive implements entity.Entity.
func (d *Deployments) Receive(step *entity.Step, _ entity.Key, body []byte) error {
	if len(body) == 0 || body[0] != reactivateMessage {
		return entity.ErrUnknownMessage
	}
	d.Reactivate(step, FromString(string(body[1:])))
	return nil
}

// Size implements entity.Entity.
func (d *Deployments) Size() int { return 512 + 4*d.size }

// Pinned implements entity.Entity.
func (d *Deployments) Pinned() bool { return false }

// Purge implements entity.Purger.
func (d *Deployments) Purge(step *entity.Step) (more bool, err error) {
	if len(d.deployments) == 0 {
		return false, nil
	}
	for _, of := range d.deployments {
		for _, v := range of.versions {
			d.touch(v)
		}
	}
	d.deployments = make(map[string]*deployment)
	d.dirty, d.dirtyV, d.gone, d.changed = nil, nil, nil, true
	step.DeletePrefix([]byte{deploymentPrefix})
	step.DeletePrefix([]byte{versionPrefix})
	return false, nil
}

// sorted are the versions of a deployment, the oldest first.
func (of *deployment) sorted() []*version {
	return slices.SortedFunc(maps.Values(of.versions), func(a, b *version) int {
		if c := a.record.Created.AsTime().Compare(b.record.Created.AsTime()); c != 0 {
			return c
		}
		return strings.Compare(a.record.BuildId, b.record.BuildId)
	})
}
