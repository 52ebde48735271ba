package ui

import (
	"net/url"
	"strings"
	"testing"
)

// escape is an id in an address of the UI.
func escape(id string) string { return url.PathEscape(id) }

func TestEveryPageComesUpWithoutErrors(t *testing.T) {
	p := openTab(t)
	p.open("/namespaces/default/workflows", "order-1")
	of := execution.page
	for _, c := range []struct{ path, text string }{
		{"/namespaces", "empty"},
		{"/namespaces/default", "Customer"},
		{"/namespaces/default/workflows", "order-1"},
		{"/namespaces/empty/workflows", "No Workflows"},
		{"/namespaces/default/workflows?query=" + url.QueryEscape("`WorkflowType`=\"order\" AND `ExecutionStatus`=\"Running\""), "order-1"},
		{"/namespaces/default/workflows/start-workflow", "Start"},
		{of(world.open, "timeline"), "parcel"},
		{of(world.open, "history"), "charge"},
		{of(world.open, "history/compact"), "charge"},
		{of(world.open, "history/feed"), "charge"},
		{of(world.open, "history/json"), "Workflow Execution Started"},
		{of(world.open, "history/events/5"), "charge"},
		{of(world.open, "relationships"), "order-1-parcel"},
		{of(world.open, "workers"), "Host Name"},
		{of(world.open, "pending-activities"), "No Pending Activities"},
		{of(world.open, "call-stack"), "order-1"},
		{of(world.open, "stack-trace"), "order-1"},
		{of(world.open, "query"), "order-1"},
		{of(world.open, "metadata"), "order-1"},
		{of(world.open, "user-metadata"), "order-1"},
		{of(world.open, "search-attributes"), "Customer"},
		{of(world.open, "memo"), "channel"},
		{of(world.open, "nexus-links"), "order-1"},
		{of(world.done, "history"), "shipped"},
		{of(world.failed, "history"), "the warehouse is closed"},
		{of(world.retrying, "pending-activities"), "nobody answers"},
	} {
		show(t, p, c.path, c.text)
	}
	if !*all {
		return
	}
	for _, c := range []struct{ path, text string }{
		{of(world.odd, "history"), "charge"},
		{"/namespaces/default/schedules", "nightly"},
		{"/namespaces/default/schedules/create", "Schedule"},
		{"/namespaces/default/schedules/nightly", "parcel"},
		{"/namespaces/default/schedules/nightly/edit", "nightly"},
		{"/namespaces/default/batch-operations", "batch-1"},
		{"/namespaces/default/batch-operations/batch-1", "batch-1"},
		{"/namespaces/default/task-queues/orders", "orders"},
		{"/namespaces/default/workers", "Workers"},
		{"/namespaces/default/workers/deployments", "Deployments"},
		{"/namespaces/default/worker-deployments", "shop"},
		{"/namespaces/default/worker-deployments/shop", "1.0"},
		{"/namespaces/default/activities", "standalone"},
		{"/namespaces/default/activities/start", "Start"},
		{"/namespaces/default/activities/standalone/" + world.activityRun + "/details", "charge"},
		{"/namespaces/default/activities/standalone/" + world.activityRun + "/metadata", "standalone"},
		{"/namespaces/default/activities/standalone/" + world.activityRun + "/search-attributes", "standalone"},
		{"/namespaces/default/activities/standalone/" + world.activityRun + "/workers", "standalone"},
		{"/namespaces/default/nexus-operations", "Nexus Operation"},
		{"/namespaces/default/nexus-operations/start", "Endpoint"},
		{"/namespaces/default/archival", "archiv"},
		{"/namespaces/default/agents", "Agents"},
		{"/nexus", "payments"},
		{"/nexus/create", "Endpoint"},
		{"/nexus/" + world.endpoint, "payments"},
		{"/nexus/" + world.endpoint + "/edit", "payments"},
		{"/import/events", "Import"},
	} {
		show(t, p, c.path, c.text)
	}
}

// show is the test of one page.
func show(t *testing.T, p *page, path, text string) {
	t.Run(path, func(t *testing.T) {
		p.t = t
		p.visit(path, text)
		if shown := p.text(); strings.Contains(shown, "Uh oh") {
			t.Errorf("the UI does not know the page:\n%s", shown)
		}
		p.picture(path)
		p.check()
	})
}
