// Package cluster is many nodes on one store: who is there, who holds which shard,
// and how a shard gets from one node to another.
//
// There is no gossip and no election. Nodes renew a row each in the store they share
// (Directory), by the clock of the store; where a shard belongs follows from the rows of
// the nodes that are alive, and who may write to it from its lease, whose epoch the store
// checks with every write (storage.Store). So a node that was paused or cut off can be
// wrong about what it holds, and can still do no harm.
package cluster

import (
	"context"
	"time"
)

// NodeID names one run of a node: it is made anew, at random, whenever a process
// starts. The empty NodeID is nobody.
type NodeID string

// Node is what a node tells the others about itself, by its row in the directory.
type Node struct {
	ID NodeID
	// Name is what operators call it. Two nodes that are alive may not have the same.
	Name string
	// Address is the host:port where other nodes reach it.
	Address string
	// Version is its release, and Format the newest format of the store it can work with.
	Version string
	Format  int
	// Draining: it gives its shards away and takes no more.
	Draining bool
	// Shards is how many it holds, and Load how many processors it keeps busy.
	Shards int
	Load   float64
	// CutOff are the nodes that it has not reached of late. One that more than half of the others do not
	// reach gets no shards.
	CutOff []NodeID
	// Splits: it knows that the number of shards grows. Releases before that do not, and no shard is split while there is one.
	Splits bool
	// Changes is how often it has changed, since it was started, what all nodes look up. Who finds that it has grown
	// reads that anew.
	Changes int64

	// Started, Seen and Expires are set by the directory, by the clock of the store: when the row
	// was written first, and last, and until when the node is alive unless it is written again.
	Started, Seen, Expires time.Time
}

// Membership is what a directory knows at one time.
type Membership struct {
	// Now is the time of the store's clock.
	Now time.Time
	// Nodes are those that are alive, in the order of their ids.
	Nodes []Node
	// Holders say who has acquired each shard last, by the number of the shard; nobody, if
	// nobody has or the holder has released it. A holder need not be alive.
	Holders []NodeID
	// Wanted is how many shards there are to be (Directory.Want). If it is not more than there are, nothing is to be done.
	Wanted int
}

// Directory is where nodes find each other. The store they share implements it:
// storage/postgres in its tables, storage/memory for nodes in one process. A node opens
// the store for its id: what it acquires (storage.Store) and gives up (storage.Releaser)
// is what Membership.Holders tell. Package clustertest has the suite that every
// implementation must pass.
type Directory interface {
	// Renew writes the row of the node, which is alive for ttl from now on by the clock of
	// the store, and returns what the directory knows after that. It removes rows that have
	// been dead for long. It fails with ErrNameTaken if another node that is alive has the
	// name, and with ErrOusted if the row was there, has run out, and was removed: the node
	// must start again under a new id.
	Renew(ctx context.Context, node Node, ttl time.Duration) (Membership, error)
	// Leave removes the row of a node and its name from the shards it holds.
	Leave(ctx context.Context, id NodeID) error
	// Members returns what the directory knows, and changes nothing.
	Members(ctx context.Context) (Membership, error)
	// Drain asks a node to give its shards away, or takes that back: from then on its row
	// has Draining set, whatever it renews.
	Drain(ctx context.Context, id NodeID, drain bool) error
	// Want asks for so many shards, if as many as instead were asked for last (0: nobody has asked yet), or the same: else it fails
	// with ErrWanted. The nodes split shards until there are as many.
	Want(ctx context.Context, shards, instead int) error
}
