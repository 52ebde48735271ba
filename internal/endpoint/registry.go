package endpoint

import (
	"sync/atomic"

	"github.com/perdure/perdure/internal/records"
)

// Registry is what of the endpoints everybody may look up at any time, without waiting. It
// follows the endpoints of this process: a change is here when the call that has made it
// returns. A nil Registry has none.
type Registry struct{ current atomic.Pointer[snapshot] }

// snapshot is the endpoints at one time. It is never changed.
type snapshot struct {
	byID, byName map[string]*records.NexusEndpoint
}

func (r *Registry) load() *snapshot {
	if r == nil {
		return nil
	}
	return r.current.Load()
}

// ByID returns the endpoint with the id; nil if there is none. It must not be changed.
func (r *Registry) ByID(id string) *records.NexusEndpoint {
	if s := r.load(); s != nil {
		return s.byID[id]
	}
	return nil
}

// ByName returns the endpoint with the name; nil if there is none. It must not be changed.
func (r *Registry) ByName(name string) *records.NexusEndpoint {
	if s := r.load(); s != nil {
		return s.byName[name]
	}
	return nil
}

// Find returns the endpoint with the id or, if that has been deleted, the one that has its
// name now; nil if there is none.
func (r *Registry) Find(id, name string) *records.NexusEndpoint {
	if found := r.ByID(id); found != nil {
		return found
	}
	return r.ByName(name)
}

// snapshot is the endpoints as they are.
func (e *Endpoints) snapshot() *snapshot {
	s := &snapshot{byID: make(map[string]*records.NexusEndpoint, len(e.byID)), byName: make(map[string]*records.NexusEndpoint, len(e.byID))}
	for id, record := range e.byID {
		s.byID[id], s.byName[record.Spec.GetName()] = record, record
	}
	return s
}

// set makes the endpoints what can be looked up.
func (r *Registry) set(s *snapshot) {
	if r != nil {
		r.current.Store(s)
	}
}
