package flags

import (
	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/sdk/converter"
)

// EncodedMap encodes the values of a map, nil if it is empty.
func EncodedMap(values map[string]any) (map[string]*commonpb.Payload, error) {
	if len(values) == 0 {
		return nil, nil
	}
	encoded := make(map[string]*commonpb.Payload, len(values))
	for name, value := range values {
		payload, err := converter.GetDefaultDataConverter().ToPayload(value)
		if err != nil {
			return nil, err
		}
		encoded[name] = payload
	}
	return encoded, nil
}

// UserMetadata is what is said about a workflow for people, nil if nothing is.
func UserMetadata(summary, details string) (*sdkpb.UserMetadata, error) {
	metadata := &sdkpb.UserMetadata{}
	for text, target := range map[string]**commonpb.Payload{summary: &metadata.Summary, details: &metadata.Details} {
		if text == "" {
			continue
		}
		var err error
		if *target, err = converter.GetDefaultDataConverter().ToPayload(text); err != nil {
			return nil, err
		}
	}
	if metadata.Summary == nil && metadata.Details == nil {
		return nil, nil
	}
	return metadata, nil
}
