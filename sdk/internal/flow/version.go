package flow

import (
	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/replay"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

// Version is a version of a piece of workflow code.
type Version int

// DefaultVersion is the version of code from before GetVersion was put in.
const DefaultVersion Version = replay.DefaultVersion

// GetVersion lets workflow code change without breaking runs that began before
// the change. It returns maxSupported where a run first comes by, and records
// that; a run that came by before the change gets DefaultVersion, one that came
// by at an earlier change gets what was recorded then. A run whose version is
// less than minSupported fails its workflow task.
func GetVersion(ctx Context, changeID string, minSupported, maxSupported Version) Version {
	return mutableCalls(ctx).GetVersion(ctx, changeID, minSupported, maxSupported)
}

func (o outbound) GetVersion(_ Context, changeID string, minSupported, maxSupported Version) Version {
	r := o.mutable()
	return Version(r.machine.Version(replay.VersionOptions{
		ChangeID: changeID,
		Min:      int(minSupported),
		Max:      int(maxSupported),
		EncodeAttribute: func(values []string) (*commonpb.Payload, error) {
			attributes, err := searchattr.EncodeUntyped(map[string]any{replay.ChangeVersionAttribute: values})
			return attributes.GetIndexedFields()[replay.ChangeVersionAttribute], err
		},
		Upsert: func(value *commonpb.Payload) {
			r.upsertSearchAttributes(&commonpb.SearchAttributes{
				IndexedFields: map[string]*commonpb.Payload{replay.ChangeVersionAttribute: value},
			})
		},
		Warn: func(err error) {
			r.logger.Warn("Search attribute "+replay.ChangeVersionAttribute+" is not updated.", logtag.Error, err)
		},
	}))
}
