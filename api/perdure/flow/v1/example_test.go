package flowv1_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure"
	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
)

func Example() {
	ctx := context.Background()
	server, err := perdure.Start(ctx, perdure.Options{}) // or any connection to a server
	if err != nil {
		log.Fatal(err)
	}
	defer server.Stop(ctx)

	flows := flowv1.Client{Conn: server.ClientConn()}
	_, err = flows.SetPolicy(ctx, &flowv1.SetPolicyRequest{Namespace: "default", Policy: &flowv1.Policy{
		Name:         "one-import-each",
		Target:       flowv1.Target_TARGET_WORKFLOWS,
		WorkflowType: "Import",
		Key:          &flowv1.Key{By: &flowv1.Key_FairnessKey{FairnessKey: true}},
		MaxRunning:   proto.Int64(1),
	}})
	if err != nil {
		log.Fatal(err)
	}
	gate, err := flows.DescribeGate(ctx, &flowv1.DescribeGateRequest{Namespace: "default", Policy: "one-import-each", Key: "customer-17"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(gate.Running, "running,", gate.Waiting, "waiting, at most", gate.GetMaxRunning())
	// Output: 0 running, 0 waiting, at most 1
}
