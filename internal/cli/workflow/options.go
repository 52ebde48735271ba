package workflow

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
)

// versioning are the flags that say which version of a worker deployment workflows are
// for, whatever its default is.
type versioning struct {
	behavior          *flags.Enum
	deployment, build string
}

func (v *versioning) addTo(cmd *cobra.Command, behaviors ...string) {
	v.behavior = flags.NewEnum("", behaviors...)
	set := cmd.Flags()
	set.Var(v.behavior, "versioning-override-behavior", "how versions are chosen: "+v.behavior.Choices()+"; required")
	set.StringVar(&v.deployment, "versioning-override-deployment-name", "", "worker deployment, with pinned")
	set.StringVar(&v.build, "versioning-override-build-id", "", "build id in the deployment, with pinned")
	_ = cmd.MarkFlagRequired("versioning-override-behavior")
}

// options are the options of a workflow that the flags set, with the mask that says so.
func (v *versioning) options() (*workflowpb.WorkflowExecutionOptions, *fieldmaskpb.FieldMask, error) {
	pinned := v.behavior.Value() == "pinned"
	switch {
	case pinned && (v.deployment == "" || v.build == ""):
		return nil, nil, flags.Usagef("--versioning-override-deployment-name and --versioning-override-build-id are required with pinned")
	case !pinned && (v.deployment != "" || v.build != ""):
		return nil, nil, flags.Usagef("--versioning-override-deployment-name and --versioning-override-build-id are for pinned only")
	}
	options := &workflowpb.WorkflowExecutionOptions{}
	switch v.behavior.Value() {
	case "pinned":
		options.VersioningOverride = &workflowpb.VersioningOverride{Override: &workflowpb.VersioningOverride_Pinned{
			Pinned: &workflowpb.VersioningOverride_PinnedOverride{
				Behavior: workflowpb.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_PINNED,
				Version:  &deploymentpb.WorkerDeploymentVersion{DeploymentName: v.deployment, BuildId: v.build},
			},
		}}
	case "auto_upgrade":
		options.VersioningOverride = &workflowpb.VersioningOverride{Override: &workflowpb.VersioningOverride_AutoUpgrade{AutoUpgrade: true}}
	}
	return options, &fieldmaskpb.FieldMask{Paths: []string{"versioning_override"}}, nil
}

func newUpdateOptions(g *command.Group) *cobra.Command {
	var selection command.Selection
	var v versioning
	cmd := &cobra.Command{
		Use:   "update-options",
		Short: "Pin a workflow to a version of its workers, or let it move on",
		Long: `Pin a workflow to a version of a worker deployment, let it move to new versions by itself,
or take such an override away. With --query, do so with all workflows that it finds, as a
batch job.`,
		Example: `  perdure workflow update-options order-17 --versioning-override-behavior pinned \
      --versioning-override-deployment-name orders --versioning-override-build-id 1.4
  perdure workflow update-options order-17 --versioning-override-behavior unspecified`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			options, mask, err := v.options()
			if err != nil {
				return err
			}
			return selection.Do(ctx, s, false, func(e *commonpb.WorkflowExecution) error {
				_, err := s.WorkflowService().UpdateWorkflowExecutionOptions(ctx, &workflowservice.UpdateWorkflowExecutionOptionsRequest{
					Namespace: s.Namespace, WorkflowExecution: e, WorkflowExecutionOptions: options, UpdateMask: mask, Identity: s.Identity,
				})
				if err != nil {
					return fmt.Errorf("updating the workflow's options: %w", err)
				}
				s.Out.Printf("Update workflow options succeeded")
				return nil
			}, func(request *workflowservice.StartBatchOperationRequest) {
				request.Operation = &workflowservice.StartBatchOperationRequest_UpdateWorkflowOptionsOperation{
					UpdateWorkflowOptionsOperation: &batchpb.BatchOperationUpdateWorkflowExecutionOptions{
						Identity: s.Identity, WorkflowExecutionOptions: options, UpdateMask: mask,
					},
				}
			})
		}),
	}
	selection.AddTo(cmd)
	v.addTo(cmd, "unspecified", "pinned", "auto_upgrade")
	return cmd
}

func newResetWithOptions(g *command.Group, r *resetting) *cobra.Command {
	var v versioning
	cmd := &cobra.Command{
		Use:   "with-workflow-update-options",
		Short: "Let a workflow go on from an earlier point, with another version of its workers",
		Long: `Reset a workflow, with the flags of 'perdure workflow reset', and pin the new run to a
version of a worker deployment, or let it move to new versions by itself.`,
		Example: `  perdure workflow reset with-workflow-update-options --workflow-id order-17 --type LastWorkflowTask \
      --reason 'fixed in 1.5' --versioning-override-behavior pinned \
      --versioning-override-deployment-name orders --versioning-override-build-id 1.5`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			options, mask, err := v.options()
			if err != nil {
				return err
			}
			return r.do(ctx, s, []*workflowpb.PostResetOperation{{
				Variant: &workflowpb.PostResetOperation_UpdateWorkflowOptions_{
					UpdateWorkflowOptions: &workflowpb.PostResetOperation_UpdateWorkflowOptions{
						WorkflowExecutionOptions: options, UpdateMask: mask,
					},
				},
			}})
		}),
	}
	v.addTo(cmd, "pinned", "auto_upgrade")
	return cmd
}
