package encoded

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
)

// Memo encodes a memo; nil stays nil. Values that dc does not take are left to the
// default converter, which had them all in older versions of the SDK.
func Memo(memo map[string]any, dc converter.DataConverter) (*commonpb.Memo, error) {
	if memo == nil {
		return nil, nil
	}
	fields := make(map[string]*commonpb.Payload, len(memo))
	for key, value := range memo {
		payload, err := dc.ToPayload(value)
		if err != nil {
			var fallbackErr error
			if payload, fallbackErr = converter.GetDefaultDataConverter().ToPayload(value); fallbackErr != nil {
				return nil, fmt.Errorf("encode workflow memo error: %w", err)
			}
		}
		fields[key] = payload
	}
	return &commonpb.Memo{Fields: fields}, nil
}
