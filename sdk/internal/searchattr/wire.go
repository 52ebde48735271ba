package searchattr

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/log"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
)

const (
	// metadataType is the metadata key under which a payload carries the attribute's
	// type.
	metadataType = "type"

	// ChangeVersion is the attribute in which workflows record the versions that
	// GetVersion gave them. Old servers return it without a type.
	ChangeVersion = "TemporalChangeVersion"
)

// Encode returns typed attributes as the API has them. An attribute whose value is
// nil is encoded as one to be unset.
//
// Search attributes are for the server to read, so they are always encoded by the
// default data converter, without codecs.
func Encode(attributes map[Key]any) (*commonpb.SearchAttributes, error) {
	if attributes == nil {
		return nil, nil
	}
	fields := make(map[string]*commonpb.Payload, len(attributes))
	for key, value := range attributes {
		payload, err := encodeValue(key.GetName(), value)
		if err != nil {
			return nil, err
		}
		if payload.GetData() != nil {
			payload.Metadata[metadataType] = []byte(key.GetValueType().String())
		}
		fields[key.GetName()] = payload
	}
	return &commonpb.SearchAttributes{IndexedFields: fields}, nil
}

// EncodeUntyped returns attributes whose type only the server knows as the API has
// them. A value that is a payload is taken as it is.
func EncodeUntyped(attributes map[string]any) (*commonpb.SearchAttributes, error) {
	if attributes == nil {
		return nil, nil
	}
	fields := make(map[string]*commonpb.Payload, len(attributes))
	for name, value := range attributes {
		if payload, ok := value.(*commonpb.Payload); ok {
			fields[name] = payload
			continue
		}
		payload, err := encodeValue(name, value)
		if err != nil {
			return nil, err
		}
		fields[name] = payload
	}
	return &commonpb.SearchAttributes{IndexedFields: fields}, nil
}

func encodeValue(name string, value any) (*commonpb.Payload, error) {
	payload, err := converter.GetDefaultDataConverter().ToPayload(value)
	if err != nil {
		return nil, fmt.Errorf("encode search attribute [%s] error: %w", name, err)
	}
	return payload, nil
}

// EncodeForStart returns the attributes of a new workflow, given either untyped or
// typed. Attributes that are nil are left out: there is nothing to unset yet.
func EncodeForStart(untyped map[string]any, typed SearchAttributes) (*commonpb.SearchAttributes, error) {
	var encoded *commonpb.SearchAttributes
	var err error
	switch {
	case untyped != nil && typed.Size() != 0:
		return nil, errors.New("cannot specify both SearchAttributes and TypedSearchAttributes")
	case untyped != nil:
		encoded, err = EncodeUntyped(untyped)
	case typed.Size() != 0:
		encoded, err = Encode(typed.GetUntypedValues())
	}
	if err != nil || len(encoded.GetIndexedFields()) == 0 {
		return encoded, err
	}
	for name, payload := range encoded.IndexedFields {
		if string(payload.GetMetadata()[converter.MetadataEncoding]) == converter.MetadataEncodingNil {
			delete(encoded.IndexedFields, name)
		}
	}
	if len(encoded.IndexedFields) == 0 {
		return nil, nil
	}
	return encoded, nil
}

// Decode returns the attributes of p. Those of a type that is not known, and those
// that do not decode into the type they say they have, are logged and left out.
func Decode(logger log.Logger, p *commonpb.SearchAttributes) SearchAttributes {
	if len(p.GetIndexedFields()) == 0 {
		return SearchAttributes{}
	}
	sa := SearchAttributes{values: make(map[Key]any, len(p.GetIndexedFields()))}
	for name, payload := range p.GetIndexedFields() {
		if payload.GetData() == nil {
			continue
		}
		valueType, _ := enumspb.IndexedValueTypeFromString(string(payload.GetMetadata()[metadataType]))
		if valueType == enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED && name == ChangeVersion {
			valueType = enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST
		}
		var key Key
		var value any
		var err error
		switch valueType {
		case enumspb.INDEXED_VALUE_TYPE_TEXT:
			key = NewString(name)
			value, err = decodeValue[string](payload)
		case enumspb.INDEXED_VALUE_TYPE_KEYWORD:
			key = NewKeyword(name)
			value, err = decodeValue[string](payload)
		case enumspb.INDEXED_VALUE_TYPE_BOOL:
			key = NewBool(name)
			value, err = decodeValue[bool](payload)
		case enumspb.INDEXED_VALUE_TYPE_INT:
			key = NewInt64(name)
			value, err = decodeValue[int64](payload)
		case enumspb.INDEXED_VALUE_TYPE_DOUBLE:
			key = NewFloat64(name)
			value, err = decodeValue[float64](payload)
		case enumspb.INDEXED_VALUE_TYPE_DATETIME:
			key = NewTime(name)
			value, err = decodeValue[time.Time](payload)
		case enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST:
			key = NewKeywordList(name)
			value, err = decodeValue[[]string](payload)
		default:
			logger.Warn("Unrecognized indexed value type on search attribute key", "key", name, "type", valueType)
			continue
		}
		if err != nil {
			logger.Warn("Search attribute does not have the type it claims", "key", name, "type", valueType, logtag.Error, err)
			continue
		}
		sa.values[key] = value
	}
	return sa
}

func decodeValue[T any](payload *commonpb.Payload) (any, error) {
	var value T
	err := converter.GetDefaultDataConverter().FromPayload(payload, &value)
	return value, err
}
