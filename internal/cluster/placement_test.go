package cluster

import (
	"slices"
	"testing"

	"github.com/perdure/perdure/internal/storage"
)

// A node gives up its shards when it is not sure of them any more, and cannot tell the directory. If they belong to
// another node by the time it is back, that one waits until they are released.
func TestAShardThatIsANodesInTheDirectoryOnlyIsTakenSoThatItCanBeReleased(t *testing.T) {
	m := Membership{Nodes: []Node{{ID: "a"}, {ID: "b"}}, Holders: []NodeID{"a", "a"}}
	placement := []NodeID{"b", "a"}
	next := plan("a", m, placement, false, func(storage.ShardID) bool { return false })
	if !slices.Equal(next.acquire, []storage.ShardID{0, 1}) || len(next.release) > 0 {
		t.Errorf("acquired are %v, released %v", next.acquire, next.release)
	}
	next = plan("a", m, placement, false, func(storage.ShardID) bool { return true })
	if len(next.acquire) > 0 || !slices.Equal(next.release["b"], []storage.ShardID{0}) {
		t.Errorf("then acquired are %v, released %v", next.acquire, next.release)
	}
}
