package encoded

import (
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/sdk/converter"
)

// UserMetadata encodes what user interfaces show of something: a line and a text, each
// of which may be empty. It is nil if both are.
func UserMetadata(summary, details string, dc converter.DataConverter) (*sdkpb.UserMetadata, error) {
	if summary == "" && details == "" {
		return nil, nil
	}
	metadata := &sdkpb.UserMetadata{}
	var err error
	if summary != "" {
		if metadata.Summary, err = dc.ToPayload(summary); err != nil {
			return nil, err
		}
	}
	if details != "" {
		if metadata.Details, err = dc.ToPayload(details); err != nil {
			return nil, err
		}
	}
	return metadata, nil
}
