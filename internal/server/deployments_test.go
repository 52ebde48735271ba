package server_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

const app = "shop"

func versionOf(build string) *deploymentpb.WorkerDeploymentVersion {
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: app, BuildId: build}
}

func workerOf(build string) *deploymentpb.WorkerDeploymentOptions {
	if build == "" {
		return nil
	}
	return &deploymentpb.WorkerDeploymentOptions{DeploymentName: app, BuildId: build, WorkerVersioningMode: enumspb.WORKER_VERSIONING_MODE_VERSIONED}
}

// registers has workers of the version be known that poll the queue for both types of tasks.
func (b *bench) registers(build string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	polls := make(chan error, 2)
	go func() {
		_, err := b.client.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{
			Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Identity: build, DeploymentOptions: workerOf(build),
		})
		polls <- err
	}()
	go func() {
		_, err := b.client.PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{
			Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Identity: build, DeploymentOptions: workerOf(build),
		})
		polls <- err
	}()
	b.awaits("the version is known", func() bool {
		d, err := b.client.DescribeWorkerDeploymentVersion(ctx, &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: ns, DeploymentVersion: versionOf(build)})
		return err == nil && len(d.GetVersionTaskQueues()) == 2
	})
	// A version is made known before the poll is counted at the queue.
	for _, kind := range []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY} {
		b.awaits("the queue knows who polls", func() bool {
			d, err := b.client.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, TaskQueueType: kind})
			return err == nil && slices.ContainsFunc(d.GetPollers(), func(p *taskqueuepb.PollerInfo) bool { return p.GetIdentity() == build })
		})
	}
	cancel()
	<-polls
	<-polls
}

func (b *bench) awaits(what string, ready func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ready(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("it does not come to it that %s", what)
		}
	}
}

func (b *bench) setCurrent(build string) {
	b.t.Helper()
	_, err := b.client.SetWorkerDeploymentCurrentVersion(b.ctx(), &workflowservice.SetWorkerDeploymentCurrentVersionRequest{
		Namespace: ns, DeploymentName: app, BuildId: build, Identity: "operator", IgnoreMissingTaskQueues: true,
	})
	if err != nil {
		b.t.Fatalf("setting the current version: %v", err)
	}
}

func (b *bench) setRamp(build string, percentage float32) {
	b.t.Helper()
	_, err := b.client.SetWorkerDeploymentRampingVersion(b.ctx(), &workflowservice.SetWorkerDeploymentRampingVersionRequest{
		Namespace: ns, DeploymentName: app, BuildId: build, Percentage: percentage, Identity: "operator", IgnoreMissingTaskQueues: true,
	})
	if err != nil {
		b.t.Fatalf("setting the ramping version: %v", err)
	}
}

// pollsAs polls as a worker of the version, for a short time; nil if there was no task.
func (b *bench) pollsAs(build string, patience time.Duration) *workflowservice.PollWorkflowTaskQueueResponse {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	resp, err := b.client.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{
		Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Identity: build, DeploymentOptions: workerOf(build),
	})
	if err != nil {
		b.t.Fatalf("polling as %q: %v", build, err)
	}
	if len(resp.GetTaskToken()) == 0 {
		return nil
	}
	return resp
}

// getsTask is pollsAs where there must be a task.
func (b *bench) getsTask(build string) *workflowservice.PollWorkflowTaskQueueResponse {
	b.t.Helper()
	task := b.pollsAs(build, 20*time.Second)
	if task == nil {
		b.t.Fatalf("a worker of version %q gets no task", build)
	}
	return task
}

// getsNothing fails if a worker of the version gets a task.
func (b *bench) getsNothing(build string) {
	b.t.Helper()
	if task := b.pollsAs(build, 2500*time.Millisecond); task != nil {
		b.t.Errorf("a worker of version %q gets the task of %s", build, task.GetWorkflowExecution().GetWorkflowId())
	}
}

func (b *bench) completesAs(build string, behavior enumspb.VersioningBehavior, task *workflowservice.PollWorkflowTaskQueueResponse, commands ...*commandpb.Command) {
	b.t.Helper()
	_, err := b.client.RespondWorkflowTaskCompleted(b.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: ns, TaskToken: task.GetTaskToken(), Identity: build, Commands: commands,
		DeploymentOptions: workerOf(build), VersioningBehavior: behavior,
	})
	if err != nil {
		b.t.Fatalf("completing as %q: %v", build, err)
	}
}

func (b *bench) signals(id string) {
	b.t.Helper()
	_, err := b.client.SignalWorkflowExecution(b.ctx(), &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: ns, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id}, SignalName: "go on",
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) describes(id string) *workflowpb.WorkflowExecutionInfo {
	b.t.Helper()
	d, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: ns, Execution: &commonpb.WorkflowExecution{WorkflowId: id},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return d.GetWorkflowExecutionInfo()
}

const (
	pinnedTo  = enumspb.VERSIONING_BEHAVIOR_PINNED
	upgrading = enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE
)

func TestAPinnedWorkflowStaysWithItsVersionAndOthersGoOn(t *testing.T) {
	t.Parallel()
	pinnedStaysAndOthersGoOn(t, start(t, server.Options{}))
}

func TestVersionsOfWorkersAreKnownToAllNodes(t *testing.T) {
	t.Parallel()
	pinnedStaysAndOthersGoOn(t, clusterOf(t, 3, server.Options{}).bench())
}

func pinnedStaysAndOthersGoOn(t *testing.T, b *bench) {
	t.Helper()
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")

	b.startWorkflow("stays")
	b.completesAs("1", pinnedTo, b.getsTask("1"))
	b.startWorkflow("upgrades")
	b.completesAs("1", upgrading, b.getsTask("1"))

	b.setCurrent("2")
	b.signals("stays")
	b.signals("upgrades")
	if task := b.getsTask("1"); task.GetWorkflowExecution().GetWorkflowId() != "stays" {
		t.Errorf("version 1 gets the task of %v", task.GetWorkflowExecution())
	} else {
		b.completesAs("1", pinnedTo, task)
	}
	task := b.getsTask("2")
	if task.GetWorkflowExecution().GetWorkflowId() != "upgrades" {
		t.Errorf("version 2 gets the task of %v", task.GetWorkflowExecution())
	}
	if to := b.describes("upgrades").GetVersioningInfo().GetVersionTransition().GetDeploymentVersion().GetBuildId(); to != "2" {
		t.Errorf("the workflow is on its way to version %q, want 2", to)
	}
	b.completesAs("2", upgrading, task)
	if info := b.describes("upgrades").GetVersioningInfo(); info.GetDeploymentVersion().GetBuildId() != "2" || info.GetVersionTransition() != nil {
		t.Errorf("the workflow that upgrades is at %v", info)
	}
	if info := b.describes("stays").GetVersioningInfo(); info.GetDeploymentVersion().GetBuildId() != "1" || info.GetBehavior() != pinnedTo {
		t.Errorf("the workflow that stays is at %v", info)
	}
}

func TestABacklogGoesToTheVersionThatIsCurrentWhenItGoesOut(t *testing.T) {
	t.Parallel()
	b := start(t, server.Options{DataDir: t.TempDir()})
	for i := range 40 {
		b.startWorkflow(fmt.Sprint("w", i))
	}
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")
	b.completesAs("1", upgrading, b.getsTask("1"))
	b.setCurrent("2")
	var mu sync.Mutex
	var workers sync.WaitGroup
	seen := make(map[string]bool)
	for range 4 {
		workers.Go(func() {
			for {
				mu.Lock()
				done := len(seen) == 39
				mu.Unlock()
				if done {
					return
				}
				if task := b.pollsAs("2", 3*time.Second); task != nil {
					b.completesAs("2", upgrading, task)
					mu.Lock()
					seen[task.GetWorkflowExecution().GetWorkflowId()] = true
					mu.Unlock()
				}
			}
		})
	}
	workers.Wait()
	b.getsNothing("1")
}

func TestARampTakesItsShareAndAllAtTheEnd(t *testing.T) {
	t.Parallel()
	b := start(t, server.Options{})
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")
	b.setRamp("2", 50)
	const n = 60
	for i := range n {
		b.startWorkflow(fmt.Sprint("w", i))
	}
	count := map[string]int{}
	for _, build := range []string{"1", "2"} {
		for {
			task := b.pollsAs(build, 2500*time.Millisecond)
			if task == nil {
				break
			}
			b.completesAs(build, upgrading, task)
			count[build]++
		}
	}
	if count["1"]+count["2"] != n || count["1"] < n/5 || count["2"] < n/5 {
		t.Errorf("tasks went to %v of %d", count, n)
	}
	b.setRamp("2", 100)
	b.startWorkflow("last")
	if task := b.getsTask("2"); task.GetWorkflowExecution().GetWorkflowId() != "last" {
		t.Errorf("version 2 gets %v", task.GetWorkflowExecution())
	}
}

func TestWorkersWithoutAVersionGetWhatGoesToNone(t *testing.T) {
	t.Parallel()
	b := start(t, server.Options{})
	b.registers("1")
	b.startWorkflow("before")
	b.completesAs("", 0, b.getsTask(""))
	b.setCurrent("1")
	b.signals("before")
	b.getsNothing("")
	task := b.getsTask("1")
	b.completesAs("1", upgrading, task)
	b.setCurrent("") // back to workers without versions
	b.signals("before")
	b.completesAs("", 0, b.getsTask(""))
	if info := b.describes("before").GetVersioningInfo(); info.GetDeploymentVersion() != nil || info.GetBehavior() != 0 {
		t.Errorf("the workflow is at %v", info)
	}
}

func TestActivitiesWaitUntilTheirWorkflowHasCompletedItsTransition(t *testing.T) {
	t.Parallel()
	b := start(t, server.Options{})
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")
	b.startWorkflow("w")
	b.completesAs("1", upgrading, b.getsTask("1"), &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
		Attributes: &commandpb.Command_ScheduleActivityTaskCommandAttributes{ScheduleActivityTaskCommandAttributes: &commandpb.ScheduleActivityTaskCommandAttributes{
			ActivityId: "a", ActivityType: &commonpb.ActivityType{Name: "charge"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue},
			StartToCloseTimeout: durationpb.New(time.Minute),
		}},
	})
	b.setCurrent("2")
	activity := make(chan *workflowservice.PollActivityTaskQueueResponse, 1)
	go func() {
		resp, _ := b.client.PollActivityTaskQueue(b.ctx(), &workflowservice.PollActivityTaskQueueRequest{
			Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Identity: "2", DeploymentOptions: workerOf("2"),
		})
		activity <- resp
	}()
	// The activity has come to version 2, so the workflow goes first.
	task := b.getsTask("2")
	select {
	case resp := <-activity:
		t.Fatalf("the activity is started in transition: %v", resp)
	default:
	}
	b.completesAs("2", upgrading, task)
	if resp := <-activity; resp.GetActivityId() != "a" {
		t.Errorf("version 2 gets the activity %v", resp)
	}
}

func TestAnOverrideMovesAWorkflowAndItsWaitingTask(t *testing.T) {
	t.Parallel()
	b := start(t, server.Options{})
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")
	b.startWorkflow("w")
	pin := func(build string) *workflowpb.VersioningOverride {
		return &workflowpb.VersioningOverride{Override: &workflowpb.VersioningOverride_Pinned{Pinned: &workflowpb.VersioningOverride_PinnedOverride{
			Behavior: workflowpb.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_PINNED, Version: versionOf(build),
		}}}
	}
	change := func(o *workflowpb.VersioningOverride) error {
		_, err := b.client.UpdateWorkflowExecutionOptions(b.ctx(), &workflowservice.UpdateWorkflowExecutionOptionsRequest{
			Namespace: ns, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"},
			WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{VersioningOverride: o},
			UpdateMask:               &fieldmaskpb.FieldMask{Paths: []string{"versioning_override"}},
		})
		return err
	}
	if err := change(pin("3")); err == nil {
		t.Error("an override to a version that there is not is accepted")
	}
	if err := change(pin("2")); err != nil {
		t.Fatal(err)
	}
	b.getsNothing("1")
	b.completesAs("2", upgrading, b.getsTask("2"))
	if err := change(nil); err != nil {
		t.Fatal(err)
	}
	b.signals("w")
	b.completesAs("1", upgrading, b.getsTask("1"))
	b.startWorkflow("pinned", func(req *workflowservice.StartWorkflowExecutionRequest) { req.VersioningOverride = pin("2") })
	if task := b.getsTask("2"); task.GetWorkflowExecution().GetWorkflowId() != "pinned" {
		t.Errorf("version 2 gets %v", task.GetWorkflowExecution())
	}
}

func TestAVersionDrainsUntilNoWorkflowIsPinnedToIt(t *testing.T) {
	t.Parallel()
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{
		{Key: "matching.wv.VersionDrainageStatusVisibilityGracePeriod", Value: "1ms"},
		{Key: "matching.wv.VersionDrainageStatusRefreshInterval", Value: "50ms"},
	}})
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")
	b.startWorkflow("w")
	b.completesAs("1", pinnedTo, b.getsTask("1"))
	b.setCurrent("2")
	drainage := func() *deploymentpb.VersionDrainageInfo {
		d, err := b.client.DescribeWorkerDeploymentVersion(b.ctx(), &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: ns, DeploymentVersion: versionOf("1")})
		if err != nil {
			t.Fatal(err)
		}
		return d.GetWorkerDeploymentVersionInfo().GetDrainageInfo()
	}
	b.awaits("it has been looked at the version", func() bool {
		d := drainage()
		return d.GetLastCheckedTime().AsTime().After(d.GetLastChangedTime().AsTime())
	})
	if status := drainage().GetStatus(); status != enumspb.VERSION_DRAINAGE_STATUS_DRAINING {
		t.Errorf("with a pinned workflow the version is %v", status)
	}
	_, err := b.client.DeleteWorkerDeploymentVersion(b.ctx(), &workflowservice.DeleteWorkerDeploymentVersionRequest{Namespace: ns, DeploymentVersion: versionOf("1")})
	if err == nil {
		t.Error("a version that drains is deleted")
	}
	_, err = b.client.TerminateWorkflowExecution(b.ctx(), &workflowservice.TerminateWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"}})
	if err != nil {
		t.Fatal(err)
	}
	b.awaits("the version has drained", func() bool { return drainage().GetStatus() == enumspb.VERSION_DRAINAGE_STATUS_DRAINED })
}

func TestDeploymentsAreThereAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := server.Start(t.Context(), server.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t, first, workflowservice.NewWorkflowServiceClient(first.ClientConn())}
	b.registers("1")
	b.setCurrent("1")
	b.startWorkflow("pinned")
	b.completesAs("1", pinnedTo, b.getsTask("1"))
	b.signals("pinned")
	b.startWorkflow("new")
	if err := first.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}
	b = start(t, server.Options{DataDir: dir})
	b.getsNothing("")
	var got []string
	for range 2 {
		task := b.getsTask("1")
		got = append(got, task.GetWorkflowExecution().GetWorkflowId())
		b.completesAs("1", pinnedTo, task)
	}
	if slices.Sort(got); !slices.Equal(got, []string{"new", "pinned"}) {
		t.Errorf("version 1 gets the tasks of %v", got)
	}
	list, err := b.client.ListWorkerDeployments(b.ctx(), &workflowservice.ListWorkerDeploymentsRequest{Namespace: ns})
	if err != nil || len(list.GetWorkerDeployments()) != 1 || list.GetWorkerDeployments()[0].GetCurrentVersionSummary().GetDeploymentVersion().GetBuildId() != "1" {
		t.Errorf("the deployments are %v, error %v", list, err)
	}
}

func TestAQueueIsDescribedVersionByVersion(t *testing.T) {
	t.Parallel()
	b := start(t, server.Options{})
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")
	b.setRamp("2", 30)
	b.startWorkflow("w", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.VersioningOverride = &workflowpb.VersioningOverride{Override: &workflowpb.VersioningOverride_Pinned{Pinned: &workflowpb.VersioningOverride_PinnedOverride{
			Behavior: workflowpb.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_PINNED, Version: versionOf("2")}}}
	})
	describe := func(change func(*workflowservice.DescribeTaskQueueRequest)) *workflowservice.DescribeTaskQueueResponse {
		t.Helper()
		req := &workflowservice.DescribeTaskQueueRequest{Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, ReportStats: true}
		change(req)
		resp, err := b.client.DescribeTaskQueue(b.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	info := describe(func(*workflowservice.DescribeTaskQueueRequest) {}).GetVersioningInfo()
	if info.GetCurrentDeploymentVersion().GetBuildId() != "1" || info.GetRampingDeploymentVersion().GetBuildId() != "2" || info.GetRampingVersionPercentage() != 30 ||
		info.GetUpdateTime().AsTime().Unix() <= 0 {
		t.Errorf("the versions are %v", info)
	}
	//lint:ignore SA1019 older clients use it
	found := describe(func(r *workflowservice.DescribeTaskQueueRequest) {
		//lint:ignore SA1019 older clients use it
		r.ApiMode, r.ReportTaskReachability, r.ReportPollers = enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED, true, true
		//lint:ignore SA1019 older clients use it
		r.Versions = &taskqueuepb.TaskQueueVersionSelection{BuildIds: []string{"shop.1", "shop:2", "shop:9", "x"}, Unversioned: true}
	}).GetVersionsInfo()
	type seen struct {
		backlog   int64
		pollers   int
		reachable enumspb.BuildIdTaskReachability
	}
	got := make(map[string]seen)
	for name, info := range found {
		workflows := info.GetTypesInfo()[int32(enumspb.TASK_QUEUE_TYPE_WORKFLOW)]
		got[name] = seen{workflows.GetStats().GetApproximateBacklogCount(), len(workflows.GetPollers()), info.GetTaskReachability()}
	}
	want := map[string]seen{
		"":       {0, 0, enumspb.BUILD_ID_TASK_REACHABILITY_REACHABLE},
		"shop:1": {0, 1, enumspb.BUILD_ID_TASK_REACHABILITY_REACHABLE},
		"shop:2": {1, 1, enumspb.BUILD_ID_TASK_REACHABILITY_REACHABLE},
		"shop:9": {0, 0, enumspb.BUILD_ID_TASK_REACHABILITY_UNREACHABLE},
		"x":      {0, 0, enumspb.BUILD_ID_TASK_REACHABILITY_UNREACHABLE},
	}
	if !maps.Equal(got, want) {
		t.Errorf("the versions have %v, and not %v", got, want)
	}
	//lint:ignore SA1019 older clients use it
	active := describe(func(r *workflowservice.DescribeTaskQueueRequest) {
		//lint:ignore SA1019 older clients use it
		r.ApiMode, r.Versions = enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED, &taskqueuepb.TaskQueueVersionSelection{AllActive: true}
	}).GetVersionsInfo()
	if names := slices.Sorted(maps.Keys(active)); !slices.Equal(names, []string{"", "shop:1", "shop:2"}) {
		t.Errorf("active are %q", names)
	}
}
