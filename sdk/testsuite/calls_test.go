package testsuite_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/workflow"
)

// newForeign is a data converter that cannot read what others have written.
func newForeign() converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), foreignCodec{})
}

type foreignCodec struct{}

func (foreignCodec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	var encoded []*commonpb.Payload
	for _, p := range payloads {
		encoded = append(encoded, &commonpb.Payload{Metadata: map[string][]byte{"foreign": nil}, Data: p.GetData()})
	}
	return encoded, nil
}

func (foreignCodec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	var decoded []*commonpb.Payload
	for _, p := range payloads {
		if _, ok := p.GetMetadata()["foreign"]; !ok {
			return nil, errors.New("not written by the foreign converter")
		}
		decoded = append(decoded, &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)}, Data: p.GetData(),
		})
	}
	return decoded, nil
}

func TestAnActivityRunsWithTheDataConverterOfItsCall(t *testing.T) {
	env := newEnvironment()
	env.RegisterActivity(Greet)
	env.ExecuteWorkflow(func(ctx workflow.Context) (string, error) {
		var greeting string
		err := workflow.ExecuteActivity(workflow.WithDataConverter(activities(ctx), newForeign()), Greet, "you").Get(ctx, &greeting)
		return greeting, err
	})
	expect(t, result[string](t, env), "hello you")
}

func TestAChildRunsWithTheDataConverterOfItsCall(t *testing.T) {
	env := newEnvironment()
	env.RegisterActivity(Greet)
	env.RegisterWorkflow(Greeting)
	env.ExecuteWorkflow(func(ctx workflow.Context) (string, error) {
		var greeting string
		err := workflow.ExecuteChildWorkflow(workflow.WithDataConverter(ctx, newForeign()), Greeting, "you").Get(ctx, &greeting)
		return greeting, err
	})
	expect(t, result[string](t, env), "hello you")
}

func TestAChildWhoseIDIsTakenFailsAsAStartWould(t *testing.T) {
	env := newEnvironment()
	env.RegisterActivity(Greet)
	env.RegisterWorkflow(Greeting)
	env.ExecuteWorkflow(func(ctx workflow.Context) (bool, error) {
		ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: "taken", WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		})
		if err := workflow.ExecuteChildWorkflow(ctx, Greeting, "first").Get(ctx, nil); err != nil {
			return false, err
		}
		second := workflow.ExecuteChildWorkflow(ctx, Greeting, "second")
		_, ok := second.Get(ctx, nil).(*serviceerror.WorkflowExecutionAlreadyStarted)
		_, startOK := second.GetChildWorkflowExecution().Get(ctx, nil).(*serviceerror.WorkflowExecutionAlreadyStarted)
		return ok && startOK, nil
	})
	expect(t, result[bool](t, env), true)
}

func TestAServiceErrorOfAMockedChildReachesItsParent(t *testing.T) {
	env := newEnvironment()
	env.RegisterWorkflow(Greeting)
	env.OnWorkflow(Greeting, mock.Anything, mock.Anything).Return("", serviceerror.NewWorkflowExecutionAlreadyStarted("", "", "other-run"))
	env.ExecuteWorkflow(func(ctx workflow.Context) (string, error) {
		err := workflow.ExecuteChildWorkflow(ctx, Greeting, "you").Get(ctx, nil)
		started, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err)
		if !ok {
			return "", err
		}
		return started.RunId, nil
	})
	expect(t, result[string](t, env), "other-run")
}

func TestAnActivityThatIsCancelledBeforeItIsScheduledIsNotWaitedFor(t *testing.T) {
	env := newEnvironment()
	runs := 0
	env.RegisterActivity(Greet)
	env.OnActivity(Greet, mock.Anything, mock.Anything).Return(func(context.Context, string) (string, error) { runs++; return "", nil }).Maybe()
	env.ExecuteWorkflow(func(ctx workflow.Context) (bool, error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, WaitForCancellation: true})
		cancelled, cancel := workflow.WithCancel(ctx)
		cancel()
		_, bare := workflow.ExecuteActivity(cancelled, Greet, "you").Get(ctx, nil).(*temporal.CanceledError)
		return bare, nil
	})
	expect(t, result[bool](t, env), true)
	expect(t, runs, 0)
}

func TestTheArgumentOfAMockedExternalSignalIsEncoded(t *testing.T) {
	env := newEnvironment()
	env.OnSignalExternalWorkflow(mock.Anything, "other", "", "signal", mock.Anything).Return(nil).Maybe()
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		return workflow.SignalExternalWorkflow(ctx, "other", "", "signal", make(chan int)).Get(ctx, nil)
	})
	if err := env.GetWorkflowError(); err == nil {
		t.Fatal("a channel was sent with a signal")
	}
}
