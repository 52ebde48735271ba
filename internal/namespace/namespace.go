// Package namespace holds the namespaces of a server: who exists, in which
// state, and how long closed workflows are kept.
//
// All namespaces together are one entity (entity.KindNamespaces), so that a name
// is registered once and for all in one step. Each is one record of it. Changes
// go through the runtime like those of any other entity; reads do not: the
// Registry keeps a snapshot of every namespace in memory, replaced after each
// durable change, and looks names and ids up there without a lock. A namespace
// can thus be used from the moment its registration has been answered.
package namespace

import (
	"maps"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/rule"
	"github.com/perdure/perdure/internal/searchattribute"
)

const (
	// Default is the namespace that exists in every server from its first start on.
	Default = "default"
	// System is reserved for the server's own work. No client can register it.
	System = "temporal-system"
)

// Namespace is one namespace as it was after some change. It is never modified:
// a change makes a new one.
type Namespace struct {
	ID          string // UUID
	Name        string
	Description string
	OwnerEmail  string
	Data        map[string]string
	// Retention is how long a closed run is kept.
	Retention time.Duration
	State     enumspb.NamespaceState
	Created   time.Time
	// SearchAttributeAliases are the names of custom search attributes, by the
	// field they are stored in.
	SearchAttributeAliases map[string]string
	// SearchAttributes are the types of the custom search attributes, by name.
	SearchAttributes map[string]searchattribute.Type
	// BadBinaries are builds that may not poll, by checksum.
	BadBinaries map[string]BadBinary
	// Rules are the workflow rules, in the order of their ids. Expired ones may be among
	// them.
	Rules []*rule.Rule

	// Deleting: there may be something left in the namespace, which is deleted. See
	// Registry.Emptied.
	Deleting bool
	// RetentionShortened: see Registry.RetentionApplied.
	RetentionShortened bool
}

// BadBinary is why a build may not poll.
type BadBinary struct {
	Reason, Operator string
	Created          time.Time
}

// fromRecord makes the namespace a record describes. The record stays the
// caller's to change.
func fromRecord(r *records.NamespaceRecord) *Namespace {
	ns := &Namespace{
		ID:                     r.Id,
		Name:                   r.Name,
		Description:            r.Description,
		OwnerEmail:             r.OwnerEmail,
		Data:                   maps.Clone(r.Data),
		Retention:              r.Retention.AsDuration(),
		State:                  enumspb.NamespaceState(r.State),
		Created:                r.Created.AsTime(),
		SearchAttributeAliases: maps.Clone(r.SearchAttributeAliases),
		SearchAttributes:       searchattribute.Custom(r.SearchAttributeAliases),
	}
	if len(r.BadBinaries) > 0 {
		ns.BadBinaries = make(map[string]BadBinary, len(r.BadBinaries))
		for checksum, bad := range r.BadBinaries {
			ns.BadBinaries[checksum] = BadBinary{Reason: bad.Reason, Operator: bad.Operator, Created: bad.Created.AsTime()}
		}
	}
	ns.Rules = compileRules(r.WorkflowRules)
	ns.Deleting = r.Deletion != nil && r.Deletion.RemoveAt == nil
	ns.RetentionShortened = r.RetentionShortened
	return ns
}
