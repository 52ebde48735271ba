package client_test

//lint:file-ignore SA1019 what is deprecated is tested as well

import (
	"context"
	"math"
	"reflect"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/client"
)

// wantResult compares the result of a call.
func wantResult(want any) func(*testing.T, any) {
	return func(t *testing.T, got any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
	}
}

var then = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestVersionSets(t *testing.T) {
	update := func(op func(*client.UpdateWorkerBuildIdCompatibilityOptions)) func(context.Context, client.Client) (any, error) {
		return func(ctx context.Context, c client.Client) (any, error) {
			options := &client.UpdateWorkerBuildIdCompatibilityOptions{TaskQueue: "tq"}
			op(options)
			return errorOnly(c.UpdateWorkerBuildIdCompatibility(ctx, options))
		}
	}
	runWireTests(t, map[string]wireTest{
		"a build in a set of its own": {
			call: update(func(o *client.UpdateWorkerBuildIdCompatibilityOptions) {
				o.Operation = &client.BuildIDOpAddNewIDInNewDefaultSet{BuildID: "1"}
			}),
			want: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest{Namespace: "ns", TaskQueue: "tq",
				Operation: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_AddNewBuildIdInNewDefaultSet{AddNewBuildIdInNewDefaultSet: "1"}},
		},
		"a compatible build": {
			call: update(func(o *client.UpdateWorkerBuildIdCompatibilityOptions) {
				o.Operation = &client.BuildIDOpAddNewCompatibleVersion{BuildID: "2", ExistingCompatibleBuildID: "1", MakeSetDefault: true}
			}),
			want: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest{Namespace: "ns", TaskQueue: "tq",
				Operation: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_AddNewCompatibleBuildId{
					AddNewCompatibleBuildId: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_AddNewCompatibleVersion{
						NewBuildId: "2", ExistingCompatibleBuildId: "1", MakeSetDefault: true}}},
		},
		"a set promoted": {
			call: update(func(o *client.UpdateWorkerBuildIdCompatibilityOptions) {
				o.Operation = &client.BuildIDOpPromoteSet{BuildID: "1"}
			}),
			want: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest{Namespace: "ns", TaskQueue: "tq",
				Operation: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_PromoteSetByBuildId{PromoteSetByBuildId: "1"}},
		},
		"a build promoted": {
			call: update(func(o *client.UpdateWorkerBuildIdCompatibilityOptions) {
				o.Operation = &client.BuildIDOpPromoteIDWithinSet{BuildID: "1"}
			}),
			want: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest{Namespace: "ns", TaskQueue: "tq",
				Operation: &workflowservice.UpdateWorkerBuildIdCompatibilityRequest_PromoteBuildIdWithinSet{PromoteBuildIdWithinSet: "1"}},
		},
		"the sets": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				sets, err := c.GetWorkerBuildIdCompatibility(ctx, &client.GetWorkerBuildIdCompatibilityOptions{TaskQueue: "tq", MaxSets: 3})
				return sets.Default(), err
			},
			want: &workflowservice.GetWorkerBuildIdCompatibilityRequest{Namespace: "ns", TaskQueue: "tq", MaxSets: 3},
			response: &workflowservice.GetWorkerBuildIdCompatibilityResponse{MajorVersionSets: []*taskqueuepb.CompatibleVersionSet{
				{BuildIds: []string{"1"}}, {BuildIds: []string{"2", "2.1"}}}},
			check: wantResult("2.1"),
		},
		"reachability": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return c.GetWorkerTaskReachability(ctx, &client.GetWorkerTaskReachabilityOptions{
					BuildIDs: []string{"1"}, TaskQueues: []string{"tq"}, Reachability: client.TaskReachabilityOpenWorkflows})
			},
			want: &workflowservice.GetWorkerTaskReachabilityRequest{Namespace: "ns", BuildIds: []string{"1"}, TaskQueues: []string{"tq"},
				Reachability: enumspb.TASK_REACHABILITY_OPEN_WORKFLOWS},
			response: &workflowservice.GetWorkerTaskReachabilityResponse{BuildIdReachability: []*taskqueuepb.BuildIdReachability{{
				BuildId: "1",
				TaskQueueReachability: []*taskqueuepb.TaskQueueReachability{
					{TaskQueue: "a", Reachability: []enumspb.TaskReachability{enumspb.TASK_REACHABILITY_NEW_WORKFLOWS, enumspb.TASK_REACHABILITY_CLOSED_WORKFLOWS}},
					{TaskQueue: "b", Reachability: []enumspb.TaskReachability{enumspb.TASK_REACHABILITY_UNSPECIFIED}},
					{TaskQueue: "c"},
				}}}},
			check: wantResult(&client.WorkerTaskReachability{BuildIDReachability: map[string]*client.BuildIDReachability{"1": {
				TaskQueueReachable: map[string]*client.TaskQueueReachability{
					"a": {TaskQueueReachability: []client.TaskReachability{client.TaskReachabilityNewWorkflows, client.TaskReachabilityClosedWorkflows}},
					"c": {TaskQueueReachability: []client.TaskReachability{}},
				},
				UnretrievedTaskQueues: []string{"b"},
			}}}),
		},
	})
}

func TestVersioningRules(t *testing.T) {
	ruleCall := func(set func(*client.UpdateWorkerVersioningRulesOptions)) func(context.Context, client.Client) (any, error) {
		return func(ctx context.Context, c client.Client) (any, error) {
			options := client.UpdateWorkerVersioningRulesOptions{TaskQueue: "tq"}
			set(&options)
			return c.UpdateWorkerVersioningRules(ctx, options)
		}
	}
	ramped := client.VersioningAssignmentRule{TargetBuildID: "1", Ramp: &client.VersioningRampByPercentage{Percentage: 20}}
	rampedProto := &taskqueuepb.BuildIdAssignmentRule{TargetBuildId: "1", Ramp: &taskqueuepb.BuildIdAssignmentRule_PercentageRamp{
		PercentageRamp: &taskqueuepb.RampByPercentage{RampPercentage: 20}}}
	redirect := client.VersioningRedirectRule{SourceBuildID: "1", TargetBuildID: "2"}
	redirectProto := &taskqueuepb.CompatibleBuildIdRedirectRule{SourceBuildId: "1", TargetBuildId: "2"}
	request := func(operation func(*workflowservice.UpdateWorkerVersioningRulesRequest)) *workflowservice.UpdateWorkerVersioningRulesRequest {
		r := &workflowservice.UpdateWorkerVersioningRulesRequest{Namespace: "ns", TaskQueue: "tq"}
		operation(r)
		return r
	}
	type options = client.UpdateWorkerVersioningRulesOptions
	type update = workflowservice.UpdateWorkerVersioningRulesRequest
	runWireTests(t, map[string]wireTest{
		"an assignment rule inserted": {
			call: ruleCall(func(o *options) {
				o.Operation = &client.VersioningOperationInsertAssignmentRule{RuleIndex: 1, Rule: ramped}
			}),
			want: request(func(r *update) {
				r.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_InsertAssignmentRule{
					InsertAssignmentRule: &workflowservice.UpdateWorkerVersioningRulesRequest_InsertBuildIdAssignmentRule{RuleIndex: 1, Rule: rampedProto}}
			}),
		},
		"an assignment rule replaced": {
			call: ruleCall(func(o *options) {
				o.Operation = &client.VersioningOperationReplaceAssignmentRule{RuleIndex: 1, Rule: ramped, Force: true}
			}),
			want: request(func(r *update) {
				r.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_ReplaceAssignmentRule{
					ReplaceAssignmentRule: &workflowservice.UpdateWorkerVersioningRulesRequest_ReplaceBuildIdAssignmentRule{RuleIndex: 1, Rule: rampedProto, Force: true}}
			}),
		},
		"an assignment rule deleted": {
			call: ruleCall(func(o *options) {
				o.Operation = &client.VersioningOperationDeleteAssignmentRule{RuleIndex: 2, Force: true}
			}),
			want: request(func(r *update) {
				r.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_DeleteAssignmentRule{
					DeleteAssignmentRule: &workflowservice.UpdateWorkerVersioningRulesRequest_DeleteBuildIdAssignmentRule{RuleIndex: 2, Force: true}}
			}),
		},
		"a redirect rule added": {
			call: ruleCall(func(o *options) { o.Operation = &client.VersioningOperationAddRedirectRule{Rule: redirect} }),
			want: request(func(r *update) {
				r.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_AddCompatibleRedirectRule{
					AddCompatibleRedirectRule: &workflowservice.UpdateWorkerVersioningRulesRequest_AddCompatibleBuildIdRedirectRule{Rule: redirectProto}}
			}),
		},
		"a redirect rule replaced": {
			call: ruleCall(func(o *options) { o.Operation = &client.VersioningOperationReplaceRedirectRule{Rule: redirect} }),
			want: request(func(r *update) {
				r.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_ReplaceCompatibleRedirectRule{
					ReplaceCompatibleRedirectRule: &workflowservice.UpdateWorkerVersioningRulesRequest_ReplaceCompatibleBuildIdRedirectRule{Rule: redirectProto}}
			}),
		},
		"a redirect rule deleted": {
			call: ruleCall(func(o *options) { o.Operation = &client.VersioningOperationDeleteRedirectRule{SourceBuildID: "1"} }),
			want: request(func(r *update) {
				r.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_DeleteCompatibleRedirectRule{
					DeleteCompatibleRedirectRule: &workflowservice.UpdateWorkerVersioningRulesRequest_DeleteCompatibleBuildIdRedirectRule{SourceBuildId: "1"}}
			}),
		},
		"a build committed": {
			call: ruleCall(func(o *options) {
				o.Operation = &client.VersioningOperationCommitBuildID{TargetBuildID: "1", Force: true}
			}),
			want: request(func(r *update) {
				r.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_CommitBuildId_{
					CommitBuildId: &workflowservice.UpdateWorkerVersioningRulesRequest_CommitBuildId{TargetBuildId: "1", Force: true}}
			}),
		},
	})

	t.Run("a change carries the token of the rules that were read", func(t *testing.T) {
		s := newFakeServer(t)
		s.answer(&workflowservice.GetWorkerVersioningRulesRequest{}, &workflowservice.GetWorkerVersioningRulesResponse{
			AssignmentRules:         []*taskqueuepb.TimestampedBuildIdAssignmentRule{{Rule: rampedProto, CreateTime: timestamppb.New(then)}},
			CompatibleRedirectRules: []*taskqueuepb.TimestampedCompatibleBuildIdRedirectRule{{Rule: redirectProto, CreateTime: timestamppb.New(then)}},
			ConflictToken:           []byte("token"),
		})
		s.answer(&workflowservice.UpdateWorkerVersioningRulesRequest{}, nil)
		c := s.client(client.Options{Namespace: "ns"})
		rules, err := c.GetWorkerVersioningRules(t.Context(), client.GetWorkerVersioningOptions{TaskQueue: "tq"})
		if err != nil {
			t.Fatal(err)
		}
		if got := *rules.AssignmentRules[0]; !reflect.DeepEqual(got, client.VersioningAssignmentRuleWithTimestamp{Rule: ramped, CreateTime: then}) {
			t.Errorf("got %+v", got)
		}
		if got := *rules.RedirectRules[0]; got != (client.VersioningRedirectRuleWithTimestamp{Rule: redirect, CreateTime: then}) {
			t.Errorf("got %+v", got)
		}
		_, err = c.UpdateWorkerVersioningRules(t.Context(), client.UpdateWorkerVersioningRulesOptions{
			TaskQueue:     "tq",
			ConflictToken: rules.ConflictToken,
			Operation:     &client.VersioningOperationCommitBuildID{TargetBuildID: "1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := request1[*workflowservice.UpdateWorkerVersioningRulesRequest](s).GetConflictToken(); string(got) != "token" {
			t.Errorf("got %q", got)
		}
	})
}

func TestVersioningRequestsThatMakeNoSenseAreRefused(t *testing.T) {
	type set = client.UpdateWorkerBuildIdCompatibilityOptions
	type rule = client.UpdateWorkerVersioningRulesOptions
	sets := func(options set) func(context.Context, client.Client) error {
		return func(ctx context.Context, c client.Client) error {
			return c.UpdateWorkerBuildIdCompatibility(ctx, &options)
		}
	}
	rules := func(options rule) func(context.Context, client.Client) error {
		return func(ctx context.Context, c client.Client) error {
			_, err := c.UpdateWorkerVersioningRules(ctx, options)
			return err
		}
	}
	nan := float32(math.NaN())
	wantRefused(t, map[string]func(context.Context, client.Client) error{
		"no task queue":         sets(set{Operation: &client.BuildIDOpPromoteSet{BuildID: "1"}}),
		"no operation":          sets(set{TaskQueue: "tq"}),
		"no build":              sets(set{TaskQueue: "tq", Operation: &client.BuildIDOpPromoteSet{}}),
		"no compatible build":   sets(set{TaskQueue: "tq", Operation: &client.BuildIDOpAddNewCompatibleVersion{BuildID: "1"}}),
		"rules: no task queue":  rules(rule{Operation: &client.VersioningOperationCommitBuildID{TargetBuildID: "1"}}),
		"rules: no operation":   rules(rule{TaskQueue: "tq"}),
		"rules: no target":      rules(rule{TaskQueue: "tq", Operation: &client.VersioningOperationInsertAssignmentRule{}}),
		"rules: no source":      rules(rule{TaskQueue: "tq", Operation: &client.VersioningOperationDeleteRedirectRule{}}),
		"rules: ramp of all":    rules(rule{TaskQueue: "tq", Operation: &client.VersioningOperationInsertAssignmentRule{Rule: client.VersioningAssignmentRule{TargetBuildID: "1", Ramp: &client.VersioningRampByPercentage{Percentage: 100}}}}),
		"rules: ramp of nobody": rules(rule{TaskQueue: "tq", Operation: &client.VersioningOperationInsertAssignmentRule{Rule: client.VersioningAssignmentRule{TargetBuildID: "1", Ramp: &client.VersioningRampByPercentage{Percentage: nan}}}}),
		"negative sets": func(ctx context.Context, c client.Client) error {
			_, err := c.GetWorkerBuildIdCompatibility(ctx, &client.GetWorkerBuildIdCompatibilityOptions{MaxSets: -1})
			return err
		},
		"unknown reachability": func(ctx context.Context, c client.Client) error {
			_, err := c.GetWorkerTaskReachability(ctx, &client.GetWorkerTaskReachabilityOptions{Reachability: 99})
			return err
		},
		"describe no task queue": func(ctx context.Context, c client.Client) error {
			_, err := c.DescribeTaskQueueEnhanced(ctx, client.DescribeTaskQueueEnhancedOptions{})
			return err
		},
		"unknown type of task queue": func(ctx context.Context, c client.Client) error {
			_, err := c.DescribeTaskQueueEnhanced(ctx, client.DescribeTaskQueueEnhancedOptions{TaskQueue: "tq", TaskQueueTypes: []client.TaskQueueType{77}})
			return err
		},
	})
}

func TestATaskQueueIsDescribedByBuildsAndTypes(t *testing.T) {
	call := func(ctx context.Context, c client.Client) (any, error) {
		return c.DescribeTaskQueueEnhanced(ctx, client.DescribeTaskQueueEnhancedOptions{
			TaskQueue:              "tq",
			Versions:               &client.TaskQueueVersionSelection{BuildIDs: []string{"1"}, Unversioned: true, AllActive: true},
			TaskQueueTypes:         []client.TaskQueueType{client.TaskQueueTypeWorkflow, client.TaskQueueTypeNexus},
			ReportPollers:          true,
			ReportTaskReachability: true,
			ReportStats:            true,
		})
	}
	test := wireTest{
		call: call,
		want: &workflowservice.DescribeTaskQueueRequest{
			Namespace:              "ns",
			TaskQueue:              &taskqueuepb.TaskQueue{Name: "tq"},
			ApiMode:                enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED,
			Versions:               &taskqueuepb.TaskQueueVersionSelection{BuildIds: []string{"1"}, Unversioned: true, AllActive: true},
			TaskQueueTypes:         []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_NEXUS},
			ReportPollers:          true,
			ReportTaskReachability: true,
			ReportStats:            true,
		},
		response: &workflowservice.DescribeTaskQueueResponse{
			VersionsInfo: map[string]*taskqueuepb.TaskQueueVersionInfo{"1": {
				TaskReachability: enumspb.BUILD_ID_TASK_REACHABILITY_REACHABLE,
				TypesInfo: map[int32]*taskqueuepb.TaskQueueTypeInfo{int32(enumspb.TASK_QUEUE_TYPE_WORKFLOW): {
					Pollers: []*taskqueuepb.PollerInfo{{
						LastAccessTime:            timestamppb.New(then),
						Identity:                  "worker",
						RatePerSecond:             5,
						WorkerVersionCapabilities: &commonpb.WorkerVersionCapabilities{BuildId: "1", UseVersioning: true, DeploymentSeriesName: "d"},
						DeploymentOptions:         &deploymentpb.WorkerDeploymentOptions{DeploymentName: "d", BuildId: "1", WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED},
					}},
					Stats: &taskqueuepb.TaskQueueStats{ApproximateBacklogCount: 3, ApproximateBacklogAge: durationpb.New(time.Second), TasksAddRate: 5, TasksDispatchRate: 2},
				}},
			}},
			VersioningInfo: &taskqueuepb.TaskQueueVersioningInfo{
				CurrentDeploymentVersion: &deploymentpb.WorkerDeploymentVersion{DeploymentName: "d", BuildId: "1"},
				RampingVersion:           "d.2",
				RampingVersionPercentage: 10,
				UpdateTime:               timestamppb.New(then),
			},
		},
		check: wantResult(client.TaskQueueDescription{
			VersionsInfo: map[string]client.TaskQueueVersionInfo{"1": {
				TaskReachability: client.BuildIDTaskReachabilityReachable,
				TypesInfo: map[client.TaskQueueType]client.TaskQueueTypeInfo{client.TaskQueueTypeWorkflow: {
					Pollers: []client.TaskQueuePollerInfo{{
						LastAccessTime:            then,
						Identity:                  "worker",
						RatePerSecond:             5,
						WorkerVersionCapabilities: &client.WorkerVersionCapabilities{BuildID: "1", UseVersioning: true, DeploymentSeriesName: "d"},
						WorkerDeploymentPollerOptions: &pollerOptions{
							DeploymentName: "d", BuildID: "1", WorkerVersioningMode: client.WorkerVersioningModeVersioned},
					}},
					Stats: &client.TaskQueueStats{ApproximateBacklogCount: 3, ApproximateBacklogAge: time.Second, BacklogIncreaseRate: 3, TasksAddRate: 5, TasksDispatchRate: 2},
				}},
			}},
			VersioningInfo: &client.TaskQueueVersioningInfo{
				CurrentVersion:           &version{DeploymentName: "d", BuildID: "1"},
				RampingVersion:           &version{DeploymentName: "d", BuildID: "2"},
				RampingVersionPercentage: 10,
				UpdateTime:               then,
			},
		}),
	}
	test.run(t)

	t.Run("unless the server does not know how", func(t *testing.T) {
		s := newFakeServer(t)
		s.answer(test.want, &workflowservice.DescribeTaskQueueResponse{Pollers: []*taskqueuepb.PollerInfo{{}}})
		if _, err := call(t.Context(), s.client(client.Options{})); err == nil {
			t.Error("there is no error")
		}
	})
}
