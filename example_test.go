package perdure_test

import (
	"context"
	"fmt"
	"log"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure"
)

// A server in memory, inside the program, called without a port. A client of an
// SDK takes the same ClientConn; here it is the generated stubs.
func Example() {
	ctx := context.Background()
	server, err := perdure.Start(ctx, perdure.Options{Namespaces: []string{"orders"}})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()

	client := workflowservice.NewWorkflowServiceClient(server.ClientConn())
	started, err := client.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{
		Namespace:    "orders",
		WorkflowId:   "order-1",
		WorkflowType: &commonpb.WorkflowType{Name: "ProcessOrder"},
		TaskQueue:    &taskqueuepb.TaskQueue{Name: "orders"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(started.GetStatus())
	// Output: Running
}

// A server that keeps its data and can be reached by other programs, too.
func ExampleStart() {
	server, err := perdure.Start(context.Background(), perdure.Options{
		DataDir: "data",
		Listen:  "127.0.0.1:7233",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	log.Print("listening on ", server.Address())
}
