// Package records defines what Perdure writes to its store: the protobuf
// messages for workflow chains, runs, their pending items, dispatch tasks and
// outbox messages, and the tokens it hands to clients.
//
// The definitions are in records.proto. They use the messages of the public
// Temporal API, whose .proto files are not needed: protoc reads them from a
// descriptor set made from the Go bindings.
package records

//go:generate go run ./descriptors -o api.descriptors
//go:generate sh -c "protoc --descriptor_set_in=api.descriptors --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --go_out=. --go_opt=paths=source_relative -I. records.proto && rm api.descriptors"
