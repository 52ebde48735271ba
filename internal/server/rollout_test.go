package server_test

import (
	"fmt"
	"path/filepath"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/server"
)

// What becomes of workflows while their workers are replaced.

func TestAllWorkersAreReplacedAtOnceAndTheWorkflowsGoOn(t *testing.T) {
	t.Parallel()
	b := start(t, server.Options{})
	b.registers("1")
	b.setCurrent("1")
	const workflows = 10
	for i := range workflows {
		b.startWorkflow(fmt.Sprint("w", i))
		b.completesAs("1", upgrading, b.getsTask("1"))
	}
	// The workers of version 1 are gone with this, and those of version 2 come.
	b.registers("2")
	b.setCurrent("2")
	for i := range workflows {
		b.signals(fmt.Sprint("w", i))
	}
	for range workflows {
		b.completesAs("2", upgrading, b.getsTask("2"), completeWorkflow("done"))
	}
	for i := range workflows {
		if info := b.describes(fmt.Sprint("w", i)); info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED || info.GetVersioningInfo().GetDeploymentVersion().GetBuildId() != "2" {
			t.Errorf("w%d is %v at %v", i, info.GetStatus(), info.GetVersioningInfo())
		}
	}
}

// waitsFor checks that what waits for the version in its queue is told.
func (b *bench) waitsFor(build string, want int64) {
	b.t.Helper()
	b.awaits("what waits for the version is told", func() bool {
		d, err := b.client.DescribeWorkerDeploymentVersion(b.ctx(), &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: ns, DeploymentVersion: versionOf(build), ReportTaskQueueStats: true})
		if err != nil {
			b.t.Fatal(err)
		}
		for _, q := range d.GetVersionTaskQueues() {
			if q.GetName() == queue && q.GetType() == enumspb.TASK_QUEUE_TYPE_WORKFLOW {
				return q.GetStats().GetApproximateBacklogCount() == want
			}
		}
		return false
	})
}

func TestAWorkflowWhoseVersionHasNoPollersWaitsAndIsDescribedWithIt(t *testing.T) {
	t.Parallel()
	b := start(t, server.Options{})
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")
	b.startWorkflow("w")
	b.completesAs("1", pinnedTo, b.getsTask("1"))
	b.setCurrent("2")
	b.signals("w")
	b.waitsFor("1", 1)
	info := b.describes("w")
	if v := info.GetVersioningInfo(); info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || v.GetDeploymentVersion().GetBuildId() != "1" || v.GetBehavior() != pinnedTo {
		t.Errorf("the workflow is %v at %v", info.GetStatus(), v)
	}
	b.completesAs("1", pinnedTo, b.getsTask("1"), completeWorkflow("done")) // workers of the version have come back
}

// pins moves a workflow to the version.
func (b *bench) pins(id, build string) {
	b.t.Helper()
	_, err := b.client.UpdateWorkflowExecutionOptions(b.ctx(), &workflowservice.UpdateWorkflowExecutionOptionsRequest{
		Namespace: ns, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
		WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{VersioningOverride: &workflowpb.VersioningOverride{Override: &workflowpb.VersioningOverride_Pinned{
			Pinned: &workflowpb.VersioningOverride_PinnedOverride{Behavior: workflowpb.VersioningOverride_PINNED_OVERRIDE_BEHAVIOR_PINNED, Version: versionOf(build)}}}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"versioning_override"}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestAWorkflowWhoseVersionIsDeletedWaitsUntilItIsMoved(t *testing.T) {
	t.Parallel()
	options := server.Options{DataDir: filepath.Join(t.TempDir(), "data")}
	b := start(t, options)
	b.registers("1")
	b.registers("2")
	b.setCurrent("1")
	b.startWorkflow("w")
	b.completesAs("1", pinnedTo, b.getsTask("1"))
	b.setCurrent("2")
	if err := b.server.Stop(b.ctx()); err != nil { // who has polled is in memory
		t.Fatal(err)
	}
	b = start(t, options)
	_, err := b.client.DeleteWorkerDeploymentVersion(b.ctx(), &workflowservice.DeleteWorkerDeploymentVersionRequest{Namespace: ns, DeploymentVersion: versionOf("1"), SkipDrainage: true, Identity: "operator"})
	if err != nil {
		t.Fatal(err)
	}
	b.signals("w")
	if v := b.describes("w").GetVersioningInfo(); v.GetDeploymentVersion().GetBuildId() != "1" || v.GetBehavior() != pinnedTo {
		t.Errorf("the workflow is at %v", v)
	}
	_, err = b.client.DescribeWorkerDeploymentVersion(b.ctx(), &workflowservice.DescribeWorkerDeploymentVersionRequest{Namespace: ns, DeploymentVersion: versionOf("1")})
	if status.Code(err) != codes.NotFound {
		t.Errorf("the description of the version says %v, want NotFound", err)
	}
	b.pins("w", "2")
	if task := b.getsTask("2"); task.GetWorkflowExecution().GetWorkflowId() != "w" {
		t.Errorf("a worker of the version that it was moved to gets %v", task)
	}
}
