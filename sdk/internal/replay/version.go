package replay

import (
	"fmt"
	"maps"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
)

// DefaultVersion is the version of code that was run before GetVersion was put
// in.
const DefaultVersion = -1

// ChangeVersionAttribute is the search attribute that lists a run's versions.
const ChangeVersionAttribute = "TemporalChangeVersion"

// changeVersionLimit is the server's limit for the value of a search attribute,
// in bytes.
const changeVersionLimit = 2048

// versions are the versions in force, by change id.
type versions struct {
	byChange map[string]int
}

// VersionOptions is a call of GetVersion.
type VersionOptions struct {
	ChangeID string
	Min, Max int
	// Prefer chooses the version to record where the code is new. Nil for the greatest.
	Prefer func() int
	// EncodeAttribute encodes the values of the search attribute.
	EncodeAttribute func(values []string) (*commonpb.Payload, error)
	// Upsert asks for the update of the search attribute.
	Upsert func(*commonpb.Payload)
	// Warn tells that the search attribute could not be updated, and why.
	Warn func(error)
}

// Version returns the version of a change: the one recorded, or, where the code
// is new, the one preferred, by default the greatest that it supports, which is recorded then. In replay of
// a history that has none it is DefaultVersion.
func (m *Machine) Version(options VersionOptions) int {
	id := options.ChangeID
	version, known := m.versions.byChange[id]
	if !known {
		version = DefaultVersion
		if !m.replaying {
			version = options.Max
			if options.Prefer != nil {
				version = options.Prefer()
			}
			m.recordVersion(version, options)
		}
	}
	if version < options.Min {
		panic(&NonDeterminismError{
			Problem: fmt.Sprintf("Workflow code removed support of version %d for %q changeID. The oldest supported version is %d", version, id, options.Min),
			site:    callers(),
		})
	}
	if version > options.Max {
		panic(&NonDeterminismError{
			Problem: fmt.Sprintf("Workflow code is too old to support version %d for %q changeID. The maximum supported version is %d", version, id, options.Max),
			site:    callers(),
		})
	}
	m.setVersion(id, version)
	return version
}

func (m *Machine) recordVersion(version int, options VersionOptions) {
	values := []string{changeVersion(options.ChangeID, version)}
	for _, id := range slices.Sorted(maps.Keys(m.versions.byChange)) {
		values = append(values, changeVersion(id, m.versions.byChange[id]))
	}
	attribute, err := options.EncodeAttribute(values)
	if err != nil {
		options.Warn(err)
		return
	}
	update := true
	if m.UseFlag(FlagLimitChangeVersionSize) && len(attribute.GetData()) >= changeVersionLimit {
		options.Warn(fmt.Errorf("the value of search attribute %s would exceed %d bytes: visibility will not show %s",
			ChangeVersionAttribute, changeVersionLimit, values[0]))
		update = false
	}
	details := map[string]*commonpb.Payloads{
		detailChangeID: m.encode(options.ChangeID),
		detailVersion:  m.encode(version),
	}
	if !update {
		details[detailAttributeUpdated] = m.encode(false)
	}
	m.addMarker(markerVersion, details, nil, nil)
	if update {
		options.Upsert(attribute)
	}
}

func changeVersion(id string, version int) string { return fmt.Sprintf("%s-%d", id, version) }

func (m *Machine) setVersion(id string, version int) {
	if m.versions.byChange == nil {
		m.versions.byChange = make(map[string]int)
	}
	m.versions.byChange[id] = version
}

func (m *Machine) loadVersion(eventID int64, attributes *historypb.MarkerRecordedEventAttributes) error {
	var id string
	var version int
	updated := true
	if err := m.detail(attributes, detailChangeID, &id); err != nil {
		return err
	}
	if err := m.detail(attributes, detailVersion, &version); err != nil {
		return err
	}
	if _, ok := attributes.GetDetails()[detailAttributeUpdated]; ok {
		if err := m.detail(attributes, detailAttributeUpdated, &updated); err != nil {
			return err
		}
	}
	m.setVersion(id, version)
	if m.markers.versions == nil {
		m.markers.versions = make(map[int64]bool)
	}
	m.markers.versions[eventID] = updated
	return nil
}

// skipVersionMarkers passes over the events that GetVersion left: replay does
// not repeat its commands, but ids count them.
func (m *Machine) skipVersionMarkers() {
	for {
		updated, ok := m.markers.versions[m.nextEventID]
		if !ok {
			return
		}
		delete(m.markers.versions, m.nextEventID)
		m.nextEventID++
		if updated {
			m.nextEventID++
		}
	}
}
