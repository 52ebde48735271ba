package peer

import (
	"context"
	"time"
)

// AllHaveRetained reports whether all other nodes that are alive have applied the retention to what they
// hold of the namespace.
func (n *Node) AllHaveRetained(ctx context.Context, namespaceID string, retention time.Duration) bool {
	req := &RetainedRequest{NamespaceId: namespaceID, RetentionNs: int64(retention)}
	for _, other := range n.member.View().Others() {
		resp := new(RetainedResponse)
		l, err := n.links.to(other)
		if err == nil {
			err = l.call(ctx, methodRetained, req, resp)
		}
		if err != nil || !resp.GetDone() {
			return false
		}
	}
	return true
}

func (n *Node) retained(_ context.Context, req *RetainedRequest) (*RetainedResponse, error) {
	done := n.options.Retained != nil && n.options.Retained(req.GetNamespaceId(), time.Duration(req.GetRetentionNs()))
	return &RetainedResponse{Done: done}, nil
}
