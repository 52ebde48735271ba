package nexus

import (
	"time"

	"github.com/perdure/perdure/internal/dynamicconfig"
)

// Settings are those of calls on behalf of a namespace.
type Settings struct {
	// CallTimeout is how long one call may take, MinCallTimeout how much time there has to be
	// for one.
	CallTimeout, MinCallTimeout time.Duration
	// CallbackURL is the template of the URL by which other servers report the end of
	// operations; "unset": there is none.
	CallbackURL string
	// SystemCallback has workers report by SystemCallback; else by CallbackURL, too.
	SystemCallback bool
	// TokenLength and Blob are the most bytes of the token of an operation, and of a result.
	TokenLength, Blob int
	Retry             RetryPolicy
}

// ReadSettings are those that a configuration has for the namespace with the name.
func ReadSettings(c *dynamicconfig.Config, namespace string) *Settings {
	return &Settings{
		CallTimeout:    dynamicconfig.NexusCallTimeout.Get(c, namespace),
		MinCallTimeout: dynamicconfig.NexusMinCallTimeout.Get(c, namespace),
		CallbackURL:    dynamicconfig.NexusCallbackURL.Get(c),
		SystemCallback: dynamicconfig.NexusSystemCallback.Get(c),
		TokenLength:    dynamicconfig.NexusOperationToken.Get(c, namespace),
		Blob:           dynamicconfig.BlobSize.Get(c, namespace),
		Retry:          RetryPolicy{First: dynamicconfig.NexusFirstRest.Get(c), Most: dynamicconfig.NexusMostRest.Get(c)},
	}
}
