package ui

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// onDemand leaves a test out unless all was asked for.
func onDemand(t *testing.T) {
	t.Helper()
	if !*all {
		t.Skip("on demand: -all")
	}
}

// order starts a workflow of the test's own, and waits until it waits for signals.
func newOrder(t *testing.T, id string) execution {
	t.Helper()
	e, err := world.start(t.Context(), id, "order", 3)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the workflow waits", func(ctx context.Context) bool {
		value, err := world.client.QueryWorkflow(ctx, e.id, e.run, "status")
		var status string
		return err == nil && value.Get(&status) == nil && status == "waiting to be shipped"
	})
	return e
}

// page is an address of the UI about the workflow.
func (e execution) page(name string) string {
	return "/namespaces/default/workflows/" + escape(e.id) + "/" + e.run + "/" + name
}

// eventually waits until the server says so.
func eventually(t *testing.T, what string, is func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), *pageTime)
	defer cancel()
	for !is(ctx) {
		if ctx.Err() != nil {
			t.Fatal("waited in vain: " + what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// hasStatus reports whether a workflow has the status; an empty run is the latest.
func hasStatus(id, run string, status enumspb.WorkflowExecutionStatus) func(context.Context) bool {
	return func(ctx context.Context) bool {
		description, err := world.client.DescribeWorkflowExecution(ctx, id, run)
		return err == nil && description.GetWorkflowExecutionInfo().GetStatus() == status
	}
}

// events are those of the history of the type.
func events(t *testing.T, e execution, kind enumspb.EventType) (found []*historypb.HistoryEvent) {
	t.Helper()
	history := world.client.GetWorkflowHistory(t.Context(), e.id, e.run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		if event.GetEventType() == kind {
			found = append(found, event)
		}
	}
	return found
}

func TestAWorkflowIsQueriedUpdatedAndCancelled(t *testing.T) {
	onDemand(t)
	w := newOrder(t, "order-to-be-cancelled")
	p := openTab(t)
	p.open(w.page("query"), "Query")
	p.press("[data-testid=query-select-button]")
	p.click("status")
	p.click("Run Query")
	p.await("waiting to be shipped")
	p.picture("action-queried")

	p.visit(w.page("history"), "charge")
	p.click("More Actions")
	p.press("[data-testid=update-button]")
	p.press("[data-testid=update-select-button]")
	p.click("change-amount")
	p.fill("#update-confirmation-modal .cm-content", "12")
	p.confirm("update-confirmation-modal")
	p.await("Update successful")
	p.picture("action-updated")
	if n := len(events(t, w, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED)); n != 1 {
		t.Errorf("%d updates have completed", n)
	}

	p.click("More Actions")
	p.press("[data-testid=request-cancellation-button]")
	p.confirm("cancel-confirmation-modal")
	eventually(t, "the workflow is cancelled", hasStatus(w.id, w.run, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED))
	p.await("CANCELED")
	p.picture("action-cancelled")
	p.check()
}

func TestAWorkflowIsPausedUnpausedAndReset(t *testing.T) {
	onDemand(t)
	w := newOrder(t, "order-to-be-paused")
	p := openTab(t)
	p.open(w.page("history"), "charge")
	p.click("Pause Workflow")
	p.fill("#workflow-pause-details", "lunch")
	p.confirm("workflow-pause-confirmation-modal")
	eventually(t, "the workflow is paused", hasStatus(w.id, w.run, enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED))
	p.await("Unpause Workflow")
	p.picture("action-paused")
	p.click("Unpause Workflow")
	p.confirm("workflow-unpause-confirmation-modal")
	eventually(t, "the workflow goes on", hasStatus(w.id, w.run, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING))
	p.await("Pause Workflow")

	p.click("More Actions")
	p.press("[data-testid=reset-button]")
	p.press("[data-testid=workflow-reset-event-id-select-button]")
	p.press("#reset-confirmation-modal [role=option]")
	p.fill("#reset-reason", "again")
	p.picture("action-reset")
	p.confirm("reset-confirmation-modal")
	eventually(t, "the workflow is reset", hasStatus(w.id, w.run, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED))
	eventually(t, "its new run goes on", hasStatus(w.id, "", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING))
	p.check()
	if err := world.client.TerminateWorkflow(t.Context(), w.id, "", "no longer needed"); err != nil {
		t.Error(err)
	}
}

func TestAWorkflowIsStartedByTheForm(t *testing.T) {
	onDemand(t)
	p := openTab(t)
	p.open("/namespaces/default/workflows/start-workflow", "Start Workflow")
	p.fill("#workflowId", "order-of-the-form")
	p.fill("#taskQueue", taskQueue)
	p.fill("#workflowType", "order")
	p.fill(".cm-content", "7")
	p.await("Task Queue is Active")
	p.picture("action-start")
	p.press("[data-testid=start-workflow-button]")
	eventually(t, "the workflow runs", hasStatus("order-of-the-form", "", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING))
	p.visit("/namespaces/default/workflows", "order-of-the-form")
	p.click("order-of-the-form")
	p.click("More Actions")
	p.click("Start Workflow Like This One")
	p.await("Start Workflow")
	p.check()
	if err := world.client.TerminateWorkflow(t.Context(), "order-of-the-form", "", "no longer needed"); err != nil {
		t.Error(err)
	}
}

func TestASchedulesWholeLife(t *testing.T) {
	onDemand(t)
	const id = "hourly"
	schedule := world.client.ScheduleClient().GetHandle(t.Context(), id)
	p := openTab(t)
	p.open("/namespaces/default/schedules/create", "Create Schedule")
	p.fill("#name", id)
	p.fill("#workflowType", "parcel")
	p.fill("#workflowId", "parcel-hourly")
	p.fill("#taskQueue", taskQueue)
	p.press("[data-testid=spec-type-0-button]")
	p.click("Interval")
	p.fill("input[id^=interval-]", "60")
	p.picture("action-schedule")
	p.press("[data-testid=create-schedule-button]")
	eventually(t, "there is the schedule", func(ctx context.Context) bool {
		d, err := schedule.Describe(ctx)
		return err == nil && len(d.Schedule.Spec.Intervals) == 1 && d.Schedule.Spec.Intervals[0].Every == time.Hour
	})

	p.led("/namespaces/default/schedules", id)
	p.click(id)
	for _, paused := range []bool{true, false} {
		action := "Unpause"
		if paused {
			action = "Pause"
		}
		p.click(action)
		p.fill("#pause-reason", "lunch")
		p.confirm("pause-schedule-modal")
		eventually(t, action, func(ctx context.Context) bool {
			d, err := schedule.Describe(ctx)
			return err == nil && d.Schedule.State.Paused == paused && d.Schedule.State.Note != ""
		})
		p.gone("#pause-schedule-modal")
	}
	p.press("#schedule-actions-menu-button")
	p.press("[data-testid=trigger-schedule]")
	p.confirm("trigger-schedule-modal")
	eventually(t, "it acts", func(ctx context.Context) bool {
		d, err := schedule.Describe(ctx)
		return err == nil && d.Info.NumActions == 1
	})
	p.gone("#trigger-schedule-modal")
	p.picture("action-schedule-triggered")

	p.press("#schedule-actions-menu-button")
	p.press("[data-testid=edit-schedule]")
	p.fill("#workflowId", "parcel-each-hour")
	p.press("[data-testid=create-schedule-button]")
	eventually(t, "it is changed", func(ctx context.Context) bool {
		d, err := world.client.WorkflowService().DescribeSchedule(ctx, &workflowservice.DescribeScheduleRequest{Namespace: "default", ScheduleId: id})
		return err == nil && d.GetSchedule().GetAction().GetStartWorkflow().GetWorkflowId() == "parcel-each-hour"
	})
	p.visit("/namespaces/default/schedules/"+id, "parcel")
	p.press("#schedule-actions-menu-button")
	p.press("[data-testid=delete-schedule]")
	p.confirm("delete-schedule-modal")
	eventually(t, "it is gone", func(ctx context.Context) bool {
		_, err := schedule.Describe(ctx)
		return err != nil
	})
	p.check()
}

func TestWorkflowsAreTerminatedFromTheList(t *testing.T) {
	onDemand(t)
	var orders []execution
	for i := range 3 {
		orders = append(orders, newOrder(t, fmt.Sprintf("bulk-%d", i)))
	}
	p := openTab(t)
	p.open("/namespaces/default/workflows?query="+url.QueryEscape("WorkflowId STARTS_WITH \"bulk-\" AND `ExecutionStatus`=\"Running\""), "bulk-2")
	p.press("#select-visible-workflows")
	p.picture("action-batch")
	p.press("[data-testid=bulk-terminate-button]")
	p.confirm("batch-terminate-confirmation-modal")
	for _, order := range orders {
		eventually(t, order.id+" is terminated", hasStatus(order.id, order.run, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED))
	}
	p.visit("/namespaces/default/batch-operations", "COMPLETED")
	p.check()
}

func TestAViewIsSavedAndUsed(t *testing.T) {
	onDemand(t)
	p := openTab(t)
	p.open("/namespaces/default/workflows?query="+url.QueryEscape("`WorkflowType`=\"broken\""), "broken-1")
	p.press("[data-testid=create-view-button]")
	p.fill("#view-name", "What is broken")
	p.confirm("workflow-save-view-modal")
	p.open("/namespaces/default/workflows", "order-1")
	p.press("[data-testid=saved-views-bar] button[aria-haspopup]")
	p.click("What is broken")
	p.await(`WorkflowType = "broken"`)
	p.await("broken-1")
	p.picture("action-view")
	p.check()
}
