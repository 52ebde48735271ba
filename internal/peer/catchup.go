package peer

import "context"

// CatchUpOthers has the other nodes bring what they know into the visibility index that all share. It returns
// when those that can be reached have, or the context ends.
func (n *Node) CatchUpOthers(ctx context.Context) {
	_ = source{n}.all(ctx, n.following.linked(), func(ctx context.Context, _ int, l *link) error {
		return l.call(ctx, methodCatchUp, new(Nothing), new(Nothing))
	})
}

func (n *Node) catchUp(ctx context.Context, _ *Nothing) (*Nothing, error) {
	if n.options.CatchUp == nil {
		return new(Nothing), nil
	}
	return new(Nothing), n.options.CatchUp(ctx)
}
