package peer

import (
	"context"
	"testing"

	"github.com/perdure/perdure/internal/cluster"
)

func TestANodeThatComesBackIsNoStranger(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // nobody is called
	f := following{node: &Node{ctx: ctx}}
	defer f.wait()
	a, b := &cluster.Node{ID: "a"}, &cluster.Node{ID: "b"}
	f.follow([]*cluster.Node{a, b})
	f.byID["a"].met.Store(true) // something has come from it
	f.follow(nil)
	f.follow([]*cluster.Node{a, b})
	if !f.byID["a"].met.Load() {
		t.Error("a node that has been heard is a stranger when it comes back, and may be silent for as long as one")
	}
	if f.byID["b"].met.Load() {
		t.Error("a node that has never been heard is none")
	}
}
