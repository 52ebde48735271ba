// Command floor is a server that does as little as a server can: grpc-go, maps and
// channels. It has the RPCs that the benchmark's programs need, checks nothing, keeps
// nothing and loses everything. What it costs to drive it is what the API costs; the
// rest of what a real server costs is that server's own.
//
// With -sync it writes and syncs 4 KB before it answers what a server must not forget (a start, a signal, the end of a workflow
// task or an activity) and before a timer fires: the least that a durable server takes.
//
// It prints the address it listens on.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // the SDK compresses where the server understands it, as real ones do
)

func main() {
	dir := flag.String("sync", "", "directory to sync appends in; empty: none")
	flag.Parse()
	service := newService()
	if *dir != "" {
		var err error
		if service.log, err = openLog(*dir); err != nil {
			log.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, service)
	fmt.Println(listener.Addr())
	log.Fatal(server.Serve(listener))
}
