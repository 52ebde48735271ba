package searchattribute

import (
	"encoding/json"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
)

// Encodings of values, as SDKs name them in a payload's metadata.
const (
	encodingKey  = "encoding"
	encodingJSON = "json/plain"
	encodingNull = "binary/null"
)

// checkValue checks that a payload holds a value of the type, alone or in a list,
// or null or an empty list, which remove the attribute.
func checkValue(value *commonpb.Payload, t Type) error {
	switch encoding := string(value.GetMetadata()[encodingKey]); encoding {
	case encodingNull:
		return nil
	case encodingJSON:
	default:
		return fmt.Errorf("encoding %q is not %s", encoding, encodingJSON)
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
		return decodesList[string](value.Data)
	}
	return fmt.Errorf("the type is not known")
}

// decodes checks that JSON text is a T, a list of one T at most, or null.
func decodes[T any](data []byte) error {
	var one *T
	err := json.Unmarshal(data, &one)
	if err == nil {
		return nil
	}
	var list []T
	if json.Unmarshal(data, &list) != nil {
		return err
	}
	if len(list) > 1 {
		return fmt.Errorf("it is a list of %d values", len(list))
	}
	return nil
}

func decodesList[T any](data []byte) error {
	var list []T
	return json.Unmarshal(data, &list)
}
