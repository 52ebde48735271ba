package deployment

import (
	"context"
	"fmt"
	"maps"
	"reflect"

	"github.com/perdure/perdure/internal/entity"
)

// Share has the registry of one of several nodes tell the others, by told, of the namespaces whose
// deployments were changed here, and read by peek, on Refresh, what was changed elsewhere. told must not block. It
// is to be called before the first step.
func (r *Registry) Share(peek Viewer, told func(namespaceID string)) { r.peek, r.told = peek, told }

// Refresh takes up what another node has changed of the deployments of a namespace. It does nothing to a
// registry that is not shared.
func (r *Registry) Refresh(ctx context.Context, namespaceID string) error {
	if r.peek == nil {
		return nil
	}
	err := r.peek.View(ctx, Key(namespaceID), func(e entity.Entity, _ entity.View) error {
		old := (*r.views.Load())[namespaceID]
		d := e.(*Deployments)
		if old == nil && len(d.deployments) == 0 {
			return nil
		}
		view := d.view(nil)
		changed := view.differences(old)
		if old == nil || len(changed) > 0 || !maps.Equal(old.draining, view.draining) {
			r.publish(namespaceID, view, changed)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the worker deployments of namespace %s: %w", namespaceID, err)
	}
	return nil
}

// differences are the queues whose routes are not the same in both views. The other may be nil.
func (v *View) differences(other *View) (queues []queueName) {
	var before map[queueName]*Routes
	if other != nil {
		before = other.queues
	}
	for name, routes := range v.queues {
		if !reflect.DeepEqual(routes, before[name]) {
			queues = append(queues, name)
		}
	}
	for name := range before {
		if v.queues[name] == nil {
			queues = append(queues, name)
		}
	}
	return queues
}

// Known are the namespaces of which deployments are known.
func (r *Registry) Known() (namespaceIDs []string) {
	for id := range *r.views.Load() {
		namespaceIDs = append(namespaceIDs, id)
	}
	return namespaceIDs
}

// LookAgain has the Drainer look at versions that drain, as they may have come to this node.
func (r *Registry) LookAgain() {
	select {
	case r.drains <- struct{}{}:
	default:
	}
}
