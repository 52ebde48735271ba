// Package records defines what Perdure writes to its store, as protobuf messages:
//
//   - workflow.proto: workflow chains, runs, and what is pending in them
//   - activity.proto: activities without a workflow
//   - message.proto: messages to workflow chains, and answers
//   - schedule.proto: schedules
//   - deployment.proto: worker deployments, and by which versions workflows are run
//   - visibility.proto: what lists of workflows know of each run
//   - callback.proto: completion callbacks on their way
//   - batch.proto: batch operations
//   - nexus.proto: Nexus operations
//   - flow.proto: flow control
//   - queue.proto: tasks that are ready for workers
//   - namespace.proto: namespaces, and the Nexus endpoints of all of them
//   - token.proto: the tokens that clients and workers hand back
//
// The definitions use the messages of the public Temporal API, whose .proto files
// are not needed: protoc reads them from a descriptor set made from the Go
// bindings.
//
// From the first release on, fields are only ever added, and numbers are never
// used again.
package records

//go:generate go run ./descriptors -o api.descriptors
//go:generate sh -c "protoc --descriptor_set_in=api.descriptors --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --go_out=.. --go_opt=paths=source_relative -I.. ../records/*.proto && rm api.descriptors"
