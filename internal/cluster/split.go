package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/perdure/perdure/internal/storage"
)

// As long as there are fewer shards than are asked for (Directory.Want), the next one is made: by the node that holds
// its parent, which finds that out as it finds out which shards to move. So there is one split at a time, and whoever takes
// the parent over from a node that has died begins anew. When a shard is there it is placed as any other.

// splitRest is how long a node rests after a split that has failed.
const splitRest = 2 * time.Second

// splits is the goroutine that splits shards.
func (m *Member) splits() {
	for {
		select {
		case <-m.splittable:
		case <-m.ctx.Done():
			return
		}
		parent, ok := m.nextSplit()
		if !ok {
			continue
		}
		if err := m.options.Shards.SplitShard(m.ctx, parent); err == nil {
			m.count(Moves{Acquired: 2, Split: 1})
			m.passOn()
			continue
		} else if m.ctx.Err() == nil {
			m.log.Error("A shard could not be split; it is tried again.", "shard", parent, "error", err)
		}
		select {
		case <-time.After(splitRest):
		case <-m.ctx.Done():
			return
		}
	}
}

// nextSplit is the shard that is to be split now, if that is for this node to do.
func (m *Member) nextSplit() (parent storage.ShardID, ok bool) {
	v := m.view.Load()
	if !m.Sure() || m.draining.Load() {
		return 0, false
	}
	parent, ok = v.NextSplit(m.options.Shards.Layout())
	return parent, ok && v.Holders[parent] == v.self && slices.Contains(m.options.Shards.Shards(), parent)
}

// passOn has the node look that holds the parent of the next shard.
func (m *Member) passOn() {
	m.Refresh(m.ctx)
	v := m.view.Load()
	parent, ok := v.NextSplit(m.options.Shards.Layout())
	if holder := v.Holder(parent); ok && holder != nil && holder.ID != v.self && m.options.Handed != nil {
		m.options.Handed(*holder)
	}
}

// NextSplit is the shard that is to be split next. ok is false if none is, or the layout is not that of the view, or there
// is a node that does not know of splits.
func (v *View) NextSplit(layout storage.Layout) (parent storage.ShardID, ok bool) {
	if layout.Shards() != len(v.Holders) || v.Wanted <= len(v.Holders) || len(v.Unable()) > 0 {
		return 0, false
	}
	return layout.Parent(storage.ShardID(len(v.Holders)))
}

// Unable are the names of the nodes whose releases do not know that the number of shards grows.
func (m *Membership) Unable() (names []string) {
	for i := range m.Nodes {
		if !m.Nodes[i].Splits {
			names = append(names, m.Nodes[i].Name)
		}
	}
	return names
}

// MaxShards is how many shards there may be at most.
const MaxShards = 4096

// ReshardError is why the number of shards that was asked for cannot be had. Argument: it never can.
type ReshardError struct {
	Argument bool
	reason   string
}

func (e *ReshardError) Error() string { return e.reason }

// Reshard asks the nodes for so many shards, or, to stop, for no more than there are, and returns how many there are and are
// to be. It is no error to ask for as many as are asked for already. A ReshardError says what is wrong with the number,
// or has to be done first.
func Reshard(ctx context.Context, d Directory, shards int, stop bool) (now, wanted int, err error) {
	m, err := d.Members(ctx)
	if err != nil {
		return 0, 0, err
	}
	now = len(m.Holders)
	if stop {
		shards = now
	}
	switch unable := m.Unable(); {
	case shards > MaxShards:
		return now, 0, &ReshardError{true, fmt.Sprintf("A store has %d shards at most.", MaxShards)}
	case shards < now:
		return now, 0, &ReshardError{true, fmt.Sprintf("There are %d shards, and nodes that run only make more of them. "+
			"For fewer, stop all nodes, copy the store to a directory ('perdure admin copy'), change it there ('perdure admin reshard'), and copy it back.", now)}
	case stop:
	case len(unable) > 0:
		return now, 0, &ReshardError{false, fmt.Sprintf("There are nodes of a release that does not know that shards are split: %s. "+
			"Bring them up to this release first.", strings.Join(unable, ", "))}
	case m.Wanted > now && m.Wanted != shards:
		return now, 0, errWanted(m.Wanted)
	}
	if m.Wanted <= now && shards == now {
		return now, now, nil
	}
	if err := d.Want(ctx, shards, m.Wanted); errors.Is(err, ErrWanted) {
		return now, 0, &ReshardError{false, "Somebody else has asked for another number of shards just now."}
	} else if err != nil {
		return now, 0, err
	}
	return now, shards, nil
}

func errWanted(wanted int) error {
	return &ReshardError{false, fmt.Sprintf("The nodes are on their way to %d shards. Wait until they are done, or stop it first.", wanted)}
}
