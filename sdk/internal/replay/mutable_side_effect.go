package replay

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// mutableSideEffects remember, by the id that the code gave, the values that
// were recorded and at which call, counted from 1, each was.
type mutableSideEffects struct {
	byID map[string]*mutableSideEffect
	// recorded has the marker ids of the task being replayed.
	recorded map[string]bool
}

type mutableSideEffect struct {
	calls  int
	values map[int]*commonpb.Payloads
}

func (s *mutableSideEffects) get(id string) *mutableSideEffect {
	e := s.byID[id]
	if e == nil {
		e = &mutableSideEffect{values: make(map[int]*commonpb.Payloads)}
		if s.byID == nil {
			s.byID = make(map[string]*mutableSideEffect)
		}
		s.byID[id] = e
	}
	return e
}

// current is the value in force at the present call, and forgets older ones.
func (e *mutableSideEffect) current() *commonpb.Payloads {
	latest := -1
	for call := range e.values {
		if call <= e.calls && call > latest {
			latest = call
		}
	}
	for call := range e.values {
		if call < latest {
			delete(e.values, call)
		}
	}
	return e.values[latest]
}

// MutableSideEffect returns the value recorded under id, unless f returns one
// that is different, which is recorded then. In replay f is not called.
func (m *Machine) MutableSideEffect(id string, metadata *sdkpb.UserMetadata, f func(current *commonpb.Payloads) (value *commonpb.Payloads, changed bool)) *commonpb.Payloads {
	e := m.mutable.get(id)
	e.calls++
	current := e.current()
	if m.replaying {
		if current == nil {
			panic(&NonDeterminismError{
				Problem:  "the workflow code has a mutable side effect that the history has not",
				Workflow: fmt.Sprintf("MutableSideEffect(%s)", id),
				site:     callers(),
			})
		}
		if m.mutable.recorded[m.mutableMarkerID(id)] {
			m.recordMutable(id, e, current, metadata)
		}
		return current
	}
	value, changed := f(current)
	if !changed {
		return current
	}
	m.recordMutable(id, e, value, metadata)
	return value
}

// mutableMarkerID tells apart the markers of several calls.
func (m *Machine) mutableMarkerID(id string) string { return id + "_" + m.nextID() }

func (m *Machine) recordMutable(id string, e *mutableSideEffect, value *commonpb.Payloads, metadata *sdkpb.UserMetadata) {
	e.values[e.calls] = value
	m.addMarker(markerMutableSideEffect, map[string]*commonpb.Payloads{
		detailSideEffectID:      m.encode(m.mutableMarkerID(id)),
		detailData:              m.encode(id, value),
		detailMutableCallNumber: m.encode(e.calls),
	}, nil, metadata)
}

func (m *Machine) loadMutableSideEffect(attributes *historypb.MarkerRecordedEventAttributes) error {
	var markerID, id string
	var value commonpb.Payloads
	if err := m.detail(attributes, detailSideEffectID, &markerID); err != nil {
		return err
	}
	if err := m.detail(attributes, detailData, &id, &value); err != nil {
		return err
	}
	e := m.mutable.get(id)
	call := e.calls
	if _, ok := attributes.GetDetails()[detailMutableCallNumber]; ok {
		if err := m.detail(attributes, detailMutableCallNumber, &call); err != nil {
			return err
		}
	}
	e.values[call] = &value
	if m.mutable.recorded == nil {
		m.mutable.recorded = make(map[string]bool)
	}
	m.mutable.recorded[markerID] = true
	return nil
}
