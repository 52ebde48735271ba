package differ

import (
	"context"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// ChangeOptions changes the options of the workflow "w", of which the versioning override.
func (w *World) ChangeOptions(settings ...string) {
	_, _ = w.API.UpdateWorkflowExecutionOptions(w.Ctx, Set(&workflowservice.UpdateWorkflowExecutionOptionsRequest{
		Namespace: Namespace, WorkflowExecution: w.Execution("w"), Identity: "client"},
		append([]string{"workflow_execution_options.priority.priority_key=0", "update_mask.paths+=versioning_override"}, settings...)...))
}

// onceOverride are settings of an override that moves a workflow to a version.
func (w *World) onceOverride(prefix, build string) []string {
	const version = "versioning_override.one_time.target_deployment_version."
	return []string{prefix + version + "deployment_name=" + w.deployment(), prefix + version + "build_id=" + build}
}

// upgradeOverride is the setting of an override that lets a workflow upgrade.
func upgradeOverride(prefix string) string { return prefix + "versioning_override.auto_upgrade=true" }

// versionOfActivities has a version that is known poll the queue of that name for activities, too.
func (w *World) versionOfActivities(name, build string) {
	w.T.Helper()
	ctx, cancel := context.WithCancel(w.Ctx)
	polls := make(chan struct{})
	go func() {
		defer close(polls)
		_, _ = w.Quiet.PollActivityTaskQueue(ctx, Set(&workflowservice.PollActivityTaskQueueRequest{
			Namespace: Namespace, TaskQueue: w.taskQueue(name), Identity: "worker"}, w.as(build)...))
	}()
	w.Eventually("the version is known for activities", func() bool {
		d, err := w.Quiet.DescribeWorkerDeploymentVersion(w.Ctx, &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: Namespace, DeploymentVersion: w.buildOf(build)})
		return err == nil && len(d.GetVersionTaskQueues()) > 1
	})
	cancel()
	<-polls
}

// on puts a workflow on the queue of another.
func (w *World) on(name string) string { return "task_queue.name=" + w.Queue(name) }

// versions are what becomes of workflows, and of what they start, with versions of workers.
var versions = []Scenario{
	{"a child of a pinned workflow is pinned, too", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		task := w.Poll("w", w.as("1")...)
		w.SetCurrent("2")
		task.CompleteWith(append(w.as("1"), "versioning_behavior="+stays), w.child("c", "task_queue="+w.Queue("w")))
		w.answered("w")
		w.DecideAs("w", "1", goes)
		w.Await("c", 1, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED)
		w.Describe("c")
		w.Terminate("w")
		w.AwaitStatus("c", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	}},
	{"a child is to be pinned to a version that there is not", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", goes, w.child("c", append(w.pinnedOverride("", "9"), "task_queue="+w.Queue("w"))...))
		w.answered("w")
		w.DecideAs("w", "1", goes, complete("done"))
		w.forget("c")
	}},
	{"a child of a workflow that upgrades goes to the current version", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		task := w.Poll("w", w.as("1")...)
		w.SetCurrent("2")
		task.CompleteWith(append(w.as("1"), "versioning_behavior="+goes), w.child("c", "task_queue="+w.Queue("c")))
		w.Poll("c").Complete(complete("done"))
		w.Terminate("w")
		w.forget("w")
	}},
	{"a child of a pinned workflow on a queue that its version does not poll", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays, w.child("c"))
		w.Poll("c").Complete(complete("done"))
		w.Describe("c")
		w.Terminate("w")
		w.forget("w")
	}},
	{"an upgrading workflow continues as new", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", goes, continueAsNew("task_queue="+w.Queue("w")))
		w.SetCurrent("2")
		w.DecideAs("w", "2", goes, complete("done"))
		w.Describe("w")
	}},
	{"a pinned workflow is retried", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w", "retry_policy.initial_interval=1s", "retry_policy.maximum_attempts=2")
		task := w.Poll("w", w.as("1")...)
		w.SetCurrent("2")
		task.CompleteWith(append(w.as("1"), "versioning_behavior="+stays), fail("Bad"))
		w.DecideAs("w", "2", stays, complete("done"))
		w.Describe("w")
	}},
	{"a pinned override goes on to the next run", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w", w.pinnedOverride("", "2")...)
		w.DecideAs("w", "2", goes, continueAsNew("task_queue="+w.Queue("w")))
		w.DecideAs("w", "2", goes, complete("done"))
		w.Describe("w")
	}},
	{"a workflow is signalled and started with an override", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.SignalWithStart("w", "s", w.pinnedOverride("", "2")...)
		w.DecideAs("w", "2", stays, complete("done"))
	}},
	{"a workflow may upgrade whatever its worker says", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w", upgradeOverride(""))
		w.DecideAs("w", "1", stays)
		w.Describe("w")
		w.SetCurrent("2")
		w.Signal("w", "go")
		w.DecideAs("w", "2", stays, complete("done"))
		w.Describe("w")
	}},
	{"a pinned workflow is moved once", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		w.ChangeOptions(w.onceOverride("workflow_execution_options.", "2")...)
		w.Describe("w")
		w.Signal("w", "go")
		w.DecideAs("w", "2", stays)
		w.Describe("w")
		w.Signal("w", "go")
		w.DecideAs("w", "2", stays, complete("done"))
	}},
	{"overrides that cannot be", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		const prefix = "workflow_execution_options."
		for _, settings := range [][]string{
			{prefix + "versioning_override="}, {prefix + "versioning_override.pinned="}, {prefix + "versioning_override.pinned.behavior=1"},
			w.pinnedOverride(prefix, "9"), w.pinnedOverride(prefix, ""), w.onceOverride(prefix, "9"), {prefix + "versioning_override.one_time="},
			{prefix + "versioning_override.auto_upgrade=false"}, {prefix + "versioning_override.behavior=PINNED"},
			{prefix + "versioning_override.behavior=PINNED", prefix + "versioning_override.pinned_version=" + w.deployment() + ".1"},
			{prefix + "versioning_override.behavior=AUTO_UPGRADE"}, {prefix + "versioning_override.behavior=PINNED", prefix + "versioning_override.pinned_version=garbage"},
		} {
			w.Say("%s", strings.ReplaceAll(strings.Join(settings, " "), w.Prefix, "<scenario>"))
			w.ChangeOptions(settings...)
		}
		w.Terminate("w")
	}},
	{"overrides of starts that cannot be", func(w *World) {
		w.Versions("w", "1")
		for _, settings := range [][]string{
			{"versioning_override="}, {"versioning_override.pinned.behavior=1"}, w.pinnedOverride("", "9"), w.onceOverride("", "1"), w.onceOverride("", "9"),
			{"versioning_override.behavior=PINNED"}, {"versioning_override.auto_upgrade=false"},
		} {
			w.Say("%s", strings.ReplaceAll(strings.Join(settings, " "), w.Prefix, "<scenario>"))
			w.Start("w", settings...)
			w.quietly(func() { w.Terminate("w") })
		}
		w.forget("w")
	}},
	{"a workflow that has ended gets an override", func(w *World) {
		w.Versions("w", "1")
		w.Start("w")
		w.Terminate("w")
		w.ChangeOptions(w.pinnedOverride("workflow_execution_options.", "1")...)
	}},
	{"an activity of a pinned workflow goes to its version", func(w *World) {
		w.Versions("w", "1", "2")
		w.versionOfActivities("w", "1")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays, w.activity("a"))
		w.PollActivity("w", w.as("1")...).Complete("out", w.as("1")...)
		w.DecideAs("w", "1", stays, complete("done"))
	}},
	{"an activity of a workflow that upgrades is described", func(w *World) {
		w.Versions("w", "1")
		w.versionOfActivities("w", "1")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", goes, w.activity("a"))
		a := w.PollActivity("w", w.as("1")...)
		w.Describe("w")
		a.Complete("out", w.as("1")...)
		w.DecideAs("w", "1", goes, complete("done"))
	}},
	{"an activity on a queue without versions", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays, w.activity("a", "task_queue="+w.Queue("other")))
		w.PollActivity("other").Complete("out")
		w.DecideAs("w", "1", stays, complete("done"))
	}},
	{"a query goes to the version of a pinned workflow", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		w.SetCurrent("2")
		wait := w.Query("w", "q")
		w.Poll("w", w.as("1")...).Answer("out")
		wait()
		w.Terminate("w")
	}},
	{"a query goes to the current version of a workflow that upgrades", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", goes, complete("done"))
		w.SetCurrent("2")
		wait := w.Query("w", "q")
		w.Poll("w", w.as("2")...).Answer("out")
		wait()
	}},
	{"an update goes to the version of a pinned workflow", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		w.SetCurrent("2")
		wait := w.Update("w", "u")
		w.AwaitUpdate("w", "u")
		task := w.Poll("w", w.as("1")...)
		request := Set(task.completion(protocolMessage("u/accept"), protocolMessage("u/complete")), append(w.as("1"), "versioning_behavior="+stays)...)
		request.Messages = messages(task.Accept("u"), Outcome("u", "out"))
		_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
		wait()
		w.Terminate("w")
	}},
	{"a pinned workflow is reset", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		w.SetCurrent("2")
		_, _ = w.API.ResetWorkflowExecution(w.Ctx, &workflowservice.ResetWorkflowExecutionRequest{Namespace: Namespace, WorkflowExecution: w.Execution("w"),
			Reason: "because", WorkflowTaskFinishEventId: 4, RequestId: w.requestID(), Identity: "operator"})
		w.DecideAs("w", "2", stays, complete("done"))
		w.Describe("w")
	}},
	{"a workflow task is completed by another version than it was given to", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.Poll("w", w.as("1")...).CompleteWith(append(w.as("2"), "versioning_behavior="+stays))
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a worker of a version does not say what kind its workflow is", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("1")
		w.Start("w")
		w.Poll("w", w.as("1")...).CompleteWith(w.as("1"))
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a worker without a version says what kind its workflow is", func(w *World) {
		w.Start("w")
		w.Poll("w").CompleteWith(Settings{"versioning_behavior=" + stays})
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a version gets all of a ramp, and nothing of it", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.SetRamp("2", 100)
		w.Start("w")
		w.DecideAs("w", "2", stays, complete("done"))
		w.SetRamp("2", 0)
		w.Start("x", w.on("w"))
		w.DecideAs("w", "1", stays, complete("done"))
	}},
	{"workers without versions get all of a ramp", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("1")
		w.SetRamp("", 100)
		w.Start("w")
		w.Decide("w", complete("done"))
		w.Describe("w")
	}},
	{"a version that is draining is deleted", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		w.SetCurrent("2")
		w.DescribeBuild("1")
		w.DeleteBuild("1")
		w.DeleteBuild("1", "skip_drainage=true")
		w.Terminate("w")
	}},
	{"versions are named as text", func(w *World) {
		w.Versions("w", "1")
		for _, text := range []string{w.deployment() + ".1", w.deployment() + ":1", w.deployment() + ".9"} {
			w.Say("%s", strings.ReplaceAll(text, w.Prefix, "<scenario>"))
			//lint:ignore SA1019 older clients send it
			_, _ = w.API.DescribeWorkerDeploymentVersion(w.Ctx, &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: Namespace, Version: text})
			w.SetCurrent("", "version="+text)
		}
	}},
	{"a queue tells of its versions", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.SetRamp("2", 25)
		describe := func(settings ...string) {
			_, _ = w.API.DescribeTaskQueue(w.Ctx, Set(&workflowservice.DescribeTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue("w"), TaskQueueType: 1}, settings...))
		}
		w.Eventually("the queue knows of its versions", func() bool {
			d, err := w.Quiet.DescribeTaskQueue(w.Ctx, &workflowservice.DescribeTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue("w"), TaskQueueType: 1})
			return err == nil && d.GetVersioningInfo().GetRampingVersionPercentage() == 25
		})
		var info string
		w.quietly(func() {
			d, _ := w.API.DescribeTaskQueue(w.Ctx, &workflowservice.DescribeTaskQueueRequest{Namespace: Namespace, TaskQueue: w.taskQueue("w"), TaskQueueType: 1})
			info = w.renderer.message(d.GetVersioningInfo())
		})
		w.Say("%s", info)
		describe("api_mode=ENHANCED", "report_task_reachability=true")
		describe("api_mode=ENHANCED", "versions.build_ids=1")
	}},
	{"a poll and an answer say that a worker has no version", func(w *World) {
		w.Versions("w", "1")
		unversioned := []string{"deployment_options.deployment_name=" + w.deployment(), "deployment_options.build_id=1", "deployment_options.worker_versioning_mode=UNVERSIONED"}
		w.Start("w")
		w.Poll("w", unversioned...).CompleteWith(unversioned, w.activity("a"))
		w.PollActivity("w", unversioned...).Complete("out", unversioned...)
		w.Poll("w", unversioned...).CompleteWith(unversioned, complete("done"))
		w.Describe("w")
	}},
	{"a version keeps a workflow on its sticky queue until it changes", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		w.Start("w")
		task := w.Poll("w", w.as("1")...)
		task.CompleteWith(append(w.as("1"), "versioning_behavior="+goes, "sticky_attributes.worker_task_queue.name="+w.Queue("s"), "sticky_attributes.worker_task_queue.kind=STICKY",
			"sticky_attributes.worker_task_queue.normal_name="+w.Queue("w"), "sticky_attributes.schedule_to_start_timeout=10s"))
		w.SetCurrent("2")
		w.Signal("w", "go")
		w.DecideAs("w", "2", goes, complete("done"))
		w.Describe("w")
	}},
	{"workflows are found by their versions", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", stays)
		for _, query := range []string{"TemporalWorkerDeployment = '%[1]s'", "TemporalWorkerDeploymentVersion = '%[1]s:1'", "TemporalWorkflowVersioningBehavior = 'Pinned' AND WorkflowId = '%[2]s'",
			"BuildIds IN ('pinned:%[1]s:1')"} {
			text := fmt.Sprintf(query, w.deployment(), w.ID("w"))
			w.Eventually("the workflow is found", func() bool {
				found, err := w.Quiet.CountWorkflowExecutions(w.Ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: Namespace, Query: text})
				return err == nil && found.GetCount() == 1
			})
			_, _ = w.API.CountWorkflowExecutions(w.Ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: Namespace, Query: text})
		}
		w.Terminate("w")
	}},
	{"a deployment is given up", func(w *World) {
		w.Versions("w", "1")
		w.SetCurrent("1")
		w.Start("w")
		w.DecideAs("w", "1", goes)
		w.SetCurrent("")
		w.Signal("w", "go")
		task := w.Poll("w")
		w.Describe("w")
		task.Complete()
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a workflow is started eagerly by a worker of a version", func(w *World) {
		w.Versions("w", "1", "2")
		w.SetCurrent("1")
		for i, build := range []string{"1", "2"} {
			const options = "eager_worker_deployment_options."
			w.Start(fmt.Sprint("w", i), w.on("w"), "request_eager_execution=true", options+"deployment_name="+w.deployment(), options+"build_id="+build, options+"worker_versioning_mode=VERSIONED")
			w.quietly(func() { w.Terminate(fmt.Sprint("w", i)) })
		}
		w.Eventually("both have ended", func() bool {
			for i := range 2 {
				events := w.History(fmt.Sprint("w", i), "")
				if len(events) == 0 || events[len(events)-1].EventType != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED {
					return false
				}
			}
			return true
		})
	}},
}
