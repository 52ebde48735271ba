package flow

import (
	"context"
	"fmt"
	"maps"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/entity"
)

// maxPolicies bounds the policies of a namespace: each start looks at all of them.
const maxPolicies = 200

// PoliciesKey is the key of the policies of a namespace.
func PoliciesKey(namespaceID string) entity.Key {
	return entity.Key{Kind: entity.KindFlowPolicies, Namespace: namespaceID, ID: "policies"}
}

// The records: 'p' and the name of a policy, with a flowv1.Policy; 'r' with a flowv1.Policy of
// which only the revision is set, that of the last change.
const letterPolicy = 'p'

var revisionKey = []byte{'r'}

func policyKey(name string) []byte { return append([]byte{letterPolicy}, name...) }

// PolicyMachine loads policies, for entity.KindFlowPolicies.
type PolicyMachine struct {
	// Registry, if not nil, follows the policies.
	Registry *Registry
}

// Load implements entity.Machine.
func (m PolicyMachine) Load(_ context.Context, reader entity.Reader, key entity.Key) (entity.Entity, error) {
	p := &Policies{key: key, registry: m.Registry, byName: make(map[string]*flowv1.Policy)}
	value, err := reader.Get(revisionKey)
	if err == nil && value != nil {
		last := new(flowv1.Policy)
		err = proto.Unmarshal(value, last)
		p.revision = last.Revision
	}
	if err == nil {
		var bad error
		err = reader.Scan([]byte{letterPolicy}, nil, false, func(_, value []byte) bool {
			policy := new(flowv1.Policy)
			if bad = proto.Unmarshal(value, policy); bad != nil {
				return false
			}
			p.byName[policy.Name] = policy
			return true
		})
		if err == nil {
			err = bad
		}
	}
	if err != nil {
		return nil, fmt.Errorf("flow: loading %v: %w", key, err)
	}
	m.Registry.publish(key.Namespace, p.view())
	return p, nil
}

// Policies are those of a namespace. A policy is never changed, but replaced.
type Policies struct {
	key      entity.Key
	registry *Registry
	byName   map[string]*flowv1.Policy
	// revision is that of the last change; 0: there has never been a policy.
	revision int64
	changed  bool // by the step in progress
}

// Set makes a policy, which Check has found right, or replaces the one with its name. It fails with
// FailedPrecondition if that one is about something else, and with ResourceExhausted if there are too many.
func (p *Policies) Set(step *entity.Step, policy *flowv1.Policy) (*flowv1.Policy, error) {
	old := p.byName[policy.Name]
	switch {
	case old == nil && len(p.byName) >= maxPolicies:
		return nil, serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_PERSISTENCE_STORAGE_LIMIT,
			fmt.Sprintf("A namespace has no more than %d flow policies.", maxPolicies))
	case old != nil && !sameSubject(old, policy):
		return nil, serviceerror.NewFailedPreconditionf("flow policy %q is about something else: target, types, task queue and key of a policy cannot be changed; make another one", policy.Name)
	}
	return p.put(step, proto.CloneOf(policy)), nil
}

// put makes a policy, or replaces the one with its name.
func (p *Policies) put(step *entity.Step, policy *flowv1.Policy) *flowv1.Policy {
	p.revision++
	policy.Revision = p.revision
	policy.UpdateTime = timestamppb.New(step.Now)
	policy.CreateTime = policy.UpdateTime
	if old := p.byName[policy.Name]; old != nil {
		policy.CreateTime = old.CreateTime
	}
	p.byName[policy.Name] = policy
	step.Put(policyKey(policy.Name), encode(policy))
	p.noteRevision(step)
	return policy
}

// sameSubject reports whether two policies divide the same in the same way, so that what
// is known of one holds for the other.
func sameSubject(a, b *flowv1.Policy) bool {
	return a.Target == b.Target && a.WorkflowType == b.WorkflowType && a.ActivityType == b.ActivityType &&
		a.TaskQueue == b.TaskQueue && proto.Equal(a.Key, b.Key)
}

// Delete removes a policy. It fails with NotFound if there is none.
func (p *Policies) Delete(step *entity.Step, name string) error {
	if p.byName[name] == nil {
		return errNoPolicy(name)
	}
	delete(p.byName, name)
	p.revision++
	step.Delete(policyKey(name))
	p.noteRevision(step)
	return nil
}

func (p *Policies) noteRevision(step *entity.Step) {
	p.changed = true
	step.Put(revisionKey, encode(&flowv1.Policy{Revision: p.revision}))
}

// Get returns a policy, which must not be changed. It fails with NotFound.
func (p *Policies) Get(name string) (*flowv1.Policy, error) {
	if policy := p.byName[name]; policy != nil {
		return policy, nil
	}
	return nil, errNoPolicy(name)
}

func errNoPolicy(name string) error {
	return serviceerror.NewNotFoundf("there is no flow policy %q", name)
}

// List returns all policies in the order of their names. They must not be changed.
func (p *Policies) List() []*flowv1.Policy {
	list := make([]*flowv1.Policy, 0, len(p.byName))
	for _, name := range slices.Sorted(maps.Keys(p.byName)) {
		list = append(list, p.byName[name])
	}
	return list
}

// view is the policies as they are; nil if there have never been any.
func (p *Policies) view() *View {
	if p.revision == 0 {
		return nil
	}
	return newView(p.revision, p.List())
}

// Fire implements entity.Entity. Policies set no timers.
func (p *Policies) Fire(*entity.Step) error { return nil }

// EndStep implements entity.Entity. Steps note their records themselves.
func (p *Policies) EndStep(step *entity.Step) error {
	if p.changed {
		p.changed = false
		namespace, view := p.key.Namespace, p.view()
		step.After(func() { p.registry.publish(namespace, view) })
	}
	return nil
}

// Size implements entity.Entity.
func (p *Policies) Size() int { return 512 + 1024*len(p.byName) }

// Pinned implements entity.Entity.
func (p *Policies) Pinned() bool { return false }

// Purge implements entity.Purger.
func (p *Policies) Purge(step *entity.Step) (more bool, err error) {
	if p.revision == 0 {
		return false, nil
	}
	step.DeletePrefix([]byte{letterPolicy})
	step.Delete(revisionKey)
	clear(p.byName)
	p.revision = 0
	namespace := p.key.Namespace
	step.After(func() { p.registry.forget(namespace) })
	return false, nil
}

// encode encodes a record or a message of this package, which always does.
func encode(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("flow: record does not encode: " + err.Error())
	}
	return data
}
