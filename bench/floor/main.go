// Command floor is a server that does as little as a server can: grpc-go, maps and
// channels. It has the RPCs that the benchmark's programs need, checks nothing, keeps
// nothing and loses everything. What it costs to drive it is what the API costs; the
// rest of what a real server costs is that server's own.
//
// It prints the address it listens on.
package main

import (
	"fmt"
	"log"
	"net"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // the SDK compresses where the server understands it, as real ones do
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, newService())
	fmt.Println(listener.Addr())
	log.Fatal(server.Serve(listener))
}
