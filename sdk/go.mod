module github.com/perdure/perdure/sdk

go 1.26.0

require (
	github.com/gogo/protobuf v1.3.2
	go.temporal.io/api v1.64.1
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/nexus-rpc/sdk-go v0.7.0
	golang.org/x/sys v0.45.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260526163538-3dc84a4a5aaa // indirect
	google.golang.org/grpc v1.83.1 // indirect
)
