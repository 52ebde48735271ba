package peer

import (
	"time"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// refreshRest is how long a node rests before it reads the backlogs anew again. All of what is held is read, and shards
// come one after the other when a node takes over what another one had.
const refreshRest = 200 * time.Millisecond

// watch is the goroutine that follows what the others do.
func (n *Node) watch() {
	last := make(map[storage.ShardID]cluster.NodeID)
	offered := uint64(0)
	for {
		select {
		case <-n.changed:
			v := n.member.View()
			n.links.keep(v)
			n.following.follow(v.Others())
			n.dismiss(v)
			// If nothing was offered since the last view, nothing was offered to who is not the home any more.
			if now := n.offered.Load(); now != offered {
				offered = now
				n.followers.gained(v, last)
			}
			for shard, holder := range v.Holders {
				last[storage.ShardID(shard)] = holder
			}
			n.unload()
			n.movedBranches(v)
			if n.options.Changed != nil {
				n.options.Changed(v)
			}
		case <-n.moved:
			n.unload()
		case <-n.refresh:
			n.matching.Refresh()
			select { // those who come at the same time are one
			case <-time.After(refreshRest):
			case <-n.ctx.Done():
				return
			}
		case <-n.ctx.Done():
			return
		}
	}
}

// unload forgets the queues that are at home elsewhere.
func (n *Node) unload() {
	n.matching.Unload(func(queue entity.Queue) bool { return !internal(queue) && !n.runtime.Holds(homeKey(queue)) })
	n.coolStrangers()
}
