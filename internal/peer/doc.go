// Package peer is the way between the nodes of a cluster: a port of their own, which lets
// in nobody else, and what goes through it.
//
// Any node takes any call, and the node that holds the shard of what the call is about
// carries it out. The door (package frontend) forwards by the table of methods, so handlers
// work on shards that are here (Forwarder). Four things cross nodes inside:
//
//   - Messages of the outbox to entities elsewhere (Remote).
//   - Tasks to the home of their queue. The home of a queue is the node that holds the shard
//     of the queue's configuration, so it is found like any owner, and what is configured is
//     there. Polls are forwarded to it, but for those of sticky queues, which stay where they arrive:
//     tasks of theirs go there (sticky.go). Each node follows what becomes ready on each other
//     one (tasks.go, follow.go), and reads what it has missed in the store of all (source.go).
//     The polls of a queue that is hot stay where they arrive, too: its home hands tasks out to them (hot.go).
//   - The start of a task at its shard. The home of the queue hands the whole poll to the
//     node of the task, which answers it with that task (start.go).
//   - Queries to a worker, which wait at the home of the queue, and are answered from the
//     node that holds the workflow in the same way (query.go).
//
// What all nodes look up, such as namespaces, is read by all before the call that has changed it is answered (news.go).
//
// What a node knows of the others may be out of date for about a second. Who is asked for
// what he does not hold says so, having done nothing, and is asked again elsewhere when
// the directory has been read anew. Tasks that got lost meanwhile are in the store, and
// are read again whenever shards, followers or homes have changed: queues are views.
package peer

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --go_out=. --go_opt=paths=source_relative peer.proto"
