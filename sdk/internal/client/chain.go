package client

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/internal/header"
)

// outbound is the end of the chain of interceptors: it makes the calls. Its methods are
// in the files of what they are about.
type outbound struct{ *Client }

var _ ClientOutboundInterceptor = outbound{}

func (outbound) mustEmbedClientOutboundInterceptorBase() {}

// intercept builds the chain, the first interceptor outermost.
func (c *Client) intercept() {
	c.outbound = outbound{c}
	for n := len(c.interceptors) - 1; n >= 0; n-- {
		c.outbound = c.interceptors[n].InterceptClient(c.outbound)
	}
}

// outgoing is ctx with a new header, for interceptors to write in.
func (c *Client) outgoing(ctx context.Context) context.Context {
	if len(c.interceptors) == 0 {
		return header.WithoutFields(ctx)
	}
	return header.WithFields(ctx, make(map[string]*commonpb.Payload))
}
