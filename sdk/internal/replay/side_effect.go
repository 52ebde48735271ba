package replay

import (
	"fmt"
	"maps"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// sideEffects are numbered, from 1, through the whole run.
type sideEffects struct {
	count   int64
	results map[int64]*commonpb.Payloads // of the task being replayed
}

// SideEffect returns what f returns, and records it, or what f returned when
// the task was first run.
func (m *Machine) SideEffect(metadata *sdkpb.UserMetadata, f func() (*commonpb.Payloads, error)) (*commonpb.Payloads, error) {
	m.sideEffects.count++
	id := m.sideEffects.count
	var result *commonpb.Payloads
	if m.replaying {
		recorded, ok := m.sideEffects.results[id]
		if !ok {
			panic(&NonDeterminismError{
				Problem:  "the workflow code has a side effect that the history has not",
				Workflow: fmt.Sprintf("SideEffect(%d)", id),
				History:  fmt.Sprintf("side effects %v", slices.Sorted(maps.Keys(m.sideEffects.results))),
				site:     callers(),
			})
		}
		delete(m.sideEffects.results, id)
		result = recorded
	} else {
		var err error
		if result, err = f(); err != nil {
			return nil, err
		}
	}
	m.addMarker(markerSideEffect, map[string]*commonpb.Payloads{
		detailSideEffectID: m.encode(id),
		detailData:         result,
	}, nil, metadata)
	return result, nil
}

func (m *Machine) loadSideEffect(attributes *historypb.MarkerRecordedEventAttributes) error {
	var id int64
	if err := m.detail(attributes, detailSideEffectID, &id); err != nil {
		return err
	}
	result, ok := attributes.GetDetails()[detailData]
	if !ok {
		return fmt.Errorf("the marker has no detail %q", detailData)
	}
	if m.sideEffects.results == nil {
		m.sideEffects.results = make(map[int64]*commonpb.Payloads)
	}
	m.sideEffects.results[id] = result
	return nil
}
