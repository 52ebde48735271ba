package flow

import (
	"fmt"

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

// PreferredVersionProvider chooses the version that GetVersion records where a run first
// comes by. Nil stands for the greatest. It has to be quick, and is not asked in replay.
type PreferredVersionProvider func(PreferredVersionProviderInput) *VersionPreference

// PreferredVersionProviderInput is what a PreferredVersionProvider is asked about.
type PreferredVersionProviderInput struct {
	// WorkflowInfo is about the run.
	WorkflowInfo *WorkflowInfo
	// ChangeID, MinSupported and MaxSupported are the arguments of GetVersion.
	ChangeID     string
	MinSupported Version
	MaxSupported Version
}

// VersionPreference is what a PreferredVersionProvider prefers.
type VersionPreference struct {
	// Version to record.
	Version Version
	// ClampToSupportedRange takes the nearest supported version if Version is not
	// supported, which fails the workflow task otherwise.
	ClampToSupportedRange bool
}

// preferredVersion is what chooses the version of a change, nil for the greatest.
func (r *run) preferredVersion(changeID string, minSupported, maxSupported Version) func() int {
	provider := r.options.PreferredVersion
	if provider == nil {
		return nil
	}
	return func() int {
		preference := provider(PreferredVersionProviderInput{
			WorkflowInfo: r.info, ChangeID: changeID, MinSupported: minSupported, MaxSupported: maxSupported,
		})
		switch {
		case preference == nil:
			return int(maxSupported)
		case preference.ClampToSupportedRange:
			return int(min(max(preference.Version, minSupported), maxSupported))
		case preference.Version < minSupported || preference.Version > maxSupported:
			panic(fmt.Sprintf("[TMPRL1100] Preferred version %v for %q change ID is not supported. Supported versions are between %v and %v.",
				preference.Version, changeID, minSupported, maxSupported))
		}
		return int(preference.Version)
	}
}

func (o outbound) GetVersion(_ Context, changeID string, minSupported, maxSupported Version) Version {
	r := o.mutable()
	return Version(r.machine.Version(replay.VersionOptions{
		Prefer:   r.preferredVersion(changeID, minSupported, maxSupported),
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
			r.log().Warn("Search attribute "+replay.ChangeVersionAttribute+" is not updated.", logtag.Error, err)
		},
	}))
}
