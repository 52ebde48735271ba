package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

func newNexus(g *command.Group) *cobra.Command {
	cmd := command.NewParent("nexus", "Look after Nexus endpoints", "",
		`  perdure operator nexus endpoint create --name billing --target-namespace billing --target-task-queue nexus`)
	endpoint := command.NewParent("endpoint", "Create, list and change Nexus endpoints",
		`Create, list, change and delete Nexus endpoints: names by which workflows of one namespace
reach operations of another, or of a server elsewhere.`,
		`  perdure operator nexus endpoint list`)
	endpoint.AddCommand(newEndpointCreate(g), newEndpointGet(g), newEndpointList(g), newEndpointUpdate(g), newEndpointDelete(g))
	cmd.AddCommand(endpoint)
	return cmd
}

// endpoint are the flags of an endpoint.
type endpoint struct {
	name, description, descriptionFile string
	namespace, taskQueue, url          string
}

func (e *endpoint) addName(cmd *cobra.Command) {
	cmd.Args = command.NoArguments
	cmd.Flags().StringVar(&e.name, "name", "", "name of the endpoint; required")
	_ = cmd.MarkFlagRequired("name")
}

func (e *endpoint) addTo(cmd *cobra.Command) {
	e.addName(cmd)
	set := cmd.Flags()
	set.StringVar(&e.description, "description", "", "what it is for; Markdown")
	set.StringVar(&e.descriptionFile, "description-file", "", "file of the description")
	set.StringVar(&e.namespace, "target-namespace", "", "namespace of the workers that handle its operations")
	set.StringVar(&e.taskQueue, "target-task-queue", "", "task queue of these workers")
	set.StringVar(&e.url, "target-url", "", "URL of a server that handles its operations")
}

// payload is the description, nil if none is given.
func (e *endpoint) payload() (*commonpb.Payload, error) {
	text := e.description
	if e.descriptionFile != "" {
		if text != "" {
			return nil, flags.Usagef("--description and --description-file cannot be given together")
		}
		content, err := os.ReadFile(e.descriptionFile)
		if err != nil {
			return nil, fmt.Errorf("--description-file: %w", err)
		}
		text = string(content)
	}
	if text == "" {
		return nil, nil
	}
	data, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: data}, nil
}

// target is what the endpoint leads to, where before is what it has led to, if anything.
func (e *endpoint) target(before *nexuspb.EndpointTarget) (*nexuspb.EndpointTarget, error) {
	worker := before.GetWorker()
	switch {
	case e.url != "" && (e.namespace != "" || e.taskQueue != ""):
		return nil, flags.Usagef("--target-url cannot be given with --target-namespace or --target-task-queue")
	case e.url != "":
		return &nexuspb.EndpointTarget{Variant: &nexuspb.EndpointTarget_External_{External: &nexuspb.EndpointTarget_External{Url: e.url}}}, nil
	case e.namespace == "" && e.taskQueue == "" && before != nil:
		return before, nil
	case e.namespace == "" && e.taskQueue == "":
		return nil, flags.Usagef("either --target-namespace and --target-task-queue or --target-url are required")
	case worker == nil && (e.namespace == "" || e.taskQueue == ""):
		return nil, flags.Usagef("--target-namespace and --target-task-queue are required together")
	}
	target := &nexuspb.EndpointTarget_Worker{Namespace: worker.GetNamespace(), TaskQueue: worker.GetTaskQueue()}
	if e.namespace != "" {
		target.Namespace = e.namespace
	}
	if e.taskQueue != "" {
		target.TaskQueue = e.taskQueue
	}
	return &nexuspb.EndpointTarget{Variant: &nexuspb.EndpointTarget_Worker_{Worker: target}}, nil
}

// find is the endpoint with the name.
func (e *endpoint) find(ctx context.Context, s *command.Session) (*nexuspb.Endpoint, error) {
	response, err := s.OperatorService().ListNexusEndpoints(ctx, &operatorservice.ListNexusEndpointsRequest{Name: e.name})
	if err != nil {
		return nil, fmt.Errorf("looking for endpoint %q: %w", e.name, err)
	}
	if len(response.GetEndpoints()) == 0 {
		return nil, fmt.Errorf("endpoint not found: %q; 'perdure operator nexus endpoint list' shows which there are", e.name)
	}
	return response.GetEndpoints()[0], nil
}

func newEndpointCreate(g *command.Group) *cobra.Command {
	var e endpoint
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create an endpoint",
		Long:  `Create an endpoint that leads to the workers of a task queue, or to a server elsewhere.`,
		Example: `  perdure operator nexus endpoint create --name billing --target-namespace billing --target-task-queue nexus
  perdure operator nexus endpoint create --name partner --target-url https://partner.example/nexus`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			description, err := e.payload()
			if err != nil {
				return err
			}
			target, err := e.target(nil)
			if err != nil {
				return err
			}
			_, err = s.OperatorService().CreateNexusEndpoint(ctx, &operatorservice.CreateNexusEndpointRequest{
				Spec: &nexuspb.EndpointSpec{Name: e.name, Description: description, Target: target},
			})
			if err != nil {
				return fmt.Errorf("creating endpoint %q: %w", e.name, err)
			}
			s.Out.Printf("%s", output.Good(fmt.Sprintf("Endpoint %s successfully created.", e.name)))
			return nil
		}),
	}
	e.addTo(cmd)
	return cmd
}

func newEndpointGet(g *command.Group) *cobra.Command {
	var e endpoint
	cmd := &cobra.Command{
		Use:     "get",
		Short:   "Show an endpoint",
		Long:    `Show an endpoint.`,
		Example: `  perdure operator nexus endpoint get --name billing`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			found, err := e.find(ctx, s)
			if err != nil {
				return err
			}
			spec := found.GetSpec()
			s.Out.Card(
				output.F("Id", found.GetId()),
				output.F("Name", spec.GetName()),
				output.F("CreatedTime", found.GetCreatedTime()),
				output.Optional("LastModifiedTime", found.GetLastModifiedTime()),
				output.Optional("TargetUrl", spec.GetTarget().GetExternal().GetUrl()),
				output.Optional("TargetNamespace", spec.GetTarget().GetWorker().GetNamespace()),
				output.Optional("TargetTaskQueue", spec.GetTarget().GetWorker().GetTaskQueue()),
				output.Optional("Description", spec.GetDescription()),
			)
			return s.Out.Value(found)
		}),
	}
	e.addName(cmd)
	return cmd
}

func newEndpointList(g *command.Group) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List endpoints",
		Long:    `List all endpoints.`,
		Example: `  perdure operator nexus endpoint list`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			table := s.Out.Table(output.Col("Name"), output.Col("Target"), output.Col("CreatedTime"), output.Shrinks("Description"))
			return command.List(s.Out, 0, func(token []byte) ([]*nexuspb.Endpoint, []byte, error) {
				page, err := s.OperatorService().ListNexusEndpoints(ctx, &operatorservice.ListNexusEndpointsRequest{NextPageToken: token})
				if err != nil {
					return nil, nil, fmt.Errorf("listing endpoints: %w", err)
				}
				return page.GetEndpoints(), page.GetNextPageToken(), nil
			}, table, func(found *nexuspb.Endpoint) []any {
				target := found.GetSpec().GetTarget().GetExternal().GetUrl()
				if worker := found.GetSpec().GetTarget().GetWorker(); worker != nil {
					target = worker.GetNamespace() + "/" + worker.GetTaskQueue()
				}
				return []any{found.GetSpec().GetName(), target, found.GetCreatedTime(), found.GetSpec().GetDescription()}
			})
		}),
	}
}

func newEndpointUpdate(g *command.Group) *cobra.Command {
	var e endpoint
	var unset bool
	cmd := &cobra.Command{
		Use:     "update",
		Short:   "Change an endpoint",
		Long:    `Change what is given of an endpoint.`,
		Example: `  perdure operator nexus endpoint update --name billing --target-task-queue nexus-2`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			description, err := e.payload()
			if err != nil {
				return err
			}
			if unset && description != nil {
				return flags.Usagef("--unset-description cannot be given with a description")
			}
			found, err := e.find(ctx, s)
			if err != nil {
				return err
			}
			if description == nil && !unset {
				description = found.GetSpec().GetDescription()
			}
			target, err := e.target(found.GetSpec().GetTarget())
			if err != nil {
				return err
			}
			_, err = s.OperatorService().UpdateNexusEndpoint(ctx, &operatorservice.UpdateNexusEndpointRequest{
				Id: found.GetId(), Version: found.GetVersion(),
				Spec: &nexuspb.EndpointSpec{Name: e.name, Description: description, Target: target},
			})
			if err != nil {
				return fmt.Errorf("updating endpoint %q: %w", e.name, err)
			}
			s.Out.Printf("%s", output.Good(fmt.Sprintf("Endpoint %s successfully updated.", e.name)))
			return nil
		}),
	}
	e.addTo(cmd)
	cmd.Flags().BoolVar(&unset, "unset-description", false, "take its description away")
	return cmd
}

func newEndpointDelete(g *command.Group) *cobra.Command {
	var e endpoint
	cmd := &cobra.Command{
		Use:     "delete",
		Short:   "Delete an endpoint",
		Long:    `Delete an endpoint. Operations that are under way through it can no longer be reached.`,
		Example: `  perdure operator nexus endpoint delete --name billing`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			found, err := e.find(ctx, s)
			if err != nil {
				return err
			}
			_, err = s.OperatorService().DeleteNexusEndpoint(ctx, &operatorservice.DeleteNexusEndpointRequest{Id: found.GetId(), Version: found.GetVersion()})
			if err != nil {
				return fmt.Errorf("deleting endpoint %q: %w", e.name, err)
			}
			s.Out.Printf("%s", output.Good(fmt.Sprintf("Endpoint %s successfully deleted (ID %s).", e.name, found.GetId())))
			return nil
		}),
	}
	e.addName(cmd)
	return cmd
}
