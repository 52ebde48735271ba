package storage

import "time"

// Observer is told of what a store writes, for metrics. It is called by the goroutine that writes
// and must not block.
type Observer interface {
	// Committed tells of a write that has joined the batches of many commits.
	Committed(Write)
}

// Write is one write of a store.
type Write struct {
	// Batches are the commits it has joined, Bytes their changes.
	Batches, Bytes int
	// Synced: it is on stable storage. Others are handed to the operating system.
	Synced bool
	// Took is how long the write has taken, its sync included.
	Took time.Duration
}
