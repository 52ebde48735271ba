package workflow

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
)

// querying are the flags of a query of a workflow.
type querying struct {
	flags.Execution
	reject *flags.Enum
}

func (q *querying) addTo(cmd *cobra.Command) {
	q.Execution.AddTo(cmd)
	q.reject = flags.NewEnum("", "not_open", "not_completed_cleanly")
	cmd.Flags().Var(q.reject, "reject-condition", "states of the workflow in which the query is refused: "+q.reject.Choices())
}

// ask sends the query and prints the whole answer if JSON is wanted.
func (q *querying) ask(ctx context.Context, s *command.Session, name string, args *commonpb.Payloads) (*commonpb.Payloads, error) {
	conditions := map[string]enumspb.QueryRejectCondition{
		"not_open":              enumspb.QUERY_REJECT_CONDITION_NOT_OPEN,
		"not_completed_cleanly": enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY,
	}
	response, err := s.WorkflowService().QueryWorkflow(ctx, &workflowservice.QueryWorkflowRequest{
		Namespace:            s.Namespace,
		Execution:            q.Proto(),
		Query:                &querypb.WorkflowQuery{QueryType: name, QueryArgs: args},
		QueryRejectCondition: conditions[q.reject.Value()],
	})
	if err != nil {
		return nil, fmt.Errorf("querying the workflow: %w", err)
	}
	if rejected := response.GetQueryRejected(); rejected != nil {
		return nil, fmt.Errorf("the query was rejected because the workflow is %v", rejected.GetStatus())
	}
	return response.GetQueryResult(), s.Out.Value(response)
}

func newQuery(g *command.Group) *cobra.Command {
	var q querying
	var name string
	var input flags.Input
	cmd := &cobra.Command{
		Use:   "query",
		Short: "Ask a workflow for something it knows",
		Long: `Send a query to a workflow, running or closed, and show the answer. A worker has to be
there that can answer.`,
		Example: `  perdure workflow query order-17 --name status
  perdure workflow query order-17 --name price --input '{"currency": "EUR"}' --output json`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			args, err := input.Payloads(s.In)
			if err != nil {
				return err
			}
			answer, err := q.ask(ctx, s, name, args)
			if err != nil {
				return err
			}
			s.Out.Heading("Query result:")
			s.Out.Card(output.F("QueryResult", answer))
			return nil
		}),
	}
	q.addTo(cmd)
	cmd.Flags().StringVar(&name, "name", "", "name of the query (also --type); required")
	_ = cmd.MarkFlagRequired("name")
	flags.Alias(cmd.Flags(), map[string]string{"type": "name"})
	input.AddTo(cmd.Flags(), "", "query")
	return cmd
}

func newStack(g *command.Group) *cobra.Command {
	var q querying
	cmd := &cobra.Command{
		Use:     "stack",
		Short:   "Show where the code of a workflow is",
		Long:    `Show the stack of each coroutine of a workflow. A worker has to be there that can answer.`,
		Example: `  perdure workflow stack order-17`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			answer, err := q.ask(ctx, s, client.QueryTypeStackTrace, nil)
			if err != nil || s.Out.JSON() {
				return err
			}
			var trace string
			if err := converter.GetDefaultDataConverter().FromPayloads(answer, &trace); err != nil {
				s.Out.Card(output.F("QueryResult", answer))
				return nil
			}
			s.Out.Printf("%s", trace)
			return nil
		}),
	}
	q.addTo(cmd)
	return cmd
}

func newMetadata(g *command.Group) *cobra.Command {
	var q querying
	cmd := &cobra.Command{
		Use:     "metadata",
		Short:   "Show which queries, signals and updates a workflow takes",
		Long:    `Show which queries, signals and updates a workflow takes, and what it says about where it is.`,
		Example: `  perdure workflow metadata order-17`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			answer, err := q.ask(ctx, s, client.QueryTypeWorkflowMetadata, nil)
			if err != nil || s.Out.JSON() {
				return err
			}
			var metadata sdkpb.WorkflowMetadata
			if payloads := answer.GetPayloads(); len(payloads) > 0 {
				options := temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}
				if err := options.Unmarshal(payloads[0].GetData(), &metadata); err != nil {
					return fmt.Errorf("the answer of the worker cannot be read: %w", err)
				}
			}
			showMetadata(s.Out, &metadata)
			return nil
		}),
	}
	q.addTo(cmd)
	return cmd
}

func showMetadata(out *output.Printer, metadata *sdkpb.WorkflowMetadata) {
	definition := metadata.GetDefinition()
	for _, kind := range []struct {
		heading      string
		interactions []*sdkpb.WorkflowInteractionDefinition
	}{
		{"Query Definitions:", definition.GetQueryDefinitions()},
		{"Signal Definitions:", definition.GetSignalDefinitions()},
		{"Update Definitions:", definition.GetUpdateDefinitions()},
	} {
		if len(kind.interactions) == 0 {
			continue
		}
		out.Heading("%s", kind.heading)
		fields := make([]output.Field, len(kind.interactions))
		for i, interaction := range kind.interactions {
			fields[i] = output.F(interaction.GetName(), interaction.GetDescription())
		}
		out.Card(fields...)
	}
	if details := metadata.GetCurrentDetails(); details != "" {
		out.Heading("Current Details:")
		out.Printf("%s", details)
	}
}
