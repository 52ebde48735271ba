package temporalnexus

import (
	"context"
	"maps"

	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"

	internalclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/log"
)

// headerOperationID is where servers before 1.27.0 look for the token.
const headerOperationID = "nexus-operation-id"

// errNotInOperation is for calls outside of a Nexus operation.
func errNotInOperation() error {
	return nexus.NewHandlerErrorf(nexus.HandlerErrorTypeInternal, "internal error")
}

// nexusStart is what an operation's request adds to the start of what carries it out.
func nexusStart(ctx context.Context, options nexus.StartOperationOptions, token string) (*internalclient.NexusStart, error) {
	links, err := commonLinks(options.Links, GetLogger(ctx))
	if err != nil {
		return nil, &nexus.HandlerError{Type: nexus.HandlerErrorTypeBadRequest, Message: "could not convert links", Cause: err}
	}
	start := &internalclient.NexusStart{RequestID: options.RequestID, Links: links}
	if options.CallbackURL != "" {
		header := maps.Clone(options.CallbackHeader)
		if header == nil {
			header = nexus.Header{}
		}
		header.Set(headerOperationID, token)
		header.Set(nexus.HeaderOperationToken, token)
		start.Callbacks = []*commonpb.Callback{{
			Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: options.CallbackURL, Header: header}},
			Links:   links,
		}}
	}
	return start, nil
}

// commonLinks are links as the server's API has them. Those of an unknown kind are left out: what
// an operation does never depends on links.
func commonLinks(links []nexus.Link, logger log.Logger) ([]*commonpb.Link, error) {
	var converted []*commonpb.Link
	for _, link := range links {
		decode, ok := linkDecoders[link.Type]
		if !ok {
			logger.Warn("ignoring unsupported link data type", "LinkType", link.Type)
			continue
		}
		c, err := decode(link)
		if err != nil {
			return nil, err
		}
		converted = append(converted, c)
	}
	return converted, nil
}
