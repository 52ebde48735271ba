package deployment

import (
	"maps"
	"slices"
	"strings"

	computepb "go.temporal.io/api/compute/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A version may have a compute configuration: scaling groups, each of which says where and when workers
// for some types of tasks are to be started. The server keeps it, checks it, and shows it to whoever
// starts workers; it starts none itself.

// Groups are changes of scaling groups, by their ids.
type Groups = map[string]*computepb.ComputeConfigScalingGroupUpdate

// NewGroups are the changes that make the scaling groups of a configuration, which may be nil.
func NewGroups(config *computepb.ComputeConfig) Groups {
	groups := make(Groups, len(config.GetScalingGroups()))
	for id, group := range config.GetScalingGroups() {
		groups[id] = &computepb.ComputeConfigScalingGroupUpdate{ScalingGroup: group}
	}
	return groups
}

// The types of providers and scalers that are known by name, which are those of Temporal servers. A provider
// that is a Nexus service may have any type.
var (
	computeProviders = []string{"aws-lambda", "aws-agentcore", "aws-ecs", "subprocess", "k8s", "gcp-cloud-run"}
	computeScalers   = []string{"no-sync", "rate-based"}
)

// ValidateCompute reports, by an error which is InvalidArgument, whether UpdateCompute would refuse the changes. Of a version
// that is not there, it is as if that were made with them.
func (d *Deployments) ValidateCompute(name Version, upsert Groups, remove []string) error {
	v := d.version(name)
	if v == nil || v.record.Compute == nil {
		if len(upsert) == 0 || len(remove) > 0 {
			return serviceerror.NewInvalidArgument("No prior compute config found, which means nothing can be removed and something needs to be added to be valid")
		}
		for id, update := range upsert {
			if len(update.GetUpdateMask().GetPaths()) > 0 {
				return serviceerror.NewInvalidArgumentf("Scaling group '%s' has an update mask but nothing to compare with", id)
			}
		}
		_, err := applyGroups(nil, upsert, nil)
		return err
	}
	_, err := applyGroups(v.record.Compute, upsert, remove)
	return err
}

// UpdateCompute changes the compute configuration of a version. A request whose id is that of the last change has
// been carried out. It fails with NotFound, and with InvalidArgument if what comes of it makes no sense.
func (d *Deployments) UpdateCompute(name Version, upsert Groups, remove []string, identity, requestID string) error {
	v := d.version(name)
	switch {
	case v == nil:
		return errVersionNotFound(name)
	case v.record.ComputeRequestId == requestID:
		return nil
	}
	next, err := applyGroups(v.record.Compute, upsert, remove)
	if err != nil {
		return err
	}
	v.record.Compute, v.record.ComputeRequestId, v.record.LastModifier = next, requestID, identity
	d.changeVersion(v)
	return nil
}

// applyGroups returns the configuration with the changes, nil if nothing is left. Groups that are new are made whole; of others,
// the fields that the mask names are changed. What is removed is removed last.
func applyGroups(config *computepb.ComputeConfig, upsert Groups, remove []string) (*computepb.ComputeConfig, error) {
	next := make(map[string]*computepb.ComputeConfigScalingGroup)
	for id, group := range config.GetScalingGroups() {
		next[id] = proto.CloneOf(group)
	}
	for _, id := range slices.Sorted(maps.Keys(upsert)) {
		update := upsert[id]
		group := update.GetScalingGroup()
		if group == nil {
			group = new(computepb.ComputeConfigScalingGroup)
		}
		if next[id] == nil {
			next[id] = proto.CloneOf(group)
			continue
		}
		for _, path := range update.GetUpdateMask().GetPaths() {
			if err := setGroupField(next[id], group, path); err != nil {
				return nil, err
			}
		}
	}
	for _, id := range remove {
		delete(next, id)
	}
	if len(next) == 0 {
		return nil, nil
	}
	return &computepb.ComputeConfig{ScalingGroups: next}, checkGroups(next)
}

// groupFields are the paths that masks may name. There are no regions.
var groupFields = []string{"task_queue_types", "provider", "provider.type", "provider.details", "provider.nexus_endpoint", "scaler", "scaler.type", "scaler.details"}

// setGroupField copies the field that the path names.
func setGroupField(to, from *computepb.ComputeConfigScalingGroup, path string) error {
	if !slices.Contains(groupFields, path) {
		return serviceerror.NewInvalidArgumentf("unsupported field mask path: %q", path)
	}
	if strings.HasPrefix(path, "scaler.") && from.Scaler == nil {
		return serviceerror.NewInvalidArgumentf("%s set in field mask, but not provided", path)
	}
	dst, src := to.ProtoReflect(), proto.CloneOf(from).ProtoReflect()
	name, inner, nested := strings.Cut(path, ".")
	if nested {
		field := dst.Descriptor().Fields().ByName(protoreflect.Name(name))
		dst, src, name = dst.Mutable(field).Message(), src.Get(field).Message(), inner
	}
	field := dst.Descriptor().Fields().ByName(protoreflect.Name(name))
	if !src.Has(field) {
		dst.Clear(field)
		return nil
	}
	dst.Set(field, src.Get(field))
	return nil
}

// checkGroups checks that all groups can be told apart by the types of their tasks, so there are four at most.
func checkGroups(groups map[string]*computepb.ComputeConfigScalingGroup) error {
	seen := make(map[enumspb.TaskQueueType]bool)
	rest := false
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		group := groups[id]
		switch {
		case id == "":
			return serviceerror.NewInvalidArgument("scaling groups without an ID are not supported")
		case len(group.TaskQueueTypes) == 0 && rest:
			return serviceerror.NewInvalidArgumentf("entry %s: only one scaling group can have no task types defined", id)
		case len(group.RegionIds) > 0:
			return serviceerror.NewInvalidArgumentf("entry %s: this server has no regions", id)
		}
		rest = rest || len(group.TaskQueueTypes) == 0
		for _, t := range group.TaskQueueTypes {
			switch {
			case seen[t]:
				return serviceerror.NewInvalidArgumentf("entry %s: task type %s appears in more than one entry", id, t)
			case enumspb.TaskQueueType_name[int32(t)] == "" || t == enumspb.TASK_QUEUE_TYPE_UNSPECIFIED:
				return serviceerror.NewInvalidArgumentf("entry %s: task type undefined not allowed in compute spec", id)
			}
			seen[t] = true
		}
		provider := group.GetProvider()
		if provider.GetNexusEndpoint() == "" && !slices.Contains(computeProviders, provider.GetType()) {
			return serviceerror.NewInvalidArgumentf("entry %s: invalid compute provider type '%s'", id, provider.GetType())
		}
		if scaler := group.GetScaler(); scaler != nil && !slices.Contains(computeScalers, scaler.GetType()) {
			return serviceerror.NewInvalidArgumentf("entry %s: invalid scaling algorithm type '%s'", id, scaler.GetType())
		}
	}
	return nil
}

// computeSummary is what lists tell of a configuration, which may be nil.
func computeSummary(config *computepb.ComputeConfig) *computepb.ComputeConfigSummary {
	if config == nil {
		return nil
	}
	summary := &computepb.ComputeConfigSummary{ScalingGroups: make(map[string]*computepb.ComputeConfigScalingGroupSummary, len(config.ScalingGroups))}
	for id, group := range config.ScalingGroups {
		summary.ScalingGroups[id] = &computepb.ComputeConfigScalingGroupSummary{
			TaskQueueTypes: group.TaskQueueTypes, RegionIds: group.RegionIds, ProviderType: group.GetProvider().GetType(),
		}
	}
	return summary
}
