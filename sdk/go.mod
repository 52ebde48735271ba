module github.com/perdure/perdure/sdk

go 1.26.0

require (
	github.com/gogo/protobuf v1.3.2
	go.temporal.io/api v1.64.1
	google.golang.org/protobuf v1.36.12
)
