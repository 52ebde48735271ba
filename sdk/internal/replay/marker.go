package replay

import (
	"errors"
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// The names of markers, and of their details, are part of the wire format.
const (
	markerSideEffect        = "SideEffect"
	markerMutableSideEffect = "MutableSideEffect"
	markerVersion           = "Version"
	markerLocalActivity     = "LocalActivity"

	detailSideEffectID      = "side-effect-id"
	detailData              = "data"
	detailResult            = "result"
	detailChangeID          = "change-id"
	detailVersion           = "version"
	detailAttributeUpdated  = "version-search-attribute-updated"
	detailMutableCallNumber = "mutable-side-effect-call-counter"
)

// markerIndex is where GetVersion left markers in the task being replayed: by
// event id, whether the event after the marker updates the search attribute.
type markerIndex struct{ versions map[int64]bool }

// addMarker asks for a marker.
func (m *Machine) addMarker(name string, details map[string]*commonpb.Payloads, failure *failurepb.Failure, metadata *sdkpb.UserMetadata) {
	m.add(&commandpb.Command{
		CommandType:  enumspb.COMMAND_TYPE_RECORD_MARKER,
		UserMetadata: metadata,
		Attributes: &commandpb.Command_RecordMarkerCommandAttributes{
			RecordMarkerCommandAttributes: &commandpb.RecordMarkerCommandAttributes{MarkerName: name, Details: details, Failure: failure},
		},
	}, nil)
}

// preloadMarkers takes in what the task about to be replayed recorded, so that
// the code finds it when it asks. Local activities are different: their
// markers end a wait, so they come after the task's other events.
func (m *Machine) preloadMarkers(following *segment) error {
	if following == nil {
		return nil
	}
	for _, event := range following.markers {
		attributes := event.GetMarkerRecordedEventAttributes()
		var err error
		switch name := attributes.GetMarkerName(); name {
		case markerSideEffect:
			err = m.loadSideEffect(attributes)
		case markerMutableSideEffect:
			err = m.loadMutableSideEffect(attributes)
		case markerVersion:
			err = m.loadVersion(event.GetEventId(), attributes)
		case markerLocalActivity:
		default:
			err = errors.New("unknown marker name")
		}
		if err != nil {
			return fmt.Errorf("marker %q of event %d: %w", attributes.GetMarkerName(), event.GetEventId(), err)
		}
	}
	return nil
}

// detail decodes one detail of a marker.
func (m *Machine) detail(attributes *historypb.MarkerRecordedEventAttributes, key string, valuePtrs ...any) error {
	payloads, ok := attributes.GetDetails()[key]
	if !ok {
		return fmt.Errorf("the marker has no detail %q", key)
	}
	if err := m.options.Converter.FromPayloads(payloads, valuePtrs...); err != nil {
		return fmt.Errorf("decoding the marker's detail %q: %w", key, err)
	}
	return nil
}

// encode is for values that every data converter encodes.
func (m *Machine) encode(values ...any) *commonpb.Payloads {
	payloads, err := m.options.Converter.ToPayloads(values...)
	if err != nil {
		panic(fmt.Errorf("encoding a marker: %w", err))
	}
	return payloads
}
