package client_test

//lint:file-ignore SA1019 what is deprecated is tested as well

import (
	"context"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/client"
	iclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/policy"
)

type (
	version       = policy.WorkerDeploymentVersion
	pollerOptions = iclient.WorkerDeploymentPollerOptions
)

// request1 returns the second request, which must be a Q.
func request1[Q proto.Message](s *fakeServer) Q { return request[Q](s, 1) }

func jsonPayload(data string) *commonpb.Payload {
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(data)}
}

func TestWorkerDeployments(t *testing.T) {
	routing := &deploymentpb.RoutingConfig{
		CurrentDeploymentVersion:            &deploymentpb.WorkerDeploymentVersion{DeploymentName: "d", BuildId: "1"},
		RampingVersion:                      "d.2",
		RampingVersionPercentage:            30,
		CurrentVersionChangedTime:           timestamppb.New(then),
		RampingVersionPercentageChangedTime: timestamppb.New(then),
	}
	wantRouting := client.WorkerDeploymentRoutingConfig{
		CurrentVersion:                      &version{DeploymentName: "d", BuildID: "1"},
		RampingVersion:                      &version{DeploymentName: "d", BuildID: "2"},
		RampingVersionPercentage:            30,
		CurrentVersionChangedTime:           then,
		RampingVersionPercentageChangedTime: then,
	}
	handle := func(c client.Client) client.WorkerDeploymentHandle { return c.WorkerDeploymentClient().GetHandle("d") }
	protoVersion := &deploymentpb.WorkerDeploymentVersion{DeploymentName: "d", BuildId: "1"}
	runWireTests(t, map[string]wireTest{
		"describe": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
			},
			want: &workflowservice.DescribeWorkerDeploymentRequest{Namespace: "ns", DeploymentName: "d"},
			response: &workflowservice.DescribeWorkerDeploymentResponse{
				ConflictToken: []byte("t"),
				WorkerDeploymentInfo: &deploymentpb.WorkerDeploymentInfo{
					Name: "d", CreateTime: timestamppb.New(then), RoutingConfig: routing, LastModifierIdentity: "x", ManagerIdentity: "y",
					VersionSummaries: []*deploymentpb.WorkerDeploymentInfo_WorkerDeploymentVersionSummary{
						{Version: "d.1", CreateTime: timestamppb.New(then), DrainageStatus: enumspb.VERSION_DRAINAGE_STATUS_DRAINING},
						{Version: "__unversioned__"},
					},
				},
			},
			check: wantResult(client.WorkerDeploymentDescribeResponse{
				ConflictToken: []byte("t"),
				Info: client.WorkerDeploymentInfo{
					Name: "d", CreateTime: then, RoutingConfig: wantRouting, LastModifierIdentity: "x", ManagerIdentity: "y",
					VersionSummaries: []client.WorkerDeploymentVersionSummary{{
						Version:        version{DeploymentName: "d", BuildID: "1"},
						CreateTime:     then,
						DrainageStatus: client.WorkerDeploymentVersionDrainageStatusDraining,
					}},
				},
			}),
		},
		"set the current version": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{
					BuildID: "1", ConflictToken: []byte("t"), Identity: "other", IgnoreMissingTaskQueues: true, AllowNoPollers: true})
			},
			want: &workflowservice.SetWorkerDeploymentCurrentVersionRequest{
				Namespace: "ns", DeploymentName: "d", Version: "d.1", BuildId: "1", ConflictToken: []byte("t"), Identity: "other",
				IgnoreMissingTaskQueues: true, AllowNoPollers: true},
			response: &workflowservice.SetWorkerDeploymentCurrentVersionResponse{ConflictToken: []byte("u"), PreviousVersion: "d.0"},
			check: wantResult(client.WorkerDeploymentSetCurrentVersionResponse{
				ConflictToken: []byte("u"), PreviousVersion: &version{DeploymentName: "d", BuildID: "0"}}),
		},
		"set no version as the current one": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{})
			},
			want: &workflowservice.SetWorkerDeploymentCurrentVersionRequest{
				Namespace: "ns", DeploymentName: "d", Version: "__unversioned__", Identity: "me"},
		},
		"set the ramping version": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{BuildID: "1", Percentage: 12.5})
			},
			want: &workflowservice.SetWorkerDeploymentRampingVersionRequest{
				Namespace: "ns", DeploymentName: "d", Version: "d.1", BuildId: "1", Percentage: 12.5, Identity: "me"},
			response: &workflowservice.SetWorkerDeploymentRampingVersionResponse{PreviousDeploymentVersion: protoVersion, PreviousPercentage: 5},
			check: wantResult(client.WorkerDeploymentSetRampingVersionResponse{
				PreviousVersion: &version{DeploymentName: "d", BuildID: "1"}, PreviousPercentage: 5}),
		},
		"be the manager": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).SetManagerIdentity(ctx, client.WorkerDeploymentSetManagerIdentityOptions{Self: true})
			},
			want: &workflowservice.SetWorkerDeploymentManagerRequest{Namespace: "ns", DeploymentName: "d", Identity: "me",
				NewManagerIdentity: &workflowservice.SetWorkerDeploymentManagerRequest_Self{Self: true}},
			response: &workflowservice.SetWorkerDeploymentManagerResponse{PreviousManagerIdentity: "x"},
			check:    wantResult(client.WorkerDeploymentSetManagerIdentityResponse{PreviousManagerIdentity: "x"}),
		},
		"have no manager": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).SetManagerIdentity(ctx, client.WorkerDeploymentSetManagerIdentityOptions{})
			},
			want: &workflowservice.SetWorkerDeploymentManagerRequest{Namespace: "ns", DeploymentName: "d", Identity: "me",
				NewManagerIdentity: &workflowservice.SetWorkerDeploymentManagerRequest_ManagerIdentity{}},
		},
		"describe a version": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: "1"})
			},
			want: &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: "ns", Version: "d.1", DeploymentVersion: protoVersion},
			response: &workflowservice.DescribeWorkerDeploymentVersionResponse{WorkerDeploymentVersionInfo: &deploymentpb.WorkerDeploymentVersionInfo{
				DeploymentVersion: protoVersion, CreateTime: timestamppb.New(then), CurrentSinceTime: timestamppb.New(then), RampPercentage: 3,
				TaskQueueInfos: []*deploymentpb.WorkerDeploymentVersionInfo_VersionTaskQueueInfo{{Name: "tq", Type: enumspb.TASK_QUEUE_TYPE_ACTIVITY}},
				DrainageInfo:   &deploymentpb.VersionDrainageInfo{Status: enumspb.VERSION_DRAINAGE_STATUS_DRAINED, LastChangedTime: timestamppb.New(then)},
				Metadata:       &deploymentpb.VersionMetadata{Entries: map[string]*commonpb.Payload{"k": jsonPayload("1")}},
			}},
			check: func(t *testing.T, got any) {
				info := got.(client.WorkerDeploymentVersionDescription).Info
				wantProto(t, info.Metadata["k"], jsonPayload("1"))
				info.Metadata = nil
				wantResult(client.WorkerDeploymentVersionInfo{
					Version: version{DeploymentName: "d", BuildID: "1"}, CreateTime: then, CurrentSinceTime: then, RampPercentage: 3,
					TaskQueuesInfos: []client.WorkerDeploymentTaskQueueInfo{{Name: "tq", Type: client.TaskQueueTypeActivity}},
					DrainageInfo: &client.WorkerDeploymentVersionDrainageInfo{
						DrainageStatus: client.WorkerDeploymentVersionDrainageStatusDrained, LastChangedTime: then},
				})(t, info)
			},
		},
		"delete a version": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).DeleteVersion(ctx, client.WorkerDeploymentDeleteVersionOptions{BuildID: "1", SkipDrainage: true})
			},
			want: &workflowservice.DeleteWorkerDeploymentVersionRequest{
				Namespace: "ns", Version: "d.1", DeploymentVersion: protoVersion, SkipDrainage: true, Identity: "me"},
		},
		"change metadata": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).UpdateVersionMetadata(ctx, client.WorkerDeploymentUpdateVersionMetadataOptions{
					Version: version{DeploymentName: "d", BuildID: "1"},
					MetadataUpdate: client.WorkerDeploymentMetadataUpdate{
						UpsertEntries: map[string]any{"a": "x", "b": jsonPayload("2")}, RemoveEntries: []string{"c"}},
				})
			},
			want: &workflowservice.UpdateWorkerDeploymentVersionMetadataRequest{
				Namespace: "ns", Version: "d.1", DeploymentVersion: protoVersion,
				UpsertEntries: map[string]*commonpb.Payload{"a": jsonPayload(`"x"`), "b": jsonPayload("2")}, RemoveEntries: []string{"c"}},
		},
		"delete": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return c.WorkerDeploymentClient().Delete(ctx, client.WorkerDeploymentDeleteOptions{Name: "d"})
			},
			want: &workflowservice.DeleteWorkerDeploymentRequest{Namespace: "ns", DeploymentName: "d", Identity: "me"},
		},
		"list": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				it, err := c.WorkerDeploymentClient().List(ctx, client.WorkerDeploymentListOptions{PageSize: 7})
				if err != nil || !it.HasNext() {
					return nil, err
				}
				entry, err := it.Next()
				if it.HasNext() {
					return "more than one", err
				}
				return *entry, err
			},
			want: &workflowservice.ListWorkerDeploymentsRequest{Namespace: "ns", PageSize: 7},
			response: &workflowservice.ListWorkerDeploymentsResponse{WorkerDeployments: []*workflowservice.ListWorkerDeploymentsResponse_WorkerDeploymentSummary{
				{Name: "d", CreateTime: timestamppb.New(then), RoutingConfig: routing}}},
			check: wantResult(client.WorkerDeploymentListEntry{Name: "d", CreateTime: then, RoutingConfig: wantRouting}),
		},
	})
}

func TestWorkerDeploymentRequestsThatMakeNoSenseAreRefused(t *testing.T) {
	of := func(name string) func(context.Context, client.Client) error {
		return func(ctx context.Context, c client.Client) error {
			_, err := c.WorkerDeploymentClient().GetHandle(name).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
			return err
		}
	}
	wantRefused(t, map[string]func(context.Context, client.Client) error{
		"no name":                    of(""),
		"a name that has separators": of("a.b"),
		"delete no name": func(ctx context.Context, c client.Client) error {
			_, err := c.WorkerDeploymentClient().Delete(ctx, client.WorkerDeploymentDeleteOptions{})
			return err
		},
		"describe no version": func(ctx context.Context, c client.Client) error {
			_, err := c.WorkerDeploymentClient().GetHandle("d").DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{})
			return err
		},
		"two managers": func(ctx context.Context, c client.Client) error {
			_, err := c.WorkerDeploymentClient().GetHandle("d").SetManagerIdentity(ctx, client.WorkerDeploymentSetManagerIdentityOptions{Self: true, ManagerIdentity: "x"})
			return err
		},
		"a value that cannot be encoded": func(ctx context.Context, c client.Client) error {
			_, err := c.WorkerDeploymentClient().GetHandle("d").UpdateVersionMetadata(ctx, client.WorkerDeploymentUpdateVersionMetadataOptions{
				Version:        version{DeploymentName: "d", BuildID: "1"},
				MetadataUpdate: client.WorkerDeploymentMetadataUpdate{UpsertEntries: map[string]any{"f": func() {}}},
			})
			return err
		},
		"a deployment without a series": func(ctx context.Context, c client.Client) error {
			_, err := c.DeploymentClient().Describe(ctx, client.DeploymentDescribeOptions{Deployment: client.Deployment{BuildID: "1"}})
			return err
		},
		"a deployment without a build": func(ctx context.Context, c client.Client) error {
			_, err := c.DeploymentClient().SetCurrent(ctx, client.DeploymentSetCurrentOptions{Deployment: client.Deployment{SeriesName: "s"}})
			return err
		},
		"no series": func(ctx context.Context, c client.Client) error {
			_, err := c.DeploymentClient().GetCurrent(ctx, client.DeploymentGetCurrentOptions{})
			return err
		},
	})
}

func TestDeployments(t *testing.T) {
	protoDeployment := &deploymentpb.Deployment{SeriesName: "s", BuildId: "1"}
	deployment := client.Deployment{SeriesName: "s", BuildID: "1"}
	info := &deploymentpb.DeploymentInfo{Deployment: protoDeployment, CreateTime: timestamppb.New(then), IsCurrent: true,
		TaskQueueInfos: []*deploymentpb.DeploymentInfo_TaskQueueInfo{{Name: "tq", Type: enumspb.TASK_QUEUE_TYPE_WORKFLOW, FirstPollerTime: timestamppb.New(then)}}}
	wantInfo := client.DeploymentInfo{Deployment: deployment, CreateTime: then, IsCurrent: true,
		TaskQueuesInfos: []client.DeploymentTaskQueueInfo{{Name: "tq", Type: client.TaskQueueTypeWorkflow, FirstPollerTime: then}}}
	runWireTests(t, map[string]wireTest{
		"describe": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return c.DeploymentClient().Describe(ctx, client.DeploymentDescribeOptions{Deployment: deployment})
			},
			want:     &workflowservice.DescribeDeploymentRequest{Namespace: "ns", Deployment: protoDeployment},
			response: &workflowservice.DescribeDeploymentResponse{DeploymentInfo: info},
			check:    wantResult(client.DeploymentDescription{DeploymentInfo: wantInfo}),
		},
		"reachability": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return c.DeploymentClient().GetReachability(ctx, client.DeploymentGetReachabilityOptions{Deployment: deployment})
			},
			want: &workflowservice.GetDeploymentReachabilityRequest{Namespace: "ns", Deployment: protoDeployment},
			response: &workflowservice.GetDeploymentReachabilityResponse{DeploymentInfo: info,
				Reachability: enumspb.DEPLOYMENT_REACHABILITY_CLOSED_WORKFLOWS_ONLY, LastUpdateTime: timestamppb.New(then)},
			check: wantResult(client.DeploymentReachabilityInfo{DeploymentInfo: wantInfo,
				Reachability: client.DeploymentReachabilityClosedWorkflows, LastUpdateTime: then}),
		},
		"the current one": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return c.DeploymentClient().GetCurrent(ctx, client.DeploymentGetCurrentOptions{SeriesName: "s"})
			},
			want:     &workflowservice.GetCurrentDeploymentRequest{Namespace: "ns", SeriesName: "s"},
			response: &workflowservice.GetCurrentDeploymentResponse{CurrentDeploymentInfo: info},
			check:    wantResult(client.DeploymentGetCurrentResponse{DeploymentInfo: wantInfo}),
		},
		"set the current one": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				response, err := c.DeploymentClient().SetCurrent(ctx, client.DeploymentSetCurrentOptions{Deployment: deployment,
					MetadataUpdate: client.DeploymentMetadataUpdate{UpsertEntries: map[string]any{"a": 1}, RemoveEntries: []string{"b"}}})
				return response.Current, err
			},
			want: &workflowservice.SetCurrentDeploymentRequest{Namespace: "ns", Deployment: protoDeployment, Identity: "me",
				UpdateMetadata: &deploymentpb.UpdateDeploymentMetadata{
					UpsertEntries: map[string]*commonpb.Payload{"a": jsonPayload("1")}, RemoveEntries: []string{"b"}}},
			response: &workflowservice.SetCurrentDeploymentResponse{CurrentDeploymentInfo: info},
			check:    wantResult(wantInfo),
		},
		"list": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				it, err := c.DeploymentClient().List(ctx, client.DeploymentListOptions{PageSize: 2, SeriesName: "s"})
				if err != nil || !it.HasNext() {
					return nil, err
				}
				entry, err := it.Next()
				return *entry, err
			},
			want: &workflowservice.ListDeploymentsRequest{Namespace: "ns", PageSize: 2, SeriesName: "s"},
			response: &workflowservice.ListDeploymentsResponse{Deployments: []*deploymentpb.DeploymentListInfo{
				{Deployment: protoDeployment, CreateTime: timestamppb.New(then), IsCurrent: true}}},
			check: wantResult(client.DeploymentListEntry{Deployment: deployment, CreateTime: then, IsCurrent: true}),
		},
	})
}
