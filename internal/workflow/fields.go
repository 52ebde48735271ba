package workflow

import (
	"maps"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Memos and search attributes are maps of payloads, in which a null value stands for
// nothing, and in a change for the removal of the field.

// withoutNil drops null values: in a memo they stand for nothing. A memo with nothing
// in it is none.
func withoutNil(memo *commonpb.Memo) *commonpb.Memo {
	fields, changed := nonNil(memo.GetFields())
	switch {
	case len(fields) == 0:
		return nil
	case changed:
		return &commonpb.Memo{Fields: fields}
	}
	return memo
}

// withoutNilAttributes is withoutNil for search attributes.
func withoutNilAttributes(attributes *commonpb.SearchAttributes) *commonpb.SearchAttributes {
	fields, changed := nonNil(attributes.GetIndexedFields())
	switch {
	case len(fields) == 0:
		return nil
	case changed:
		return &commonpb.SearchAttributes{IndexedFields: fields}
	}
	return attributes
}

func nonNil(fields map[string]*commonpb.Payload) (kept map[string]*commonpb.Payload, changed bool) {
	for _, v := range fields {
		if isNilPayload(v) {
			changed = true
		}
	}
	if !changed {
		return fields, false
	}
	kept = make(map[string]*commonpb.Payload, len(fields))
	for k, v := range fields {
		if !isNilPayload(v) {
			kept[k] = v
		}
	}
	return kept, true
}

// isNilPayload reports whether the payload is the encoding of nil, or of an
// empty list, by which clients ask to remove a field.
func isNilPayload(p *commonpb.Payload) bool {
	switch string(p.GetMetadata()["encoding"]) {
	case "binary/null":
		return true
	case "json/plain":
		return string(p.GetData()) == "null" || string(p.GetData()) == "[]"
	}
	return p == nil || len(p.GetData()) == 0 && len(p.GetMetadata()) == 0
}

// copyFields is a copy of a map, and never nil.
func copyFields(fields map[string]*commonpb.Payload) map[string]*commonpb.Payload {
	if fields == nil {
		return make(map[string]*commonpb.Payload)
	}
	return maps.Clone(fields)
}

// mergeFields makes changes to the fields of a memo or the search attributes; a nil
// value removes a field.
func mergeFields(fields, changes map[string]*commonpb.Payload) {
	for name, value := range changes {
		if isNilPayload(value) {
			delete(fields, name)
		} else {
			fields[name] = value
		}
	}
}

// mergedFields are the fields of a memo, or the search attributes, of a run, with
// the changes made to them by one command after the other. A batch may have very
// many commands: each costs what it changes.
type mergedFields struct {
	fields map[string]*commonpb.Payload // nil before the first change
	size   int                          // bytes of the fields, encoded
}

// merge makes changes, to the run's own fields if they are the first; a nil
// value removes a field. It returns the result, which belongs to m. The arguments
// may be part of events and are left alone.
func (m *mergedFields) merge(own, changes map[string]*commonpb.Payload) map[string]*commonpb.Payload {
	if m.fields == nil {
		m.fields = make(map[string]*commonpb.Payload, len(own)+len(changes))
		for name, value := range own {
			m.set(name, value)
		}
	}
	for name, value := range changes {
		m.set(name, value)
	}
	return m.fields
}

func (m *mergedFields) set(name string, value *commonpb.Payload) {
	if old, ok := m.fields[name]; ok {
		m.size -= entrySize(name, old)
	}
	if isNilPayload(value) {
		delete(m.fields, name)
		return
	}
	m.fields[name] = value
	m.size += entrySize(name, value)
}

// dataSize is how many bytes of names and data the fields have, by which the change of a
// memo or of search attributes is measured.
func dataSize(fields map[string]*commonpb.Payload) (size int) {
	for name, value := range fields {
		size += len(name) + len(value.GetData())
	}
	return size
}

// entrySize is the encoded size of one entry of a map of payloads whose field
// number is below 16.
func entrySize(name string, value *commonpb.Payload) int {
	const tag = 1
	entry := tag + protowire.SizeBytes(len(name)) + tag + protowire.SizeBytes(proto.Size(value))
	return tag + protowire.SizeBytes(entry)
}
