package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/workflow"
	"go.temporal.io/api/serviceerror"
)

func GreetWorkflow(ctx workflow.Context, name string) (string, error) {
	return "Hello, " + name, nil
}

func ExampleClient_ExecuteWorkflow() {
	c, err := client.Dial(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "greet-ann", TaskQueue: "greetings"}, GreetWorkflow, "Ann")
	if err != nil {
		log.Fatal(err)
	}
	var greeting string
	if err := run.Get(ctx, &greeting); err != nil {
		log.Fatal(err)
	}
	fmt.Println(greeting)
}

func ExampleWorkflowRun_errors() {
	c, err := client.NewLazyClient(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	err = c.GetWorkflow(context.Background(), "greet-ann", "").Get(context.Background(), nil)
	var appErr *temporal.ApplicationError
	var notFound *serviceerror.NotFound
	switch {
	case err == nil:
		fmt.Println("it completed")
	case errors.As(err, &notFound):
		fmt.Println("there is no such workflow")
	case temporal.IsTerminatedError(err):
		fmt.Println("someone terminated it")
	case errors.As(err, &appErr):
		fmt.Println("it failed:", appErr.Message())
	}
}

func ExampleNewAPIKeyDynamicCredentials() {
	var currentKey func() string // rotated by someone else

	c, err := client.Dial(client.Options{
		HostPort:  "eu-west-1.aws.api.temporal.io:7233",
		Namespace: "shop.a1b2c",
		Credentials: client.NewAPIKeyDynamicCredentials(func(context.Context) (string, error) {
			return currentKey(), nil
		}),
		ConnectionOptions: client.ConnectionOptions{TLS: &tls.Config{MinVersion: tls.VersionTLS13}},
	})
	if err != nil {
		log.Fatal(err)
	}
	c.Close()
}
