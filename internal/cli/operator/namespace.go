package operator

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	replicationpb "go.temporal.io/api/replication/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

func newNamespace(g *command.Group) *cobra.Command {
	cmd := command.NewParent("namespace", "Create, list and change namespaces",
		`Create, list, change and delete namespaces. A namespace is named with --namespace, or as
the argument.`,
		`  perdure operator namespace create --namespace orders --retention 7d
  perdure operator namespace describe orders`)
	cmd.AddCommand(newNamespaceCreate(g), newNamespaceDescribe(g), newNamespaceList(g), newNamespaceUpdate(g), newNamespaceDelete(g))
	return cmd
}

// named takes the name of a namespace that is given as an argument.
type named struct{ argument string }

func (n *named) addTo(cmd *cobra.Command) {
	cmd.Use += " [NAMESPACE]"
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return nil
		case len(args) > 1:
			return flags.Usagef("there can be one namespace only, not %q", args)
		case cmd.Flags().Changed("namespace") && cmd.Flag("namespace").Value.String() != args[0]:
			return flags.Usagef("two namespaces are given: %s and, with --namespace, %s", args[0], cmd.Flag("namespace").Value)
		}
		n.argument = args[0]
		return nil
	}
}

func (n *named) name(s *command.Session) string {
	if n.argument != "" {
		return n.argument
	}
	return s.Namespace
}

// settings are the flags of what can be said about a namespace.
type settings struct {
	activeCluster, description, email string
	clusters, data                    []string
	retention                         flags.Duration
	history, visibility               *flags.Enum
	historyURI, visibilityURI         string
}

func (o *settings) addTo(cmd *cobra.Command, retention time.Duration, archival string) {
	set := cmd.Flags()
	set.StringVar(&o.description, "description", "", "what it is for")
	set.StringVar(&o.email, "email", "", "whom it belongs to")
	o.retention = flags.Duration(retention)
	set.Var(&o.retention, "retention", "how long closed workflows are kept, such as 7d")
	set.StringArrayVar(&o.data, "data", nil, "KEY=VALUE kept with it; may be repeated")
	set.StringArrayVar(&o.clusters, "cluster", nil, "cluster it is in; may be repeated")
	set.StringVar(&o.activeCluster, "active-cluster", "", "cluster it is active in")
	o.history = flags.NewEnum(archival, "disabled", "enabled")
	o.visibility = flags.NewEnum(archival, "disabled", "enabled")
	set.Var(o.history, "history-archival-state", "whether histories are archived: "+o.history.Choices())
	set.StringVar(&o.historyURI, "history-uri", "", "where histories are archived")
	set.Var(o.visibility, "visibility-archival-state", "whether what lists show is archived: "+o.visibility.Choices())
	set.StringVar(&o.visibilityURI, "visibility-uri", "", "where what lists show is archived")
}

func (o *settings) clusterConfigs() []*replicationpb.ClusterReplicationConfig {
	var configs []*replicationpb.ClusterReplicationConfig
	for _, name := range o.clusters {
		configs = append(configs, &replicationpb.ClusterReplicationConfig{ClusterName: name})
	}
	return configs
}

func archival(e *flags.Enum) enumspb.ArchivalState {
	switch e.Value() {
	case "disabled":
		return enumspb.ARCHIVAL_STATE_DISABLED
	case "enabled":
		return enumspb.ARCHIVAL_STATE_ENABLED
	}
	return enumspb.ARCHIVAL_STATE_UNSPECIFIED
}

func newNamespaceCreate(g *command.Group) *cobra.Command {
	var n named
	var o settings
	var global bool
	cmd := &cobra.Command{
		Use:     "create",
		Short:   "Create a namespace",
		Long:    `Create a namespace.`,
		Example: `  perdure operator namespace create --namespace orders --retention 7d --description 'orders of the shop'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			data, err := flags.KeyValues("data", o.data)
			if err != nil {
				return err
			}
			_, err = s.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
				Namespace:                        n.name(s),
				Description:                      o.description,
				OwnerEmail:                       o.email,
				WorkflowExecutionRetentionPeriod: durationpb.New(time.Duration(o.retention)),
				Clusters:                         o.clusterConfigs(),
				ActiveClusterName:                o.activeCluster,
				Data:                             data,
				IsGlobalNamespace:                global,
				HistoryArchivalState:             archival(o.history),
				HistoryArchivalUri:               o.historyURI,
				VisibilityArchivalState:          archival(o.visibility),
				VisibilityArchivalUri:            o.visibilityURI,
			})
			if err != nil {
				return fmt.Errorf("creating namespace %s: %w", n.name(s), err)
			}
			s.Out.Printf("%s", output.Good(fmt.Sprintf("Namespace %s successfully registered.", n.name(s))))
			return nil
		}),
	}
	n.addTo(cmd)
	o.addTo(cmd, 72*time.Hour, "disabled")
	cmd.Flags().BoolVar(&global, "global", false, "make it a namespace of several clusters")
	return cmd
}

func newNamespaceDescribe(g *command.Group) *cobra.Command {
	var n named
	var id string
	cmd := &cobra.Command{
		Use:   "describe",
		Short: "Show a namespace",
		Long:  `Show a namespace, by its name or its id.`,
		Example: `  perdure operator namespace describe orders
  perdure operator namespace describe orders --output json | jq .config`,
	}
	cmd.RunE = g.Run(func(ctx context.Context, s *command.Session) error {
		request := &workflowservice.DescribeNamespaceRequest{Namespace: n.name(s)}
		if id != "" {
			if n.argument != "" || cmd.Flags().Changed("namespace") {
				return flags.Usagef("--namespace and --namespace-id cannot be given together")
			}
			request = &workflowservice.DescribeNamespaceRequest{Id: id}
		}
		response, err := s.WorkflowService().DescribeNamespace(ctx, request)
		if err != nil {
			return fmt.Errorf("describing namespace %s%s: %w", request.GetNamespace(), id, err)
		}
		showNamespace(s.Out, response)
		return s.Out.Value(response)
	})
	n.addTo(cmd)
	cmd.Flags().StringVar(&id, "namespace-id", "", "id of the namespace, in place of its name")
	return cmd
}

func showNamespace(out *output.Printer, d *workflowservice.DescribeNamespaceResponse) {
	info, config, replication := d.GetNamespaceInfo(), d.GetConfig(), d.GetReplicationConfig()
	var clusters []string
	for _, cluster := range replication.GetClusters() {
		clusters = append(clusters, cluster.GetClusterName())
	}
	out.Card(
		output.F("Name", info.GetName()),
		output.F("Id", info.GetId()),
		output.F("State", info.GetState()),
		output.Optional("Description", info.GetDescription()),
		output.Optional("OwnerEmail", info.GetOwnerEmail()),
		output.Optional("Data", info.GetData()),
		output.F("Retention", config.GetWorkflowExecutionRetentionTtl()),
		output.Optional("SearchAttributeAliases", config.GetCustomSearchAttributeAliases()),
		output.F("HistoryArchivalState", config.GetHistoryArchivalState()),
		output.Optional("HistoryArchivalUri", config.GetHistoryArchivalUri()),
		output.F("VisibilityArchivalState", config.GetVisibilityArchivalState()),
		output.Optional("VisibilityArchivalUri", config.GetVisibilityArchivalUri()),
		output.Optional("ActiveClusterName", replication.GetActiveClusterName()),
		output.Optional("Clusters", clusters),
		output.F("IsGlobalNamespace", d.GetIsGlobalNamespace()),
	)
}

func newNamespaceList(g *command.Group) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List namespaces",
		Long:  `List namespaces. 'perdure operator namespace describe' shows all of one.`,
		Example: `  perdure operator namespace list
  perdure operator namespace list --output jsonl | jq -r .namespaceInfo.name`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			table := s.Out.Table(output.Col("Name"), output.Col("State"), output.Col("Retention"), output.Shrinks("Description"))
			return command.List(s.Out, 0, func(token []byte) ([]*workflowservice.DescribeNamespaceResponse, []byte, error) {
				page, err := s.WorkflowService().ListNamespaces(ctx, &workflowservice.ListNamespacesRequest{NextPageToken: token, PageSize: 100})
				if err != nil {
					return nil, nil, fmt.Errorf("listing namespaces: %w", err)
				}
				return page.GetNamespaces(), page.GetNextPageToken(), nil
			}, table, func(d *workflowservice.DescribeNamespaceResponse) []any {
				return []any{d.GetNamespaceInfo().GetName(), d.GetNamespaceInfo().GetState(), d.GetConfig().GetWorkflowExecutionRetentionTtl(), d.GetNamespaceInfo().GetDescription()}
			})
		}),
	}
}

func newNamespaceUpdate(g *command.Group) *cobra.Command {
	var n named
	var o settings
	var promote bool
	replication := flags.NewEnum("", "normal", "handover")
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Change a namespace",
		Long: `Change what is given of a namespace. A shorter retention holds for workflows that have
closed, too.`,
		Example: `  perdure operator namespace update orders --retention 30d`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			request, err := o.update(ctx, s, n.name(s), promote, replication)
			if err != nil {
				return err
			}
			response, err := s.WorkflowService().UpdateNamespace(ctx, request)
			if err != nil {
				return fmt.Errorf("updating namespace %s: %w", n.name(s), err)
			}
			s.Out.Printf("%s", output.Good(fmt.Sprintf("Namespace %s update succeeded.", n.name(s))))
			return s.Out.Value(response)
		}),
	}
	n.addTo(cmd)
	o.addTo(cmd, 0, "")
	cmd.Flags().BoolVar(&promote, "promote-global", false, "make it a namespace of several clusters; nothing else is changed")
	cmd.Flags().Var(replication, "replication-state", "how it is replicated: "+replication.Choices())
	return cmd
}

// update is the request that changes what is given. The server replaces what is sent, so
// what is not given is asked for and sent as it is.
func (o *settings) update(ctx context.Context, s *command.Session, name string, promote bool, replication *flags.Enum) (*workflowservice.UpdateNamespaceRequest, error) {
	switch {
	case promote && o.activeCluster != "":
		return nil, flags.Usagef("--promote-global and --active-cluster cannot be given together")
	case promote:
		return &workflowservice.UpdateNamespaceRequest{Namespace: name, PromoteNamespace: true}, nil
	case o.activeCluster != "":
		return &workflowservice.UpdateNamespaceRequest{
			Namespace:         name,
			ReplicationConfig: &replicationpb.NamespaceReplicationConfig{ActiveClusterName: o.activeCluster},
		}, nil
	}
	data, err := flags.KeyValues("data", o.data)
	if err != nil {
		return nil, err
	}
	now, err := s.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
	if err != nil {
		return nil, fmt.Errorf("updating namespace %s: %w", name, err)
	}
	info := &namespacepb.UpdateNamespaceInfo{
		Description: now.GetNamespaceInfo().GetDescription(), OwnerEmail: now.GetNamespaceInfo().GetOwnerEmail(), Data: data,
	}
	if o.description != "" {
		info.Description = o.description
	}
	if o.email != "" {
		info.OwnerEmail = o.email
	}
	config := &namespacepb.NamespaceConfig{
		WorkflowExecutionRetentionTtl: now.GetConfig().GetWorkflowExecutionRetentionTtl(),
		HistoryArchivalState:          archival(o.history),
		HistoryArchivalUri:            o.historyURI,
		VisibilityArchivalState:       archival(o.visibility),
		VisibilityArchivalUri:         o.visibilityURI,
	}
	if o.retention > 0 {
		config.WorkflowExecutionRetentionTtl = durationpb.New(time.Duration(o.retention))
	}
	states := map[string]enumspb.ReplicationState{"normal": enumspb.REPLICATION_STATE_NORMAL, "handover": enumspb.REPLICATION_STATE_HANDOVER}
	return &workflowservice.UpdateNamespaceRequest{
		Namespace: name, UpdateInfo: info, Config: config,
		ReplicationConfig: &replicationpb.NamespaceReplicationConfig{Clusters: o.clusterConfigs(), State: states[replication.Value()]},
	}, nil
}

func newNamespaceDelete(g *command.Group) *cobra.Command {
	var n named
	var yes bool
	cmd := &cobra.Command{
		Use:     "delete",
		Short:   "Delete a namespace with all that is in it",
		Long:    `Delete a namespace with all its workflows. Its name has to be typed, unless --yes is given.`,
		Example: `  perdure operator namespace delete orders`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			name := n.name(s)
			question := output.Bad(fmt.Sprintf("Are you sure you want to delete namespace %s? Type namespace name to confirm:", name))
			if err := s.ConfirmWord(question, name, yes); err != nil {
				return err
			}
			response, err := s.OperatorService().DeleteNamespace(ctx, &operatorservice.DeleteNamespaceRequest{Namespace: name})
			if err != nil {
				return fmt.Errorf("deleting namespace %s: %w", name, err)
			}
			s.Out.Printf("%s", output.Good(fmt.Sprintf("Namespace %s has been deleted.", name)))
			return s.Out.Value(response)
		}),
	}
	n.addTo(cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "delete it without asking")
	return cmd
}
