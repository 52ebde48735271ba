package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/sdk/client"
	sdkworker "github.com/perdure/perdure/sdk/worker"
)

func newDeployment(g *command.Group) *cobra.Command {
	cmd := command.NewParent("deployment", "See deployments of workers, and say which versions get workflows",
		`See the deployments of workers and their versions, and say which version new workflows go
to, and how many of them to another one.`,
		`  perdure worker deployment list
  perdure worker deployment set-ramping-version --deployment-name shop --build-id 1.1 --percentage 10
  perdure worker deployment set-current-version --deployment-name shop --build-id 1.1`)
	cmd.AddCommand(newDeploymentList(g), newDeploymentDescribe(g), newDeploymentDelete(g), newDescribeVersion(g), newDeleteVersion(g),
		newSetCurrent(g), newSetRamping(g), newUpdateMetadata(g), newManagerIdentity(g))
	return cmd
}

// version are the flags that name a version.
type version struct {
	deployment, build string
	unversioned       bool
}

func (v *version) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&v.deployment, "deployment-name", "", "name of the deployment; required")
	cmd.Flags().StringVar(&v.build, "build-id", "", "build id of the version; required")
	_ = cmd.MarkFlagRequired("deployment-name")
	_ = cmd.MarkFlagRequired("build-id")
}

// addOrUnversionedTo is addTo where workers without a version may be meant as well.
func (v *version) addOrUnversionedTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&v.deployment, "deployment-name", "", "name of the deployment; required")
	cmd.Flags().StringVar(&v.build, "build-id", "", "build id of the version; required without --unversioned")
	cmd.Flags().BoolVar(&v.unversioned, "unversioned", false, "in place of a version, workers that have none")
	_ = cmd.MarkFlagRequired("deployment-name")
}

func (v *version) check() error {
	switch {
	case v.unversioned && v.build != "":
		return flags.Usagef("--unversioned cannot be given with --build-id")
	case !v.unversioned && v.build == "":
		return flags.Usagef("--build-id or --unversioned is required")
	}
	return nil
}

// routing are the flags of commands that change where workflows go.
type routing struct {
	version
	ignoreMissing, allowNoPollers, yes bool
}

func (r *routing) addTo(cmd *cobra.Command) {
	r.addOrUnversionedTo(cmd)
	cmd.Flags().BoolVar(&r.ignoreMissing, "ignore-missing-task-queues", false, "even if its workers do not poll all task queues that those of the current version do")
	cmd.Flags().BoolVar(&r.allowNoPollers, "allow-no-pollers", false, "even if no worker of the version has polled")
	addYes(cmd, &r.yes)
}

func addYes(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVarP(yes, "yes", "y", false, "do not ask whether to go on")
}

// token shows the deployment and asks whether to change it, and returns what makes the change fail
// if somebody else has made one since.
func token(ctx context.Context, s *command.Session, deployment, change string, yes bool) ([]byte, error) {
	response, err := s.WorkerDeploymentClient().GetHandle(deployment).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return nil, fmt.Errorf("describing deployment %q: %w", deployment, err)
	}
	if !yes {
		showDeployment(s.Out, response.Info)
	}
	return response.ConflictToken, s.Confirm("Continue with set "+change+"? y/N", yes)
}

// token is the token for the change, none for a deployment that is not there yet if that is allowed.
func (r *routing) token(ctx context.Context, s *command.Session, change string) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	conflict, err := token(ctx, s, r.deployment, change, r.yes)
	if errors.As(err, new(*serviceerror.NotFound)) && r.allowNoPollers {
		return nil, nil
	}
	return conflict, err
}

func newSetCurrent(g *command.Group) *cobra.Command {
	var r routing
	cmd := &cobra.Command{
		Use:   "set-current-version",
		Short: "Say which version new workflows go to",
		Long: `Make a version the current one of its deployment: new workflows go to it, and those that
move on to newer versions by themselves.`,
		Example: `  perdure worker deployment set-current-version --deployment-name shop --build-id 1.1`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			conflict, err := r.token(ctx, s, "Current")
			if err != nil {
				return err
			}
			_, err = s.WorkerDeploymentClient().GetHandle(r.deployment).SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{
				BuildID: r.build, ConflictToken: conflict, Identity: s.Identity,
				IgnoreMissingTaskQueues: r.ignoreMissing, AllowNoPollers: r.allowNoPollers,
			})
			if err != nil {
				return fmt.Errorf("setting the current version: %w", err)
			}
			s.Out.Printf("Successfully set the current worker deployment version")
			return nil
		}),
	}
	r.addTo(cmd)
	return cmd
}

func newSetRamping(g *command.Group) *cobra.Command {
	var r routing
	var percentage float32
	var end bool
	cmd := &cobra.Command{
		Use:   "set-ramping-version",
		Short: "Send a part of new workflows to a version",
		Long: `Make a version the ramping one of its deployment: it gets a part of the new workflows. 100
percent do not make it the current one.`,
		Example: `  perdure worker deployment set-ramping-version --deployment-name shop --build-id 1.1 --percentage 10
  perdure worker deployment set-ramping-version --deployment-name shop --build-id 1.1 --delete`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			conflict, err := r.token(ctx, s, "Ramping")
			if err != nil {
				return err
			}
			if end {
				percentage = 0
			}
			_, err = s.WorkerDeploymentClient().GetHandle(r.deployment).SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{
				BuildID: r.build, Percentage: percentage, ConflictToken: conflict, Identity: s.Identity,
				IgnoreMissingTaskQueues: r.ignoreMissing, AllowNoPollers: r.allowNoPollers,
			})
			if err != nil {
				return fmt.Errorf("setting the ramping version: %w", err)
			}
			s.Out.Printf("Successfully set the ramping worker deployment version")
			return nil
		}),
	}
	r.addTo(cmd)
	cmd.Flags().Float32Var(&percentage, "percentage", 0, "how many of the new workflows go to it, from 0 to 100")
	cmd.Flags().BoolVar(&end, "delete", false, "end the ramp")
	return cmd
}

func newDeploymentDelete(g *command.Group) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "delete",
		Short:   "Delete a deployment",
		Long:    `Delete a deployment, which must have no versions.`,
		Example: `  perdure worker deployment delete --name shop`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if _, err := s.WorkerDeploymentClient().Delete(ctx, client.WorkerDeploymentDeleteOptions{Name: name, Identity: s.Identity}); err != nil {
				return fmt.Errorf("deleting deployment %q: %w", name, err)
			}
			s.Out.Printf("Successfully deleted worker deployment")
			return nil
		}),
	}
	addName(cmd, &name)
	return cmd
}

func addName(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVarP(name, "name", "d", "", "name of the deployment; required")
	_ = cmd.MarkFlagRequired("name")
}

func newDeleteVersion(g *command.Group) *cobra.Command {
	var v version
	var skip bool
	cmd := &cobra.Command{
		Use:   "delete-version",
		Short: "Delete a version",
		Long: `Delete a version, which must be neither the current nor the ramping one, and must have
neither workers nor, without --skip-drainage, workflows.`,
		Example: `  perdure worker deployment delete-version --deployment-name shop --build-id 1.0`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			_, err := s.WorkerDeploymentClient().GetHandle(v.deployment).DeleteVersion(ctx, client.WorkerDeploymentDeleteVersionOptions{
				BuildID: v.build, SkipDrainage: skip, Identity: s.Identity,
			})
			if err != nil {
				return fmt.Errorf("deleting the version: %w", err)
			}
			s.Out.Printf("Successfully deleted worker deployment version")
			return nil
		}),
	}
	v.addTo(cmd)
	cmd.Flags().BoolVar(&skip, "skip-drainage", false, "even if it has workflows still")
	return cmd
}

func newUpdateMetadata(g *command.Group) *cobra.Command {
	var v version
	var entries, remove []string
	cmd := &cobra.Command{
		Use:     "update-metadata-version",
		Short:   "Change the metadata of a version",
		Long:    `Change what users have noted of a version.`,
		Example: `  perdure worker deployment update-metadata-version --deployment-name shop --build-id 1.1 --metadata 'commit="4f1e"'`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			values, err := flags.JSONValues("metadata", entries)
			if err != nil {
				return err
			}
			response, err := s.WorkerDeploymentClient().GetHandle(v.deployment).UpdateVersionMetadata(ctx, client.WorkerDeploymentUpdateVersionMetadataOptions{
				Version:        sdkworker.WorkerDeploymentVersion{DeploymentName: v.deployment, BuildID: v.build},
				MetadataUpdate: client.WorkerDeploymentMetadataUpdate{UpsertEntries: values, RemoveEntries: remove},
			})
			if err != nil {
				return fmt.Errorf("updating the metadata: %w", err)
			}
			metadata, err := shownMetadata(s.Out, response.Metadata)
			if err != nil {
				return err
			}
			s.Out.Card(output.Optional("Metadata", response.Metadata))
			s.Out.Printf("Successfully updating metadata for worker deployment version")
			return s.Out.Value(map[string]any{"Metadata": metadata})
		}),
	}
	v.addTo(cmd)
	cmd.Flags().StringArrayVar(&entries, "metadata", nil, "entry to set, as KEY=JSON; may be repeated")
	cmd.Flags().StringArrayVar(&remove, "remove-entries", nil, "key of an entry to remove; may be repeated")
	return cmd
}

func newManagerIdentity(g *command.Group) *cobra.Command {
	cmd := command.NewParent("manager-identity", "Say who alone may change a deployment",
		`Say who alone may change a deployment, so that people and programs do not get in each
other's way.`,
		`  perdure worker deployment manager-identity set --deployment-name shop --self`)
	cmd.AddCommand(newSetManager(g), newUnsetManager(g))
	return cmd
}

func newSetManager(g *command.Group) *cobra.Command {
	var deployment, manager string
	var self, yes bool
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Let one alone change a deployment",
		Long:  `Let one alone change a deployment: with --self, the one who calls, by his --identity.`,
		Example: `  perdure worker deployment manager-identity set --deployment-name shop --self --identity releases
  perdure worker deployment manager-identity set --deployment-name shop --manager-identity releases`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if self == (manager != "") {
				return flags.Usagef("either --manager-identity or --self is required")
			}
			previous, err := setManager(ctx, s, deployment, yes, client.WorkerDeploymentSetManagerIdentityOptions{ManagerIdentity: manager, Self: self})
			if err != nil {
				return err
			}
			if self {
				manager = s.Identity
			}
			s.Out.Printf("Successfully set manager identity to '%s', was previously '%s'", manager, previous)
			return nil
		}),
	}
	cmd.Flags().StringVar(&manager, "manager-identity", "", "who may change it; required without --self")
	cmd.Flags().BoolVar(&self, "self", false, "the one who calls")
	addDeployment(cmd, &deployment)
	addYes(cmd, &yes)
	return cmd
}

func newUnsetManager(g *command.Group) *cobra.Command {
	var deployment string
	var yes bool
	cmd := &cobra.Command{
		Use:     "unset",
		Short:   "Let everybody change a deployment",
		Long:    `Let everybody change a deployment again.`,
		Example: `  perdure worker deployment manager-identity unset --deployment-name shop`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			previous, err := setManager(ctx, s, deployment, yes, client.WorkerDeploymentSetManagerIdentityOptions{})
			if err != nil {
				return err
			}
			s.Out.Printf("Successfully unset manager identity, was previously '%s'", previous)
			return nil
		}),
	}
	addDeployment(cmd, &deployment)
	addYes(cmd, &yes)
	return cmd
}

func addDeployment(cmd *cobra.Command, deployment *string) {
	cmd.Flags().StringVar(deployment, "deployment-name", "", "name of the deployment; required")
	_ = cmd.MarkFlagRequired("deployment-name")
}

// setManager sets the manager, and returns the one before.
func setManager(ctx context.Context, s *command.Session, deployment string, yes bool, options client.WorkerDeploymentSetManagerIdentityOptions) (string, error) {
	conflict, err := token(ctx, s, deployment, "ManagerIdentity", yes)
	if err != nil {
		return "", err
	}
	options.Identity, options.ConflictToken = s.Identity, conflict
	response, err := s.WorkerDeploymentClient().GetHandle(deployment).SetManagerIdentity(ctx, options)
	if err != nil {
		return "", fmt.Errorf("setting the manager of the deployment: %w", err)
	}
	return response.PreviousManagerIdentity, nil
}
