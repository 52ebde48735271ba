package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/sdk/client"
)

// The fields of these types are those of the JSON of the Temporal CLI.
type (
	deploymentJSON struct {
		Name                 string        `json:"name"`
		CreateTime           time.Time     `json:"createTime"`
		LastModifierIdentity string        `json:"lastModifierIdentity"`
		RoutingConfig        routingJSON   `json:"routingConfig"`
		VersionSummaries     []summaryJSON `json:"versionSummaries"`
		ManagerIdentity      string        `json:"managerIdentity"`
	}
	routingJSON struct {
		CurrentVersionDeploymentName        string    `json:"currentVersionDeploymentName"`
		CurrentVersionBuildID               string    `json:"currentVersionBuildID"`
		RampingVersionDeploymentName        string    `json:"rampingVersionDeploymentName"`
		RampingVersionBuildID               string    `json:"rampingVersionBuildID"`
		RampingVersionPercentage            float32   `json:"rampingVersionPercentage"`
		CurrentVersionChangedTime           time.Time `json:"currentVersionChangedTime"`
		RampingVersionChangedTime           time.Time `json:"rampingVersionChangedTime"`
		RampingVersionPercentageChangedTime time.Time `json:"rampingVersionPercentageChangedTime"`
	}
	summaryJSON struct {
		DeploymentName string    `json:"deploymentName"`
		BuildID        string    `json:"BuildID"`
		DrainageStatus string    `json:"drainageStatus"`
		CreateTime     time.Time `json:"createTime"`
	}
	versionJSON struct {
		DeploymentName     string                     `json:"deploymentName"`
		BuildID            string                     `json:"BuildID"`
		CreateTime         time.Time                  `json:"createTime"`
		RoutingChangedTime time.Time                  `json:"routingChangedTime"`
		CurrentSinceTime   time.Time                  `json:"currentSinceTime"`
		RampingSinceTime   time.Time                  `json:"rampingSinceTime"`
		RampPercentage     float32                    `json:"rampPercentage"`
		DrainageInfo       drainageJSON               `json:"drainageInfo"`
		TaskQueuesInfos    []taskQueueJSON            `json:"taskQueuesInfos"`
		Metadata           map[string]json.RawMessage `json:"metadata"`
	}
	drainageJSON struct {
		DrainageStatus  string    `json:"drainageStatus"`
		LastChangedTime time.Time `json:"lastChangedTime"`
		LastCheckedTime time.Time `json:"lastCheckedTime"`
	}
	taskQueueJSON struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
)

func drainageStatus(status client.WorkerDeploymentVersionDrainageStatus) string {
	switch status {
	case client.WorkerDeploymentVersionDrainageStatusDraining:
		return "draining"
	case client.WorkerDeploymentVersionDrainageStatusDrained:
		return "drained"
	}
	return "unspecified"
}

func taskQueueType(kind client.TaskQueueType) string {
	switch kind {
	case client.TaskQueueTypeWorkflow:
		return "workflow"
	case client.TaskQueueTypeActivity:
		return "activity"
	case client.TaskQueueTypeNexus:
		return "nexus"
	}
	return "unspecified"
}

func routingOf(config client.WorkerDeploymentRoutingConfig) routingJSON {
	r := routingJSON{
		RampingVersionPercentage:            config.RampingVersionPercentage,
		CurrentVersionChangedTime:           config.CurrentVersionChangedTime,
		RampingVersionChangedTime:           config.RampingVersionChangedTime,
		RampingVersionPercentageChangedTime: config.RampingVersionPercentageChangedTime,
	}
	if v := config.CurrentVersion; v != nil {
		r.CurrentVersionDeploymentName, r.CurrentVersionBuildID = v.DeploymentName, v.BuildID
	}
	if v := config.RampingVersion; v != nil {
		r.RampingVersionDeploymentName, r.RampingVersionBuildID = v.DeploymentName, v.BuildID
	}
	return r
}

func deploymentOf(info client.WorkerDeploymentInfo) deploymentJSON {
	d := deploymentJSON{
		Name: info.Name, CreateTime: info.CreateTime, LastModifierIdentity: info.LastModifierIdentity,
		RoutingConfig: routingOf(info.RoutingConfig), ManagerIdentity: info.ManagerIdentity,
	}
	for _, v := range info.VersionSummaries {
		d.VersionSummaries = append(d.VersionSummaries, summaryJSON{v.Version.DeploymentName, v.Version.BuildID, drainageStatus(v.DrainageStatus), v.CreateTime})
	}
	return d
}

// showDeployment prints a deployment as text.
func showDeployment(out *output.Printer, info client.WorkerDeploymentInfo) {
	r := routingOf(info.RoutingConfig)
	fields := []output.Field{
		output.F("Name", info.Name),
		output.F("CreateTime", info.CreateTime),
		output.Optional("LastModifierIdentity", info.LastModifierIdentity),
		output.Optional("ManagerIdentity", info.ManagerIdentity),
		output.Optional("CurrentVersionBuildID", r.CurrentVersionBuildID),
		output.Optional("CurrentVersionChangedTime", r.CurrentVersionChangedTime),
		output.Optional("RampingVersionBuildID", r.RampingVersionBuildID),
	}
	if r.RampingVersionPercentage > 0 {
		fields = append(fields, output.F("RampingVersionPercentage", r.RampingVersionPercentage), output.Optional("RampingVersionChangedTime", r.RampingVersionChangedTime))
	}
	out.Card(fields...)
	if len(info.VersionSummaries) == 0 {
		return
	}
	var rows [][]any
	for _, v := range info.VersionSummaries {
		rows = append(rows, []any{v.Version.BuildID, drainageStatus(v.DrainageStatus), v.CreateTime})
	}
	out.Printf("")
	out.Table(output.Col("BuildID"), output.Col("DrainageStatus"), output.Col("CreateTime")).Rows(rows...)
}

func newDeploymentDescribe(g *command.Group) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "describe",
		Short:   "Show a deployment",
		Long:    `Show a deployment: its versions, and to which of them workflows go.`,
		Example: `  perdure worker deployment describe --name shop`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			response, err := s.WorkerDeploymentClient().GetHandle(name).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
			if err != nil {
				return fmt.Errorf("describing deployment %q: %w", name, err)
			}
			showDeployment(s.Out, response.Info)
			return s.Out.Value(deploymentOf(response.Info))
		}),
	}
	addName(cmd, &name)
	return cmd
}

func newDeploymentList(g *command.Group) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List deployments",
		Long:    `List the deployments of the namespace.`,
		Example: `  perdure worker deployment list`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			deployments, err := s.WorkerDeploymentClient().List(ctx, client.WorkerDeploymentListOptions{})
			if err != nil {
				return fmt.Errorf("listing deployments: %w", err)
			}
			list := s.Out.List()
			defer list.End()
			var rows [][]any
			for deployments.HasNext() {
				entry, err := deployments.Next()
				if err != nil {
					return fmt.Errorf("listing deployments: %w", err)
				}
				r := routingOf(entry.RoutingConfig)
				if s.Out.JSON() {
					if err := list.Add(deploymentJSON{Name: entry.Name, CreateTime: entry.CreateTime, RoutingConfig: r}); err != nil {
						return err
					}
				}
				rows = append(rows, []any{entry.Name, entry.CreateTime, r.CurrentVersionBuildID, r.RampingVersionBuildID, r.RampingVersionPercentage})
			}
			s.Out.Table(output.Col("Name"), output.Col("CreateTime"), output.Col("CurrentVersionBuildID"), output.Col("RampingVersionBuildID"),
				output.Number("RampingVersionPercentage")).Rows(rows...)
			return nil
		}),
	}
}

func newDescribeVersion(g *command.Group) *cobra.Command {
	var v version
	cmd := &cobra.Command{
		Use:     "describe-version",
		Short:   "Show a version",
		Long:    `Show a version: its task queues, whether it still has workflows, its metadata.`,
		Example: `  perdure worker deployment describe-version --deployment-name shop --build-id 1.1`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			response, err := s.WorkerDeploymentClient().GetHandle(v.deployment).DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: v.build})
			if err != nil {
				return fmt.Errorf("describing the version: %w", err)
			}
			showVersion(s.Out, response.Info)
			shown, err := versionOf(s.Out, response.Info)
			if err != nil {
				return err
			}
			return s.Out.Value(shown)
		}),
	}
	v.addTo(cmd)
	return cmd
}

func versionOf(out *output.Printer, info client.WorkerDeploymentVersionInfo) (versionJSON, error) {
	metadata, err := shownMetadata(out, info.Metadata)
	v := versionJSON{
		DeploymentName: info.Version.DeploymentName, BuildID: info.Version.BuildID, CreateTime: info.CreateTime, RoutingChangedTime: info.RoutingChangedTime,
		CurrentSinceTime: info.CurrentSinceTime, RampingSinceTime: info.RampingSinceTime, RampPercentage: info.RampPercentage, Metadata: metadata,
	}
	if d := info.DrainageInfo; d != nil {
		v.DrainageInfo = drainageJSON{drainageStatus(d.DrainageStatus), d.LastChangedTime, d.LastCheckedTime}
	}
	for _, queue := range info.TaskQueuesInfos {
		v.TaskQueuesInfos = append(v.TaskQueuesInfos, taskQueueJSON{queue.Name, taskQueueType(queue.Type)})
	}
	return v, err
}

// shownMetadata is metadata as JSON, with payloads as they are on the wire; nil if there is none.
func shownMetadata(out *output.Printer, metadata map[string]*commonpb.Payload) (shown map[string]json.RawMessage, err error) {
	for key, payload := range metadata {
		if shown == nil {
			shown = make(map[string]json.RawMessage, len(metadata))
		}
		if shown[key], err = out.MarshalWire(payload); err != nil {
			return nil, err
		}
	}
	return shown, nil
}

// showVersion prints a version as text.
func showVersion(out *output.Printer, info client.WorkerDeploymentVersionInfo) {
	fields := []output.Field{
		output.F("DeploymentName", info.Version.DeploymentName),
		output.F("BuildID", info.Version.BuildID),
		output.F("CreateTime", info.CreateTime),
		output.Optional("RoutingChangedTime", info.RoutingChangedTime),
		output.Optional("CurrentSinceTime", info.CurrentSinceTime),
		output.Optional("RampingSinceTime", info.RampingSinceTime),
		output.F("RampPercentage", info.RampPercentage),
	}
	if d := info.DrainageInfo; d != nil {
		fields = append(fields, output.F("DrainageStatus", drainageStatus(d.DrainageStatus)), output.Optional("DrainageLastChangedTime", d.LastChangedTime),
			output.Optional("DrainageLastCheckedTime", d.LastCheckedTime))
	}
	if len(info.Metadata) > 0 {
		fields = append(fields, output.F("Metadata", info.Metadata))
	}
	out.Card(fields...)
	if len(info.TaskQueuesInfos) == 0 {
		return
	}
	var rows [][]any
	for _, queue := range info.TaskQueuesInfos {
		rows = append(rows, []any{queue.Name, taskQueueType(queue.Type)})
	}
	out.Printf("")
	out.Table(output.Col("TaskQueue"), output.Col("Type")).Rows(rows...)
}
