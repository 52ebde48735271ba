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
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
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

// dial connects for the examples below.
func dial() client.Client {
	c, err := client.NewLazyClient(client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func ExampleClient_SignalWithStartWorkflow() {
	c := dial()
	defer c.Close()

	// Whoever comes first starts the cart; the others find it.
	options := client.StartWorkflowOptions{TaskQueue: "carts"}
	run, err := c.SignalWithStartWorkflow(context.Background(), "cart-ann", "add", "tea", options, "Cart")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signaled", run.GetRunID())
}

func ExampleClient_QueryWorkflow() {
	c := dial()
	defer c.Close()

	answer, err := c.QueryWorkflow(context.Background(), "order-4711", "", "state")
	var failed *serviceerror.QueryFailed
	if errors.As(err, &failed) {
		log.Fatal("the workflow answers with an error: ", failed)
	}
	if err != nil {
		log.Fatal(err)
	}
	var state string
	if err := answer.Get(&state); err != nil {
		log.Fatal(err)
	}
	fmt.Println(state)
}

func ExampleClient_UpdateWorkflow() {
	c := dial()
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: "account-ann", UpdateName: "deposit", Args: []any{50},
		UpdateID:     "payment-4711", // sent again, it is the same update
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		log.Fatal(err) // it did not get so far
	}
	var balance int
	if err := handle.Get(ctx, &balance); err != nil {
		log.Fatal("rejected, or failed: ", err)
	}
	fmt.Println(balance)
}

func ExampleClient_ListWorkflow() {
	c := dial()
	defer c.Close()

	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = 'Order' AND ExecutionStatus = 'Failed' AND StartTime > '2026-01-01T00:00:00Z'",
	}
	for {
		page, err := c.ListWorkflow(context.Background(), request)
		if err != nil {
			log.Fatal(err)
		}
		for _, execution := range page.GetExecutions() {
			fmt.Println(execution.GetExecution().GetWorkflowId())
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return
		}
	}
}

func ExampleClient_ExecuteActivity() {
	c := dial()
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	handle, err := c.ExecuteActivity(ctx, client.StartActivityOptions{
		ID:                  "mail-4711",
		TaskQueue:           "mail",
		StartToCloseTimeout: 10 * time.Second,
	}, "SendMail", "ann@example.com")
	if err != nil {
		log.Fatal(err)
	}
	if err := handle.Get(ctx, nil); err != nil {
		log.Fatal(err)
	}
}

func ExampleScheduleClient() {
	c := dial()
	defer c.Close()
	ctx := context.Background()

	handle, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: "daily-report",
		Spec: client.ScheduleSpec{
			Calendars: []client.ScheduleCalendarSpec{{ // 8:30 on working days
				Hour:      []client.ScheduleRange{{Start: 8}},
				Minute:    []client.ScheduleRange{{Start: 30}},
				DayOfWeek: []client.ScheduleRange{{Start: 1, End: 5}},
			}},
			TimeZoneName: "Europe/Berlin",
		},
		Action: &client.ScheduleWorkflowAction{Workflow: "Report", TaskQueue: "reports"},
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		handle = c.ScheduleClient().GetHandle(ctx, "daily-report")
	} else if err != nil {
		log.Fatal(err)
	}
	if err := handle.Trigger(ctx, client.ScheduleTriggerOptions{}); err != nil {
		log.Fatal(err)
	}
}

func ExampleClient_GetWorkflowHistory() {
	c := dial()
	defer c.Close()

	events := c.GetWorkflowHistory(context.Background(), "order-4711", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.GetEventId(), event.GetEventType())
	}
}
