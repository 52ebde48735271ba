package runchain

import (
	"go.temporal.io/api/serviceerror"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/records"
)

// Token is the token of a description of the run as it is now.
func (c *Chain[R]) Token(r R) []byte {
	return tokens.EncodeDescription(&records.DescriptionToken{
		NamespaceId: c.key.Namespace, ActivityId: c.key.ID,
		RunId: r.Record().GetRunId(), TransitionCount: r.Record().GetTransitionCount(),
	})
}

// News reports whether the run has changed since the description that the token is of; it
// has if there is no token. It fails with InvalidArgument if the token is of another run.
func (c *Chain[R]) News(r R, encoded []byte) (bool, error) {
	if len(encoded) == 0 {
		return true, nil
	}
	token, err := tokens.DecodeDescription(encoded)
	if err != nil {
		return false, err
	}
	if token.NamespaceId != c.key.Namespace || token.ActivityId != c.key.ID || token.RunId != r.Record().GetRunId() {
		return false, serviceerror.NewInvalidArgument("long poll token does not match execution")
	}
	return r.Record().GetTransitionCount() > token.TransitionCount, nil
}

// Changed reports whether the run is not the current one, or has changed since the
// description that the token is of. It may be called while others wait.
func (c *Chain[R]) Changed(runID string, since *records.DescriptionToken) bool {
	r, err := c.Known(runID)
	return err != nil || r.Record().GetTransitionCount() > since.GetTransitionCount()
}
