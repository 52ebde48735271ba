package memory

import (
	"testing"
	"time"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/cluster/clustertest"
)

func TestNodesShareADirectory(t *testing.T) {
	clustertest.Run(t, func(*testing.T) clustertest.Harness {
		store, ahead := New(4), time.Duration(0)
		return clustertest.Harness{
			Open: func(_ *testing.T, id cluster.NodeID) clustertest.Handle { return store.Node(id) },
			Pass: func(d time.Duration) {
				ahead += d
				store.SetClock(ahead)
			},
		}
	})
}
