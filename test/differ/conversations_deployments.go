package differ

import (
	"context"
	"fmt"
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// deployment is the name of the one worker deployment of a scenario.
func (w *World) deployment() string { return w.Prefix + "-app" }

func (w *World) buildOf(build string) *deploymentpb.WorkerDeploymentVersion {
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: w.deployment(), BuildId: build}
}

// as are settings of a request of a worker of a version.
func (w *World) as(build string) []string {
	return []string{"deployment_options.deployment_name=" + w.deployment(), "deployment_options.build_id=" + build, "deployment_options.worker_versioning_mode=VERSIONED"}
}

// Versions has versions of the deployment be known that poll the queue of that name.
func (w *World) Versions(name string, builds ...string) {
	w.T.Helper()
	for _, build := range builds {
		ctx, cancel := context.WithCancel(w.Ctx)
		polls := make(chan struct{})
		go func() {
			defer close(polls)
			_, _ = w.Quiet.PollWorkflowTaskQueue(ctx, w.pollRequest(name, w.as(build)...))
		}()
		w.Eventually("the version is known", func() bool {
			d, err := w.Quiet.DescribeWorkerDeploymentVersion(w.Ctx, &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: Namespace, DeploymentVersion: w.buildOf(build)})
			return err == nil && len(d.GetVersionTaskQueues()) > 0
		})
		cancel()
		<-polls
	}
}

// settled waits until what has been changed of the deployment holds everywhere.
func (w *World) settled() {
	w.Eventually("the routing holds", func() bool {
		d, err := w.Quiet.DescribeWorkerDeployment(w.Ctx, &workflowservice.DescribeWorkerDeploymentRequest{Namespace: Namespace, DeploymentName: w.deployment()})
		return err != nil || d.GetWorkerDeploymentInfo().GetRoutingConfigUpdateState() != enumspb.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
	})
}

// SetCurrent sets the current version.
func (w *World) SetCurrent(build string, settings ...string) (conflictToken []byte) {
	resp, _ := w.API.SetWorkerDeploymentCurrentVersion(w.Ctx, Set(&workflowservice.SetWorkerDeploymentCurrentVersionRequest{
		Namespace: Namespace, DeploymentName: w.deployment(), BuildId: build, Identity: "client"}, settings...))
	w.settled()
	return resp.GetConflictToken()
}

// SetRamp sets the ramping version.
func (w *World) SetRamp(build string, percentage float32, settings ...string) {
	_, _ = w.API.SetWorkerDeploymentRampingVersion(w.Ctx, Set(&workflowservice.SetWorkerDeploymentRampingVersionRequest{
		Namespace: Namespace, DeploymentName: w.deployment(), BuildId: build, Percentage: percentage, Identity: "client"}, settings...))
	w.settled()
}

// DescribeDeployment describes the deployment.
func (w *World) DescribeDeployment() {
	_, _ = w.API.DescribeWorkerDeployment(w.Ctx, &workflowservice.DescribeWorkerDeploymentRequest{Namespace: Namespace, DeploymentName: w.deployment()})
}

// DescribeBuild describes a version.
func (w *World) DescribeBuild(build string, settings ...string) {
	_, _ = w.API.DescribeWorkerDeploymentVersion(w.Ctx, Set(&workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: Namespace, DeploymentVersion: w.buildOf(build)}, settings...))
}

// CreateDeployment makes the deployment.
func (w *World) CreateDeployment(settings ...string) {
	_, _ = w.API.CreateWorkerDeployment(w.Ctx, Set(&workflowservice.CreateWorkerDeploymentRequest{
		Namespace: Namespace, DeploymentName: w.deployment(), Identity: "client", RequestId: "r"}, settings...))
}

// CreateBuild makes a version.
func (w *World) CreateBuild(build string, settings ...string) {
	_, _ = w.API.CreateWorkerDeploymentVersion(w.Ctx, Set(&workflowservice.CreateWorkerDeploymentVersionRequest{
		Namespace: Namespace, DeploymentVersion: w.buildOf(build), Identity: "client", RequestId: "r" + build}, settings...))
}

// DeleteBuild deletes a version.
func (w *World) DeleteBuild(build string, settings ...string) {
	_, _ = w.API.DeleteWorkerDeploymentVersion(w.Ctx, Set(&workflowservice.DeleteWorkerDeploymentVersionRequest{
		Namespace: Namespace, DeploymentVersion: w.buildOf(build), Identity: "client"}, settings...))
}

// DecideAs takes the next workflow task as a worker of a version, and completes it.
func (w *World) DecideAs(name, build, behavior string, commands ...*commandpb.Command) {
	w.T.Helper()
	w.Poll(name, w.as(build)...).CompleteWith(append(w.as(build), "versioning_behavior="+behavior), commands...)
}

// hideTokens replaces conflict tokens of deployments, which are times.
func hideTokens(reply proto.Message) proto.Message {
	field := reply.ProtoReflect().Descriptor().Fields().ByName("conflict_token")
	if field == nil || len(reply.ProtoReflect().Get(field).Bytes()) != 15 {
		return reply
	}
	reply = proto.Clone(reply)
	reply.ProtoReflect().Clear(field)
	return reply
}

// pinnedOverride are settings of an override to a version.
func (w *World) pinnedOverride(prefix, build string) []string {
	return []string{prefix + "versioning_override.pinned.behavior=1", prefix + "versioning_override.pinned.version.deployment_name=" + w.deployment(), prefix + "versioning_override.pinned.version.build_id=" + build}
}

const (
	stays = "PINNED"
	goes  = "AUTO_UPGRADE"
)

// badNames are what no deployment can be called.
var badNames = []string{"", "a.b", "a:b", "__a", strings.Repeat("x", 481)}

var deployments = []Scenario{
	{"worker deployments with names that cannot be", func(w *World) {
		for _, name := range badNames {
			w.Say("%q", shortened(name))
			w.CreateDeployment("deployment_name=" + name)
			_, _ = w.API.DescribeWorkerDeployment(w.Ctx, &workflowservice.DescribeWorkerDeploymentRequest{Namespace: Namespace, DeploymentName: name})
			_, _ = w.API.DeleteWorkerDeployment(w.Ctx, &workflowservice.DeleteWorkerDeploymentRequest{Namespace: Namespace, DeploymentName: name})
			_, _ = w.API.SetWorkerDeploymentManager(w.Ctx, &workflowservice.SetWorkerDeploymentManagerRequest{Namespace: Namespace, DeploymentName: name, Identity: "client"})
		}
	}},
	{"versions with names that cannot be", func(w *World) {
		for _, v := range []*deploymentpb.WorkerDeploymentVersion{
			nil, {}, {DeploymentName: "a"}, {BuildId: "b"}, {DeploymentName: "a.b", BuildId: "b"}, {DeploymentName: "a:b", BuildId: "b"},
			{DeploymentName: "a", BuildId: "__b"}, {DeploymentName: "a", BuildId: strings.Repeat("x", 481)},
		} {
			w.Say("%s", shortened(fmt.Sprint(v.GetDeploymentName(), " ", v.GetBuildId())))
			_, _ = w.API.CreateWorkerDeploymentVersion(w.Ctx, &workflowservice.CreateWorkerDeploymentVersionRequest{Namespace: Namespace, DeploymentVersion: v, Identity: "client"})
			_, _ = w.API.DescribeWorkerDeploymentVersion(w.Ctx, &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: Namespace, DeploymentVersion: v})
		}
	}},
	{"versions written as text that cannot be", func(w *World) {
		for _, text := range []string{"", "x", ".x", "x.", "__unversioned__", "a:b.c"} {
			w.Say("%q", text)
			//lint:ignore SA1019 older clients send it
			_, _ = w.API.DescribeWorkerDeploymentVersion(w.Ctx, &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: Namespace, Version: text})
			//lint:ignore SA1019 older clients send it
			_, _ = w.API.SetWorkerDeploymentCurrentVersion(w.Ctx, &workflowservice.SetWorkerDeploymentCurrentVersionRequest{Namespace: Namespace, DeploymentName: "none", Version: text})
			//lint:ignore SA1019 older clients send it
			_, _ = w.API.SetWorkerDeploymentRampingVersion(w.Ctx, &workflowservice.SetWorkerDeploymentRampingVersionRequest{Namespace: Namespace, DeploymentName: "none", Version: text})
		}
	}},
	{"a worker deployment that there is not", func(w *World) {
		w.DescribeDeployment()
		w.DescribeBuild("1")
		w.SetCurrent("1")
		w.SetRamp("1", 10)
		w.CreateBuild("1")
		_, _ = w.API.DeleteWorkerDeployment(w.Ctx, &workflowservice.DeleteWorkerDeploymentRequest{Namespace: Namespace, DeploymentName: w.deployment()})
	}},
	{"a worker deployment is made twice", func(w *World) {
		w.CreateDeployment()
		w.CreateDeployment()
		w.CreateDeployment("request_id=other")
		w.DescribeDeployment()
		_, _ = w.API.DeleteWorkerDeployment(w.Ctx, &workflowservice.DeleteWorkerDeploymentRequest{Namespace: Namespace, DeploymentName: w.deployment()})
		w.DescribeDeployment()
	}},
	{"a version is made before it is polled", func(w *World) {
		w.CreateDeployment()
		w.CreateBuild("1")
		w.CreateBuild("1")
		w.CreateBuild("1", "request_id=other")
		w.DescribeBuild("1")
		w.DescribeDeployment()
		w.Versions("w", "1")
		w.DescribeBuild("1")
		w.DescribeDeployment()
	}},
	{"polls make a deployment and its versions", func(w *World) {
		w.Versions("w", "1", "2")
		w.CreateDeployment()
		w.DescribeDeployment()
		w.DescribeBuild("1")
		w.DescribeBuild("3")
	}},
	{"a version is made current, and then another", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.DescribeDeployment()
		w.DescribeBuild("1")
		w.SetCurrent("2")
		w.DescribeDeployment()
		w.DescribeBuild("1")
		w.DescribeBuild("2")
		w.SetCurrent("")
		w.DescribeDeployment()
	}},
	{"what is current is made current again", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("1")
		w.SetCurrent("1")
		w.SetCurrent("1", "identity=other")
		w.DescribeDeployment()
	}},
	{"a version is ramped up and made current", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.SetRamp("2", 10)
		w.DescribeDeployment()
		w.DescribeBuild("2")
		w.SetRamp("2", 50)
		w.DescribeDeployment()
		w.SetCurrent("2")
		w.DescribeDeployment()
		w.DescribeBuild("2")
	}},
	{"a ramp is taken away", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.SetRamp("2", 10)
		w.SetRamp("", 0)
		w.SetRamp("", 0)
		w.DescribeDeployment()
		w.DescribeBuild("2")
	}},
	{"a ramp to workers without versions", func(w *World) {
		w.Versions("w", "1")
		w.SetRamp("", 10)
		w.SetCurrent("1")
		w.SetRamp("", 20)
		w.DescribeDeployment()
		w.SetCurrent("")
		w.DescribeDeployment()
	}},
	{"ramps that cannot be", func(w *World) {
		w.Versions("w", "1")
		w.SetRamp("1", -1)
		w.SetRamp("1", 100.5)
		w.SetRamp("9", 10)
		w.SetCurrent("1")
		w.SetRamp("1", 10)
		w.SetRamp("1", 0)
	}},
	{"a version that there is not is made current", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("9")
	}},
	{"a deployment is made by its first current version", func(w *World) {
		w.SetCurrent("1", "allow_no_pollers=true")
		w.DescribeDeployment()
	}},
	{"a version of another deployment is made current", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("", "version=other.1")
		w.SetRamp("", 1, "version=other.1")
	}},
	{"a change by an old conflict token", func(w *World) {
		w.Versions("w", "1", "2")
		token := w.SetCurrent("1")
		w.SetCurrent("2")
		_, _ = w.API.SetWorkerDeploymentCurrentVersion(w.Ctx, &workflowservice.SetWorkerDeploymentCurrentVersionRequest{
			Namespace: Namespace, DeploymentName: w.deployment(), BuildId: "1", Identity: "client", ConflictToken: token})
		_, _ = w.API.SetWorkerDeploymentRampingVersion(w.Ctx, &workflowservice.SetWorkerDeploymentRampingVersionRequest{
			Namespace: Namespace, DeploymentName: w.deployment(), BuildId: "1", Percentage: 5, Identity: "client", ConflictToken: token})
		_, _ = w.API.SetWorkerDeploymentManager(w.Ctx, &workflowservice.SetWorkerDeploymentManagerRequest{
			Namespace: Namespace, DeploymentName: w.deployment(), NewManagerIdentity: &workflowservice.SetWorkerDeploymentManagerRequest_Self{Self: true}, Identity: "client", ConflictToken: token})
	}},
	{"a deployment has a manager", func(w *World) {
		w.Versions("w", "1", "2")
		manager := func(settings ...string) {
			_, _ = w.API.SetWorkerDeploymentManager(w.Ctx, Set(&workflowservice.SetWorkerDeploymentManagerRequest{
				Namespace: Namespace, DeploymentName: w.deployment(), Identity: "client"}, settings...))
		}
		manager("identity=none")
		manager("self=true")
		manager("self=true")
		w.SetCurrent("1", "identity=other")
		w.SetRamp("1", 1, "identity=other")
		w.DeleteBuild("2", "identity=other")
		w.SetCurrent("1")
		manager("manager_identity=other", "identity=third")
		w.SetCurrent("2")
		w.DescribeDeployment()
		manager("manager_identity=")
		w.DescribeDeployment()
	}},
	{"versions that cannot be deleted", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.SetRamp("2", 10)
		w.DeleteBuild("1")
		w.DeleteBuild("2")
		w.DeleteBuild("9")
		w.SetRamp("", 0)
		w.DeleteBuild("2")
		_, _ = w.API.DeleteWorkerDeployment(w.Ctx, &workflowservice.DeleteWorkerDeploymentRequest{Namespace: Namespace, DeploymentName: w.deployment(), Identity: "client"})
	}},
	{"a version without workers is deleted", func(w *World) {
		w.CreateDeployment()
		w.CreateBuild("1")
		w.DeleteBuild("1")
		w.DeleteBuild("1")
		w.DescribeBuild("1")
		w.DescribeDeployment()
	}},
	{"notes about a version", func(w *World) {
		w.CreateDeployment()
		w.CreateBuild("1")
		note := func(upsert map[string]string, remove ...string) {
			req := &workflowservice.UpdateWorkerDeploymentVersionMetadataRequest{Namespace: Namespace, DeploymentVersion: w.buildOf("1"), Identity: "client", RemoveEntries: remove}
			for key, value := range upsert {
				Set(req, "upsert_entries=("+key+":\""+value+"\")")
			}
			_, _ = w.API.UpdateWorkerDeploymentVersionMetadata(w.Ctx, req)
		}
		note(nil)
		note(map[string]string{"a": "one"})
		note(map[string]string{"b": "two"}, "a")
		note(nil, "none")
		w.DescribeBuild("1")
	}},
	{"a pinned workflow is described", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		w.Describe("w")
		w.SetCurrent("2")
		w.Signal("w", "go")
		w.DecideAs("w", "1", stays, complete("done"))
		w.Describe("w")
	}},
	{"a workflow goes on to another version", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", goes)
		w.SetCurrent("2")
		w.Signal("w", "go")
		task := w.Poll("w", w.as("2")...)
		w.Describe("w")
		task.CompleteWith(append(w.as("2"), "versioning_behavior="+goes), complete("done"))
		w.Describe("w")
	}},
	{"a workflow comes to have a version, and has none any more", func(w *World) {
		w.Versions("w", "1")
		w.Start("w")
		w.Decide("w")
		w.SetCurrent("1")
		w.Signal("w", "go")
		w.DecideAs("w", "1", goes)
		w.Describe("w")
		w.SetCurrent("")
		w.Signal("w", "go")
		w.Decide("w")
		w.Describe("w")
	}},
	{"a workflow is pinned by its start", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w", w.pinnedOverride("", "2")...)
		w.DecideAs("w", "2", goes)
		w.Describe("w")
		w.Start("x", append(w.pinnedOverride("", "9"), "task_queue.name="+w.Queue("w"))...)
	}},
	{"a workflow is pinned while it runs, and let go", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", goes)
		change := func(settings ...string) {
			_, _ = w.API.UpdateWorkflowExecutionOptions(w.Ctx, Set(&workflowservice.UpdateWorkflowExecutionOptionsRequest{
				Namespace: Namespace, WorkflowExecution: w.Execution("w"), Identity: "client"},
				append([]string{"workflow_execution_options.priority.priority_key=0", "update_mask.paths+=versioning_override"}, settings...)...))
		}
		change(w.pinnedOverride("workflow_execution_options.", "2")...)
		w.Describe("w")
		w.Signal("w", "go")
		w.DecideAs("w", "2", goes)
		w.Describe("w")
		change()
		w.Signal("w", "go")
		w.DecideAs("w", "1", goes, complete("done"))
		w.Describe("w")
	}},
	{"a pinned workflow continues as new", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		w.SetCurrent("2")
		w.Signal("w", "go")
		w.DecideAs("w", "1", stays, &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
			Attributes: &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{ContinueAsNewWorkflowExecutionCommandAttributes: &commandpb.ContinueAsNewWorkflowExecutionCommandAttributes{}}})
		w.DecideAs("w", "1", stays, complete("done"))
	}},
	{"a pinned workflow continues as new with the new version", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		w.SetCurrent("2")
		w.Signal("w", "go")
		w.DecideAs("w", "1", stays, &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
			Attributes: &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{ContinueAsNewWorkflowExecutionCommandAttributes: &commandpb.ContinueAsNewWorkflowExecutionCommandAttributes{
				InitialVersioningBehavior: enumspb.CONTINUE_AS_NEW_VERSIONING_BEHAVIOR_AUTO_UPGRADE}}})
		w.DecideAs("w", "2", stays, complete("done"))
	}},
	{"the workers of workflows that upgrade are replaced all at once", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", goes)
		w.SetCurrent("2")
		for range 2 {
			w.Signal("w", "go")
			w.DecideAs("w", "2", goes)
			w.Describe("w")
		}
	}},
	{"compute configurations of versions that there are not", func(w *World) {
		for _, v := range []*deploymentpb.WorkerDeploymentVersion{nil, {DeploymentName: w.deployment()}, {BuildId: "1"}, w.buildOf("9")} {
			_, _ = w.API.UpdateWorkerDeploymentVersionComputeConfig(w.Ctx, &workflowservice.UpdateWorkerDeploymentVersionComputeConfigRequest{
				Namespace: Namespace, DeploymentVersion: v, RemoveComputeConfigScalingGroups: []string{"a"}, Identity: "client", RequestId: w.requestID()})
		}
		_, _ = w.API.ValidateWorkerDeploymentVersionComputeConfig(w.Ctx, &workflowservice.ValidateWorkerDeploymentVersionComputeConfigRequest{
			Namespace: Namespace, DeploymentVersion: w.buildOf("9"), Identity: "client"})
		_, _ = w.API.ValidateWorkerDeploymentVersionComputeConfig(w.Ctx, &workflowservice.ValidateWorkerDeploymentVersionComputeConfigRequest{
			Namespace: Namespace, DeploymentVersion: w.buildOf("9"), RemoveComputeConfigScalingGroups: []string{"a"}, Identity: "client"})
	}},
	{"the retired forms of versioning", func(w *World) {
		_, _ = w.API.UpdateWorkerBuildIdCompatibility(w.Ctx, &workflowservice.UpdateWorkerBuildIdCompatibilityRequest{Namespace: Namespace})
		_, _ = w.API.GetWorkerBuildIdCompatibility(w.Ctx, &workflowservice.GetWorkerBuildIdCompatibilityRequest{Namespace: Namespace})
		_, _ = w.API.UpdateWorkerVersioningRules(w.Ctx, &workflowservice.UpdateWorkerVersioningRulesRequest{Namespace: Namespace})
		_, _ = w.API.GetWorkerVersioningRules(w.Ctx, &workflowservice.GetWorkerVersioningRulesRequest{Namespace: Namespace})
		_, _ = w.API.GetWorkerTaskReachability(w.Ctx, &workflowservice.GetWorkerTaskReachabilityRequest{Namespace: Namespace})
		_, _ = w.API.DescribeDeployment(w.Ctx, &workflowservice.DescribeDeploymentRequest{Namespace: Namespace})
		_, _ = w.API.ListDeployments(w.Ctx, &workflowservice.ListDeploymentsRequest{Namespace: Namespace})
		_, _ = w.API.GetDeploymentReachability(w.Ctx, &workflowservice.GetDeploymentReachabilityRequest{Namespace: Namespace})
		_, _ = w.API.GetCurrentDeployment(w.Ctx, &workflowservice.GetCurrentDeploymentRequest{Namespace: Namespace})
		_, _ = w.API.SetCurrentDeployment(w.Ctx, &workflowservice.SetCurrentDeploymentRequest{Namespace: Namespace})
		_, _ = w.API.FetchWorkerConfig(w.Ctx, &workflowservice.FetchWorkerConfigRequest{Namespace: Namespace})
		_, _ = w.API.UpdateWorkerConfig(w.Ctx, &workflowservice.UpdateWorkerConfigRequest{Namespace: Namespace})
	}},
	{"polls of versions that cannot be", func(w *World) {
		for _, settings := range [][]string{
			{"deployment_options.worker_versioning_mode=VERSIONED"},
			{"deployment_options.worker_versioning_mode=VERSIONED", "deployment_options.deployment_name=a.b", "deployment_options.build_id=b"},
			{"deployment_options.worker_versioning_mode=VERSIONED", "deployment_options.deployment_name=a", "deployment_options.build_id=__b"},
		} {
			_, _ = w.API.PollWorkflowTaskQueue(w.Ctx, w.pollRequest("w", settings...))
		}
	}},
}
