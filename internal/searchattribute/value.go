package searchattribute

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
)

// Encodings of values, as SDKs name them in a payload's metadata.
const (
	encodingKey  = "encoding"
	encodingJSON = "json/plain"
	encodingNull = "binary/null"
)

// hasType reports whether a payload holds a value of the type, alone or in a list, or
// null or an empty list, which remove the attribute.
func hasType(value *commonpb.Payload, t Type) bool {
	switch string(value.GetMetadata()[encodingKey]) {
	case encodingNull:
		return true
	case encodingJSON:
	default:
		return false
	}
	switch t {
	case boolean:
		return decodes[bool](value.Data)
	case datetime:
		return decodes[time.Time](value.Data)
	case double:
		return decodes[float64](value.Data)
	case integer:
		return decodes[int64](value.Data)
	case keyword, text:
		return decodes[string](value.Data)
	case keywordList:
		return json.Unmarshal(value.Data, new([]string)) == nil
	}
	return false
}

// decodes reports whether JSON text is a T, a list of one T at most, or null.
func decodes[T any](data []byte) bool {
	if json.Unmarshal(data, new(*T)) == nil {
		return true
	}
	var list []T
	return json.Unmarshal(data, &list) == nil && len(list) <= 1
}

// maxShown is how many bytes of a value a refusal shows.
const maxShown = 1000

// show is a value as a refusal shows it.
func show(value *commonpb.Payload) string {
	text := fmt.Sprintf("value from <%s>", value.String())
	var decoded any
	if string(value.GetMetadata()[encodingKey]) == encodingJSON && json.Unmarshal(value.GetData(), &decoded) == nil {
		text = fmt.Sprint(decoded)
	}
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}

// Encode encodes a value as SDKs do: JSON that says its type.
func Encode(value any, t Type) *commonpb.Payload {
	data, err := json.Marshal(value)
	if err != nil {
		data = []byte("null") // not finite
	}
	return &commonpb.Payload{
		Metadata: map[string][]byte{encodingKey: []byte(encodingJSON), typeKey: []byte(t.String())},
		Data:     data,
	}
}
