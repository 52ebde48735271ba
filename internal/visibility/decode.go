package visibility

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/searchattribute"
)

// DivisionAttribute is the search attribute that says in which division of its namespace
// a row is.
const DivisionAttribute = "TemporalNamespaceDivision"

// buildIDsAttribute lists the builds of workers that have made progress of a run.
const buildIDsAttribute = "BuildIds"

// Types returns the types of the custom search attributes of the namespace with the id, by
// name.
type Types func(namespace string) map[string]searchattribute.Type

// DecodeChange decodes a row as it is in the change log; row is nil if it is removed.
func DecodeChange(namespace, id string, row []byte, types Types) (Change, error) {
	c := Change{Namespace: namespace, ID: id}
	if row == nil {
		return c, nil
	}
	c.Row = new(records.WorkflowRow)
	if err := proto.Unmarshal(row, c.Row); err != nil {
		return c, fmt.Errorf("visibility: decoding row %s of namespace %s: %w", id, namespace, err)
	}
	c.Division, c.Attributes = attributesOf(c.Row, types(namespace))
	return c, nil
}

// attributesOf decodes the search attributes of a row. Values that cannot be decoded
// are left out: they have been checked when they were set.
func attributesOf(row *records.WorkflowRow, custom map[string]searchattribute.Type) (division *string, attributes []Attribute) {
	fields := row.SearchAttributes.GetIndexedFields()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		payload := fields[name]
		t, ok := typeOf(name, payload, custom)
		if !ok {
			continue
		}
		values, err := decodeValues(payload, t)
		if err != nil || len(values) == 0 {
			continue
		}
		if name == DivisionAttribute {
			value := values[0].(string)
			division = &value
			continue
		}
		attributes = append(attributes, Attribute{name, t, values})
	}
	if len(row.BuildIds) > 0 && fields[buildIDsAttribute] == nil {
		attributes = append(attributes, Attribute{buildIDsAttribute, enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST, buildIDs(row)})
	}
	return division, attributes
}

// typeOf is the type of the attribute with the name, or, if there is none by now, the
// one its value had.
func typeOf(name string, payload *commonpb.Payload, custom map[string]searchattribute.Type) (searchattribute.Type, bool) {
	if t, ok := searchattribute.TypeOf(name, custom); ok {
		return t, true
	}
	t, err := enumspb.IndexedValueTypeFromString(string(payload.GetMetadata()["type"]))
	return t, err == nil && t != enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED
}

// buildIDs are the builds as the Temporal server says them of workers that are not
// versioned.
func buildIDs(row *records.WorkflowRow) []any {
	ids := []any{"unversioned"}
	for _, id := range row.BuildIds {
		ids = append(ids, "unversioned:"+id)
	}
	return ids
}

// decodeValues decodes the JSON of an attribute's value. None: it has none.
func decodeValues(payload *commonpb.Payload, t searchattribute.Type) ([]any, error) {
	if string(payload.GetMetadata()["encoding"]) != "json/plain" {
		return nil, nil
	}
	switch t {
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST:
		return decodeJSON[string](payload.Data, true)
	case enumspb.INDEXED_VALUE_TYPE_KEYWORD, enumspb.INDEXED_VALUE_TYPE_TEXT:
		return decodeJSON[string](payload.Data, false)
	case enumspb.INDEXED_VALUE_TYPE_INT:
		return decodeJSON[int64](payload.Data, false)
	case enumspb.INDEXED_VALUE_TYPE_DOUBLE:
		return decodeJSON[float64](payload.Data, false)
	case enumspb.INDEXED_VALUE_TYPE_BOOL:
		return decodeJSON[bool](payload.Data, false)
	case enumspb.INDEXED_VALUE_TYPE_DATETIME:
		return decodeJSON[time.Time](payload.Data, false)
	}
	return nil, fmt.Errorf("visibility: attributes have no type %v", t)
}

// decodeJSON decodes one value, a list, or null; the first value of a list if the
// attribute is none.
func decodeJSON[T any](data []byte, list bool) ([]any, error) {
	var one *T
	if json.Unmarshal(data, &one) == nil {
		if one == nil {
			return nil, nil
		}
		return []any{*one}, nil
	}
	var several []T
	if err := json.Unmarshal(data, &several); err != nil {
		return nil, err
	}
	if len(several) > 1 && !list {
		several = several[:1]
	}
	values := make([]any, len(several))
	for i, value := range several {
		values[i] = value
	}
	return values, nil
}
