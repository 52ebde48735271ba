package operator

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/sdk/client"
)

func newCluster(g *command.Group) *cobra.Command {
	cmd := command.NewParent("cluster", "Look at the server, and at clusters it knows",
		`Look at the server: whether it is well, what it is, what it can do. And at the clusters
that it knows, with servers that work with several.`,
		`  perdure operator cluster health
  perdure operator cluster system --output json`)
	cmd.AddCommand(newClusterHealth(g), newClusterDescribe(g), newClusterSystem(g), newClusterList(g), newClusterUpsert(g), newClusterRemove(g))
	return cmd
}

func newClusterHealth(g *command.Group) *cobra.Command {
	return &cobra.Command{
		Use:     "health",
		Short:   "Ask whether the server is well",
		Long:    `Ask whether the server is well. The exit code is 1 if it is not, or does not answer.`,
		Example: `  perdure operator cluster health --address 127.0.0.1:7233`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if _, err := s.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
				return fmt.Errorf("the server is not well: %w", err)
			}
			if s.Out.JSON() {
				return s.Out.Show("", output.F("Status", "SERVING"))
			}
			s.Out.Printf("%s", output.Good("SERVING"))
			return nil
		}),
	}
}

func newClusterDescribe(g *command.Group) *cobra.Command {
	var detail bool
	cmd := &cobra.Command{
		Use:     "describe",
		Short:   "Show what the server says about itself",
		Long:    `Show what the server says about itself: its name, its version, its stores.`,
		Example: `  perdure operator cluster describe --detail`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			info, err := s.WorkflowService().GetClusterInfo(ctx, &workflowservice.GetClusterInfoRequest{})
			if err != nil {
				return fmt.Errorf("describing the cluster: %w", err)
			}
			fields := []output.Field{
				output.F("ClusterName", info.GetClusterName()),
				output.F("PersistenceStore", info.GetPersistenceStore()),
				output.F("VisibilityStore", info.GetVisibilityStore()),
			}
			if detail {
				fields = append(fields, output.F("ServerVersion", info.GetServerVersion()), output.F("HistoryShardCount", info.GetHistoryShardCount()),
					output.Optional("ClusterId", info.GetClusterId()), output.Optional("VersionInfo", info.GetVersionInfo()))
			}
			s.Out.Card(fields...)
			return s.Out.Value(info)
		}),
	}
	cmd.Flags().BoolVar(&detail, "detail", false, "show more")
	return cmd
}

func newClusterSystem(g *command.Group) *cobra.Command {
	return &cobra.Command{
		Use:     "system",
		Short:   "Show the server's version and what it can do",
		Long:    `Show the server's version and what it can do.`,
		Example: `  perdure operator cluster system`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			info, err := s.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
			if err != nil {
				return fmt.Errorf("asking for the system's information: %w", err)
			}
			capabilities := info.GetCapabilities()
			s.Out.Card(
				output.F("ServerVersion", info.GetServerVersion()),
				output.F("SupportsSchedules", capabilities.GetSupportsSchedules()),
				output.F("UpsertMemo", capabilities.GetUpsertMemo()),
				output.F("EagerWorkflowStart", capabilities.GetEagerWorkflowStart()),
				output.F("Nexus", capabilities.GetNexus()),
			)
			return s.Out.Value(info)
		}),
	}
}

func newClusterList(g *command.Group) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the clusters that the server knows",
		Long:    `List the clusters that the server knows. Perdure's works alone.`,
		Example: `  perdure operator cluster list`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			table := s.Out.Table(output.Col("Name"), output.Col("ClusterId"), output.Col("Address"), output.Number("HistoryShardCount"),
				output.Number("InitialFailoverVersion"), output.Col("IsConnectionEnabled"))
			return command.List(s.Out, limit, func(token []byte) ([]*operatorservice.ClusterMetadata, []byte, error) {
				page, err := s.OperatorService().ListClusters(ctx, &operatorservice.ListClustersRequest{NextPageToken: token})
				if err != nil {
					return nil, nil, fmt.Errorf("listing clusters: %w", err)
				}
				return page.GetClusters(), page.GetNextPageToken(), nil
			}, table, func(c *operatorservice.ClusterMetadata) []any {
				return []any{c.GetClusterName(), c.GetClusterId(), c.GetAddress(), c.GetHistoryShardCount(), c.GetInitialFailoverVersion(), c.GetIsConnectionEnabled()}
			})
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "list this many at most; all if 0")
	return cmd
}

func newClusterUpsert(g *command.Group) *cobra.Command {
	var address string
	var enable bool
	cmd := &cobra.Command{
		Use:     "upsert",
		Short:   "Add a cluster, or change it",
		Long:    `Add a cluster that the server works with, or change it.`,
		Example: `  perdure operator cluster upsert --frontend-address other.internal:7233 --enable-connection`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			_, err := s.OperatorService().AddOrUpdateRemoteCluster(ctx, &operatorservice.AddOrUpdateRemoteClusterRequest{
				FrontendAddress: address, EnableRemoteClusterConnection: enable,
			})
			if err != nil {
				return fmt.Errorf("adding the cluster: %w", err)
			}
			if s.Out.JSON() {
				return s.Out.Show("", output.F("FrontendAddress", address))
			}
			s.Out.Printf("%s", output.Good("Upserted cluster "+address))
			return nil
		}),
	}
	cmd.Flags().StringVar(&address, "frontend-address", "", "host:port of the cluster; required")
	cmd.Flags().BoolVar(&enable, "enable-connection", false, "connect to it")
	_ = cmd.MarkFlagRequired("frontend-address")
	return cmd
}

func newClusterRemove(g *command.Group) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "remove",
		Short:   "Remove a cluster",
		Long:    `Remove a cluster that the server works with.`,
		Example: `  perdure operator cluster remove --name other`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if _, err := s.OperatorService().RemoveRemoteCluster(ctx, &operatorservice.RemoveRemoteClusterRequest{ClusterName: name}); err != nil {
				return fmt.Errorf("removing the cluster: %w", err)
			}
			if s.Out.JSON() {
				return s.Out.Show("", output.F("ClusterName", name))
			}
			s.Out.Printf("%s", output.Good("Removed cluster "+name))
			return nil
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the cluster; required")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}
