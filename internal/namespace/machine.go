package namespace

import (
	"context"
	"fmt"
	"maps"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	replicationpb "go.temporal.io/api/replication/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Key is the key of the one entity that holds all namespaces.
var Key = entity.Key{Kind: entity.KindNamespaces, ID: "namespaces"}

const (
	// MaxRetention is what a longer retention is cut to, as the API demands.
	MaxRetention = 100 * 365 * 24 * time.Hour
	// maxNamespaces bounds what clients can make the server keep in memory.
	maxNamespaces = 10_000
	// maxRecordBytes bounds one namespace: descriptions and data are free text.
	maxRecordBytes = 256 << 10
)

// recordPrefix begins the record key of every namespace; the id follows.
const recordPrefix = 'n'

var (
	errRetention    = serviceerror.NewInvalidArgument("A valid retention period is not set on request.")
	errStateUpdate  = serviceerror.NewInvalidArgument("Invalid namespace state update.")
	errGlobal       = serviceerror.NewInvalidArgument("Cannot register global namespace when not enabled")
	errPromote      = serviceerror.NewInvalidArgument("global namespace is not enabled on this cluster, cannot promote a local namespace")
	errClusters     = serviceerror.NewInvalidArgument("Invalid local namespace clusters")
	errAliasInUse   = serviceerror.NewInvalidArgument("Custom search attribute field name already allocated.")
	errArchival     = serviceerror.NewInvalidArgument("Archival is not supported by this server: leave the archival states unset or disabled.")
	errRecordTooBig = serviceerror.NewInvalidArgument("Namespace description and data exceed the size limit of 256 KiB.")
)

// directory is the entity: all namespaces by id and by name.
type directory struct {
	registry *Registry
	byID     map[string]*records.NamespaceRecord
	idByName map[string]string
	size     int
}

// Load implements entity.Machine.
func (r *Registry) Load(_ context.Context, reader entity.Reader, _ entity.Key) (entity.Entity, error) {
	d := &directory{
		registry: r,
		byID:     make(map[string]*records.NamespaceRecord),
		idByName: make(map[string]string),
	}
	var decodeErr error
	err := reader.Scan([]byte{recordPrefix}, nil, false, func(key, value []byte) bool {
		record := new(records.NamespaceRecord)
		if decodeErr = proto.Unmarshal(value, record); decodeErr != nil {
			decodeErr = fmt.Errorf("namespace record %q: %w", key, decodeErr)
			return false
		}
		d.byID[record.Id] = record
		d.idByName[record.Name] = record.Id
		d.size += len(value)
		return true
	})
	if err == nil {
		err = decodeErr
	}
	if err != nil {
		return nil, fmt.Errorf("loading namespaces: %w", err)
	}
	return d, nil
}

// Receive implements entity.Entity. Nothing sends messages to namespaces.
func (d *directory) Receive(*entity.Step, entity.Key, []byte) error { return entity.ErrUnknownMessage }

// EndStep implements entity.Entity. Steps note their records themselves.
func (d *directory) EndStep(*entity.Step) error { return nil }

// Size implements entity.Entity.
func (d *directory) Size() int { return d.size + 512*len(d.byID) }

// Pinned implements entity.Entity.
func (d *directory) Pinned() bool { return false }

// register adds a namespace.
func (d *directory) register(step *entity.Step, req *workflowservice.RegisterNamespaceRequest) error {
	name := req.GetNamespace()
	if req.GetIsGlobalNamespace() {
		return errGlobal
	}
	if err := d.checkRetention(req.GetWorkflowExecutionRetentionPeriod()); err != nil {
		return err
	}
	if err := checkClusters(req.GetActiveClusterName(), req.GetClusters()); err != nil {
		return err
	}
	if archives(req.GetHistoryArchivalState()) || archives(req.GetVisibilityArchivalState()) {
		return errArchival
	}
	if name == System {
		return serviceerror.NewNamespaceAlreadyExists(fmt.Sprintf("Namespace %q already exists", name)) // it is reserved for the server
	}
	if _, exists := d.idByName[name]; exists {
		return serviceerror.NewNamespaceAlreadyExists(fmt.Sprintf("Namespace %q already exists", name))
	}
	if len(d.byID) >= maxNamespaces {
		return serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_PERSISTENCE_STORAGE_LIMIT,
			fmt.Sprintf("This server holds no more than %d namespaces.", maxNamespaces))
	}
	return d.put(step, &records.NamespaceRecord{
		Id:          step.NewID(),
		Name:        name,
		Description: req.GetDescription(),
		OwnerEmail:  req.GetOwnerEmail(),
		Data:        maps.Clone(req.GetData()),
		Retention:   capRetention(req.GetWorkflowExecutionRetentionPeriod()),
		State:       int32(enumspb.NAMESPACE_STATE_REGISTERED),
		Created:     timestamppb.New(step.Now),
	})
}

// update changes what the request sets and leaves the rest as it is.
func (d *directory) update(step *entity.Step, req *workflowservice.UpdateNamespaceRequest) error {
	old, err := d.byName(req.GetNamespace())
	if err != nil {
		return err
	}
	if req.GetPromoteNamespace() {
		return errPromote
	}
	replication := req.GetReplicationConfig()
	if err := checkClusters(replication.GetActiveClusterName(), replication.GetClusters()); err != nil {
		return err
	}
	record := proto.CloneOf(old)
	if info := req.GetUpdateInfo(); info != nil {
		if info.GetDescription() != "" {
			record.Description = info.GetDescription()
		}
		if info.GetOwnerEmail() != "" {
			record.OwnerEmail = info.GetOwnerEmail()
		}
		if len(info.GetData()) > 0 {
			record.Data = merge(record.Data, info.GetData())
		}
		if state := info.GetState(); state != enumspb.NAMESPACE_STATE_UNSPECIFIED && int32(state) != record.State {
			if err := checkStateUpdate(enumspb.NamespaceState(record.State), state); err != nil {
				return err
			}
			record.State = int32(state)
		}
	}
	if config := req.GetConfig(); config != nil {
		if archives(config.GetHistoryArchivalState()) || archives(config.GetVisibilityArchivalState()) {
			return errArchival
		}
		if retention := config.GetWorkflowExecutionRetentionTtl(); retention != nil {
			if err := d.checkRetention(retention); err != nil {
				return err
			}
			record.Retention = capRetention(retention)
			if record.Retention.AsDuration() < old.Retention.AsDuration() {
				record.RetentionShortened = true
			}
		}
		for checksum, bad := range config.GetBadBinaries().GetBinaries() {
			if record.BadBinaries == nil {
				record.BadBinaries = make(map[string]*records.BadBinary)
			}
			record.BadBinaries[checksum] = &records.BadBinary{
				Reason:   bad.GetReason(),
				Operator: bad.GetOperator(),
				Created:  timestamppb.New(step.Now),
			}
		}
		if most := dynamicconfig.MaxBadBinaries.Get(d.registry.config, record.Name); len(record.BadBinaries) > most {
			return serviceerror.NewInvalidArgumentf("Total resetBinaries cannot exceed the max limit: %v", most)
		}
		if err := mergeAliases(record, config.GetCustomSearchAttributeAliases()); err != nil {
			return err
		}
	}
	if checksum := req.GetDeleteBadBinary(); checksum != "" {
		if _, ok := record.BadBinaries[checksum]; !ok {
			return serviceerror.NewInvalidArgument(fmt.Sprintf("Bad binary checksum %v doesn't exists.", checksum))
		}
		delete(record.BadBinaries, checksum)
	}
	if proto.Equal(old, record) {
		return nil
	}
	return d.put(step, record)
}

// deprecate makes a namespace refuse new workflows while the running ones go on.
func (d *directory) deprecate(step *entity.Step, name string) error {
	old, err := d.byName(name)
	if err != nil {
		return err
	}
	if enumspb.NamespaceState(old.State) == enumspb.NAMESPACE_STATE_DEPRECATED {
		return nil
	}
	if err := checkStateUpdate(enumspb.NamespaceState(old.State), enumspb.NAMESPACE_STATE_DEPRECATED); err != nil {
		return err
	}
	record := proto.CloneOf(old)
	record.State = int32(enumspb.NAMESPACE_STATE_DEPRECATED)
	return d.put(step, record)
}

func (d *directory) byName(name string) (*records.NamespaceRecord, error) {
	record, ok := d.byID[d.idByName[name]]
	if !ok {
		return nil, serviceerror.NewNamespaceNotFound(name)
	}
	return record, nil
}

// put makes record the namespace's record, and has the registry's snapshot
// follow once that is durable.
func (d *directory) put(step *entity.Step, record *records.NamespaceRecord) error {
	value, err := proto.Marshal(record)
	if err != nil {
		// Only text that is not valid UTF-8 does not encode.
		return serviceerror.NewInvalidArgument(fmt.Sprintf("Namespace cannot be stored: %v.", err))
	}
	if len(value) > maxRecordBytes {
		return errRecordTooBig
	}
	if old := d.byID[record.Id]; old != nil {
		d.size -= proto.Size(old)
		delete(d.idByName, old.Name)
	}
	d.size += len(value)
	d.byID[record.Id] = record
	d.idByName[record.Name] = record.Id
	step.Put(append([]byte{recordPrefix}, record.Id...), value)
	ns := fromRecord(record)
	step.After(func() { d.registry.publish(ns) })
	return nil
}

func (d *directory) checkRetention(retention *durationpb.Duration) error {
	mixedSigns := retention.GetSeconds() > 0 && retention.GetNanos() < 0
	if retention == nil || mixedSigns || retention.AsDuration() < dynamicconfig.MinRetention.Get(d.registry.config) {
		return errRetention
	}
	return nil
}

func capRetention(retention *durationpb.Duration) *durationpb.Duration {
	return durationpb.New(min(retention.AsDuration(), MaxRetention))
}

// ClusterName is the name of the one cluster this server is.
const ClusterName = "active"

// checkClusters accepts what describes a namespace of this cluster alone.
func checkClusters(active string, clusters []*replicationpb.ClusterReplicationConfig) error {
	if active != "" && active != ClusterName {
		return serviceerror.NewInvalidArgumentf("Invalid cluster name: %s", active)
	}
	if len(clusters) > 1 || len(clusters) == 1 && clusters[0].GetClusterName() != ClusterName {
		return errClusters
	}
	return nil
}

func archives(state enumspb.ArchivalState) bool { return state == enumspb.ARCHIVAL_STATE_ENABLED }

// checkStateUpdate allows a namespace to go from registered to deprecated to
// deleted, never back.
func checkStateUpdate(from, to enumspb.NamespaceState) error {
	switch {
	case from == enumspb.NAMESPACE_STATE_REGISTERED && to == enumspb.NAMESPACE_STATE_DEPRECATED,
		from == enumspb.NAMESPACE_STATE_REGISTERED && to == enumspb.NAMESPACE_STATE_DELETED,
		from == enumspb.NAMESPACE_STATE_DEPRECATED && to == enumspb.NAMESPACE_STATE_DELETED:
		return nil
	}
	return errStateUpdate
}

func merge(into, from map[string]string) map[string]string {
	if into == nil {
		into = make(map[string]string, len(from))
	}
	maps.Copy(into, from)
	return into
}

// mergeAliases adds and, where the alias is empty, removes names of custom
// search attributes. A field that has a name cannot be given another one: data
// stored under the first would turn up under the second.
func mergeAliases(record *records.NamespaceRecord, aliases map[string]string) error {
	if len(aliases) == 0 {
		return nil
	}
	current := record.SearchAttributeAliases
	named := make(map[string]bool, len(current))
	for _, alias := range current {
		named[alias] = true
	}
	merged := maps.Clone(current)
	if merged == nil {
		merged = make(map[string]string)
	}
	for field, alias := range aliases {
		switch {
		case alias == "":
			delete(merged, field)
		case named[alias]:
			// Already there, under this field or another: nothing to add.
		case current[field] != "":
			return errAliasInUse
		default:
			if err := checkAlias(field, alias); err != nil {
				return err
			}
			merged[field] = alias
			named[alias] = true
		}
	}
	record.SearchAttributeAliases = merged
	return nil
}
