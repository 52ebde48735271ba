package workflow

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

func newSignal(g *command.Group) *cobra.Command {
	var selection command.Selection
	var name string
	var input flags.Input
	cmd := &cobra.Command{
		Use:   "signal",
		Short: "Send a signal to a workflow",
		Long: `Send a signal to a running workflow, or, with --query, to all workflows that it finds,
as a batch job.`,
		Example: `  perdure workflow signal order-17 --name approve --input '{"by": "ann"}'
  perdure workflow signal --query 'WorkflowType = "OrderWorkflow"' --name recheck --yes`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			payloads, err := input.Payloads(s.In)
			if err != nil {
				return err
			}
			return selection.Do(ctx, s, false, func(e *commonpb.WorkflowExecution) error {
				// The call of the SDK takes one argument only.
				_, err := s.WorkflowService().SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{
					Namespace: s.Namespace, WorkflowExecution: e, SignalName: name, Input: payloads,
					Identity: s.Identity, RequestId: uuid.NewString(),
				})
				if err != nil {
					return fmt.Errorf("signalling the workflow: %w", err)
				}
				s.Out.Printf("Signal workflow succeeded")
				return nil
			}, func(request *workflowservice.StartBatchOperationRequest) {
				request.Operation = &workflowservice.StartBatchOperationRequest_SignalOperation{
					SignalOperation: &batchpb.BatchOperationSignal{Signal: name, Input: payloads, Identity: s.Identity},
				}
			})
		}),
	}
	selection.AddTo(cmd)
	cmd.Flags().StringVar(&name, "name", "", "name of the signal (also --type); required")
	_ = cmd.MarkFlagRequired("name")
	flags.Alias(cmd.Flags(), map[string]string{"type": "name"})
	input.AddTo(cmd.Flags(), "", "signal")
	return cmd
}

func newSignalWithStart(g *command.Group) *cobra.Command {
	var f starting
	var signal string
	var signalInput flags.Input
	cmd := &cobra.Command{
		Use:   "signal-with-start",
		Short: "Send a signal to a workflow, which is started if it is not running",
		Long: `Send a signal to the workflow with the id, which is started first if it is not running:
both happens, or neither.`,
		Example: `  perdure workflow signal-with-start --workflow-id cart-17 --type CartWorkflow --task-queue carts \
      --signal-name add --signal-input '"shoes"'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if f.WorkflowID == "" {
				return flags.Usagef("--workflow-id is required")
			}
			request, err := f.signalWithStart(s)
			if err != nil {
				return err
			}
			request.SignalName = signal
			if request.SignalInput, err = signalInput.Payloads(s.In); err != nil {
				return err
			}
			// The call of the SDK takes one argument only.
			response, err := s.WorkflowService().SignalWithStartWorkflowExecution(ctx, request)
			if err != nil {
				return fmt.Errorf("signalling the workflow, or starting it: %w", err)
			}
			return s.Out.Show("Running execution:",
				output.F("WorkflowId", f.WorkflowID), output.F("RunId", response.GetRunId()),
				output.F("Type", f.Type), output.F("Namespace", s.Namespace))
		}),
	}
	f.addTo(cmd)
	cmd.Flags().StringVar(&signal, "signal-name", "", "name of the signal (also --signal-type); required")
	_ = cmd.MarkFlagRequired("signal-name")
	flags.Alias(cmd.Flags(), map[string]string{"signal-type": "signal-name"})
	signalInput.AddTo(cmd.Flags(), "signal-", "signal")
	return cmd
}

// signalWithStart is the request of a start, without its signal.
func (f *starting) signalWithStart(s *command.Session) (*workflowservice.SignalWithStartWorkflowExecutionRequest, error) {
	options, err := f.Options()
	if err != nil {
		return nil, err
	}
	input, err := f.input.Payloads(s.In)
	if err != nil {
		return nil, err
	}
	memo, err := flags.EncodedMap(options.Memo)
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 they are given without their types
	attributes, err := flags.EncodedMap(options.SearchAttributes)
	if err != nil {
		return nil, err
	}
	request := &workflowservice.SignalWithStartWorkflowExecutionRequest{
		Namespace:                s.Namespace,
		RequestId:                uuid.NewString(),
		WorkflowId:               f.WorkflowID,
		WorkflowType:             &commonpb.WorkflowType{Name: f.Type},
		TaskQueue:                &taskqueuepb.TaskQueue{Name: f.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Input:                    input,
		WorkflowExecutionTimeout: durationpb.New(options.WorkflowExecutionTimeout),
		WorkflowRunTimeout:       durationpb.New(options.WorkflowRunTimeout),
		WorkflowTaskTimeout:      durationpb.New(options.WorkflowTaskTimeout),
		WorkflowStartDelay:       durationpb.New(options.StartDelay),
		Identity:                 s.Identity,
		CronSchedule:             options.CronSchedule,
		WorkflowIdReusePolicy:    options.WorkflowIDReusePolicy,
		WorkflowIdConflictPolicy: options.WorkflowIDConflictPolicy,
		Priority: &commonpb.Priority{
			PriorityKey:    int32(options.Priority.PriorityKey),
			FairnessKey:    options.Priority.FairnessKey,
			FairnessWeight: options.Priority.FairnessWeight,
		},
	}
	if memo != nil {
		request.Memo = &commonpb.Memo{Fields: memo}
	}
	if attributes != nil {
		request.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: attributes}
	}
	request.UserMetadata, err = flags.UserMetadata(options.StaticSummary, options.StaticDetails)
	return request, err
}
