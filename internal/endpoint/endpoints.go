package endpoint

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Key is the key of the one entity that holds all endpoints.
var Key = entity.Key{Kind: entity.KindEndpoints, ID: "endpoints"}

// maxEndpoints bounds what clients can make the server keep in memory.
const maxEndpoints = 10_000

// recordPrefix begins the record key of every endpoint; the id follows.
const recordPrefix = 'e'

// Machine loads the endpoints, for entity.KindEndpoints.
type Machine struct {
	// Registry, if not nil, follows the endpoints.
	Registry *Registry
}

// Load implements entity.Machine.
func (m Machine) Load(_ context.Context, reader entity.Reader, _ entity.Key) (entity.Entity, error) {
	e := &Endpoints{registry: m.Registry, byID: make(map[string]*records.NexusEndpoint), idByName: make(map[string]string)}
	var bad error
	err := reader.Scan([]byte{recordPrefix}, nil, false, func(_, value []byte) bool {
		record := new(records.NexusEndpoint)
		if bad = proto.Unmarshal(value, record); bad != nil {
			return false
		}
		e.byID[record.Id], e.idByName[record.Spec.GetName()] = record, record.Id
		e.size += len(value)
		return true
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, fmt.Errorf("loading the Nexus endpoints: %w", err)
	}
	m.Registry.set(e.snapshot())
	return e, nil
}

// Endpoints are all Nexus endpoints. Their records are never changed, but replaced.
type Endpoints struct {
	byID     map[string]*records.NexusEndpoint
	idByName map[string]string
	size     int // of all records, in bytes
	registry *Registry
	changed  bool // by the step in progress
}

// Create adds an endpoint whose spec has been checked. It fails with AlreadyExists if its
// name is taken.
func (e *Endpoints) Create(step *entity.Step, spec *nexuspb.EndpointSpec, namespaceID string) (*records.NexusEndpoint, error) {
	if _, taken := e.idByName[spec.GetName()]; taken {
		return nil, serviceerror.NewAlreadyExistsf("error creating Nexus endpoint. Endpoint with name %v already registered", spec.GetName())
	}
	if len(e.byID) >= maxEndpoints {
		return nil, serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_PERSISTENCE_STORAGE_LIMIT,
			fmt.Sprintf("This server holds no more than %d Nexus endpoints.", maxEndpoints))
	}
	return e.put(step, &records.NexusEndpoint{Id: step.NewID(), Version: 1, Spec: spec, NamespaceId: namespaceID, Created: timestamppb.New(step.Now)})
}

// Update replaces the spec of an endpoint. It fails with FailedPrecondition if the version
// is not its version, with NotFound if there is no such endpoint, and with AlreadyExists if another
// one has the name.
func (e *Endpoints) Update(step *entity.Step, id string, version int64, spec *nexuspb.EndpointSpec, namespaceID string) (*records.NexusEndpoint, error) {
	old := e.byID[id]
	if old == nil {
		return nil, serviceerror.NewNotFoundf("error updating Nexus endpoint. endpoint ID %v not found", id)
	}
	if err := checkVersion(old, version); err != nil {
		return nil, err
	}
	if other, taken := e.idByName[spec.GetName()]; taken && other != id {
		return nil, serviceerror.NewAlreadyExistsf("error updating Nexus endpoint. Endpoint with name %v already registered", spec.GetName())
	}
	return e.put(step, &records.NexusEndpoint{
		Id: id, Version: old.Version + 1, Spec: spec, NamespaceId: namespaceID, Created: old.Created, Modified: timestamppb.New(step.Now),
	})
}

// Delete removes an endpoint. It fails as Update does.
func (e *Endpoints) Delete(step *entity.Step, id string, version int64) error {
	old := e.byID[id]
	if old == nil {
		return serviceerror.NewNotFoundf("error deleting nexus endpoint with ID: %v", id)
	}
	if err := checkVersion(old, version); err != nil {
		return err
	}
	e.forget(old)
	e.changed = true
	step.Delete(recordKey(id))
	return nil
}

func checkVersion(record *records.NexusEndpoint, version int64) error {
	if version != record.Version {
		return serviceerror.NewFailedPreconditionf("nexus endpoint version mismatch. received: %v expected %v", version, record.Version)
	}
	return nil
}

// Get returns an endpoint. It fails with NotFound if there is none.
func (e *Endpoints) Get(id string) (*records.NexusEndpoint, error) {
	if record := e.byID[id]; record != nil {
		return record, nil
	}
	return nil, serviceerror.NewNotFoundf("Nexus endpoint with ID `%v` not found", id)
}

// ByName returns the endpoint with a name; nil if there is none.
func (e *Endpoints) ByName(name string) *records.NexusEndpoint { return e.byID[e.idByName[name]] }

// List returns up to limit endpoints in the order of their ids, from the first on that is
// greater than after, and whether there are more.
func (e *Endpoints) List(after string, limit int) (found []*records.NexusEndpoint, more bool) {
	for _, record := range e.byID {
		if record.Id > after {
			found = append(found, record)
		}
	}
	slices.SortFunc(found, func(a, b *records.NexusEndpoint) int { return strings.Compare(a.Id, b.Id) })
	if len(found) > limit {
		return found[:limit], true
	}
	return found, false
}

// Targeting returns the name of an endpoint whose target is in the namespace, the first of
// all; "" if there is none.
func (e *Endpoints) Targeting(namespaceID string) string {
	for _, name := range slices.Sorted(maps.Keys(e.idByName)) {
		if e.ByName(name).NamespaceId == namespaceID {
			return name
		}
	}
	return ""
}

func recordKey(id string) []byte { return append([]byte{recordPrefix}, id...) }

// put makes record that of its endpoint.
func (e *Endpoints) put(step *entity.Step, record *records.NexusEndpoint) (*records.NexusEndpoint, error) {
	value, err := proto.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encoding a Nexus endpoint: %w", err)
	}
	if old := e.byID[record.Id]; old != nil {
		e.forget(old)
	}
	e.byID[record.Id], e.idByName[record.Spec.GetName()] = record, record.Id
	e.size += len(value)
	e.changed = true
	step.Put(recordKey(record.Id), value)
	return record, nil
}

func (e *Endpoints) forget(record *records.NexusEndpoint) {
	delete(e.byID, record.Id)
	delete(e.idByName, record.Spec.GetName())
	e.size -= proto.Size(record)
}

// Fire implements entity.Entity. Endpoints set no timers.
func (e *Endpoints) Fire(*entity.Step) error { return nil }

// Receive implements entity.Entity. Nothing sends messages to endpoints.
func (e *Endpoints) Receive(*entity.Step, entity.Key, []byte) error { return entity.ErrUnknownMessage }

// EndStep implements entity.Entity. Steps note their records themselves.
func (e *Endpoints) EndStep(step *entity.Step) error {
	if e.changed {
		e.changed = false
		s := e.snapshot()
		step.After(func() { e.registry.set(s) })
	}
	return nil
}

// Size implements entity.Entity.
func (e *Endpoints) Size() int { return 512 + e.size + 512*len(e.byID) }

// Pinned implements entity.Entity.
func (e *Endpoints) Pinned() bool { return false }
