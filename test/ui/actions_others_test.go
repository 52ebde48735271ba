package ui

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"

	historypb "go.temporal.io/api/history/v1"
)

func TestANexusEndpointIsCreatedChangedAndDeleted(t *testing.T) {
	onDemand(t)
	id := ""
	targetOf := func(ctx context.Context) (queue string) {
		resp, err := world.client.OperatorService().ListNexusEndpoints(ctx, &operatorservice.ListNexusEndpointsRequest{Name: "shipping"})
		if err != nil || len(resp.GetEndpoints()) != 1 {
			return ""
		}
		id = resp.GetEndpoints()[0].GetId()
		return resp.GetEndpoints()[0].GetSpec().GetTarget().GetWorker().GetTaskQueue()
	}
	p := openTab(t)
	p.open("/nexus/create", "Create Nexus Endpoint")
	p.fill("#name", "shipping")
	p.fill("#target-namespace", "default")
	p.press("[role=option]")
	p.fill("#task-queue", taskQueue)
	p.press("[data-testid=nexus-form-submit-button]")
	eventually(t, "there is the endpoint", func(ctx context.Context) bool { return targetOf(ctx) == taskQueue })
	p.open("/nexus/"+id, "shipping")
	p.picture("action-endpoint")
	p.click("Edit")
	p.fill("#task-queue", "others")
	p.press("[data-testid=nexus-form-submit-button]")
	eventually(t, "it is changed", func(ctx context.Context) bool { return targetOf(ctx) == "others" })
	p.open("/nexus/"+id+"/edit", "shipping")
	p.press("[data-testid=delete-endpoint-button]")
	p.fill("#delete-endpoint", "shipping")
	p.confirm("delete-endpoint-modal")
	eventually(t, "it is gone", func(ctx context.Context) bool { return targetOf(ctx) == "" })
	p.check()
}

func TestAnActivityIsStartedByTheForm(t *testing.T) {
	onDemand(t)
	p := openTab(t)
	p.open("/namespaces/default/activities/start", "Start")
	p.fill("#activityId", "charge-of-the-form")
	p.fill("#taskQueue", taskQueue)
	p.fill("#activityType", "charge")
	p.fill(".cm-content", "9")
	p.fill("#startToCloseTimeout", "30")
	p.picture("action-activity")
	p.press("[data-testid=start-standalone-activity-submit-button]")
	eventually(t, "the activity has completed", func(ctx context.Context) bool {
		resp, err := world.client.WorkflowService().DescribeActivityExecution(ctx, &workflowservice.DescribeActivityExecutionRequest{Namespace: "default", ActivityId: "charge-of-the-form"})
		return err == nil && resp.GetInfo().GetStatus() == enumspb.ACTIVITY_EXECUTION_STATUS_COMPLETED
	})
	p.visit("/namespaces/default/activities", "charge-of-the-form")
	p.check()
}

func TestAHistoryIsImported(t *testing.T) {
	onDemand(t)
	history := &historypb.History{}
	for events := world.client.GetWorkflowHistory(t.Context(), world.done.id, world.done.run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		history.Events = append(history.Events, event)
	}
	data, err := protojson.Marshal(history)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "history.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	p := openTab(t)
	p.open("/import/events", "Import")
	if err := chromedp.Run(p.ctx, chromedp.SetUploadFiles("#import-event-history-file-upload", []string{file}, chromedp.ByQuery)); err != nil {
		t.Fatal(err)
	}
	p.press("#import-event-history-file-upload ~ button")
	p.await("charge")
	p.picture("action-import")
	p.check()
}

func TestThePagesAreLightOrDark(t *testing.T) {
	onDemand(t)
	p := openTab(t)
	p.open("/namespaces/default/workflows", "order-1")
	for mode, theme := range map[string]string{"night-mode": "dark", "day-mode": "light"} {
		p.press("[data-testid=" + mode + "]")
		if !p.until(`document.documentElement.outerHTML.includes('data-theme="` + theme + `"')`) {
			t.Errorf("by %s the page does not become %s", mode, theme)
		}
		p.picture("theme-" + theme + "-list")
		p.visit(world.open.page("timeline"), "parcel")
		p.picture("theme-" + theme + "-timeline")
		p.visit("/namespaces/default/workflows", "order-1")
	}
	p.check()
}
