package differ

import (
	"strings"

	"go.temporal.io/api/operatorservice/v1"
)

// endpointRequest makes a Nexus endpoint whose target are the workers of a queue.
func (w *World) endpointRequest(name string, settings ...string) *operatorservice.CreateNexusEndpointRequest {
	return Set(&operatorservice.CreateNexusEndpointRequest{}, append([]string{
		"spec.name=" + w.Prefix + "-" + name, "spec.target.worker.namespace=" + Namespace, "spec.target.worker.task_queue=q"}, settings...)...)
}

// badEndpoints are what no endpoint can be.
var badEndpoints = [][]string{
	{"spec=none"}, {"spec.name=none"}, {"spec.name=x"}, {"spec.name=1x"}, {"spec.name=x-"}, {"spec.name=a_b"}, {"spec.name=" + strings.Repeat("x", 201)},
	{"spec.target=none"}, {"spec.target.worker.namespace=none"}, {"spec.target.worker.namespace=no-such-namespace"}, {"spec.target.worker.task_queue=none"},
	{"spec.target.worker.task_queue=" + strings.Repeat("x", 1001)}, {"spec.target.worker.task_queue=/_sys/x"},
	{"spec.target.external.url="}, {"spec.target.external.url=ftp://example.com"}, {"spec.target.external.url=example.com"}, {"spec.target.external.url=http://[x"},
	{"spec.target.external.url=http://" + strings.Repeat("x", 4090)}, {"spec.description=" + strings.Repeat("x", 20001)},
	{"spec.name=none", "spec.target.worker.namespace=none", "spec.target.worker.task_queue=none"},
}

var endpoints = []Scenario{
	{"Nexus endpoints that cannot be made", func(w *World) {
		for _, settings := range badEndpoints {
			w.Say("%s", shortened(strings.Join(settings, " ")))
			_, _ = w.Operator.CreateNexusEndpoint(w.Ctx, w.endpointRequest("bad", settings...))
		}
	}},
	{"a Nexus endpoint is made, changed and deleted", func(w *World) {
		made, _ := w.Operator.CreateNexusEndpoint(w.Ctx, w.endpointRequest("e", "spec.description=what it is for"))
		id := made.GetEndpoint().GetId()
		_, _ = w.Operator.CreateNexusEndpoint(w.Ctx, w.endpointRequest("e")) // its name is taken
		_, _ = w.Operator.GetNexusEndpoint(w.Ctx, &operatorservice.GetNexusEndpointRequest{Id: id})
		update := func(version int64, settings ...string) {
			_, _ = w.Operator.UpdateNexusEndpoint(w.Ctx, &operatorservice.UpdateNexusEndpointRequest{Id: id, Version: version, Spec: w.endpointRequest("e", settings...).Spec})
		}
		update(2)
		update(0)
		update(1, "spec.target.external.url=https://example.com/nexus")
		update(1)
		update(2, "spec.name=x")
		_, _ = w.Operator.ListNexusEndpoints(w.Ctx, &operatorservice.ListNexusEndpointsRequest{Name: w.Prefix + "-e"})
		_, _ = w.Operator.ListNexusEndpoints(w.Ctx, &operatorservice.ListNexusEndpointsRequest{Name: w.Prefix + "-none"})
		_, _ = w.Operator.DeleteNexusEndpoint(w.Ctx, &operatorservice.DeleteNexusEndpointRequest{Id: id, Version: 2})
		_, _ = w.Operator.DeleteNexusEndpoint(w.Ctx, &operatorservice.DeleteNexusEndpointRequest{Id: id, Version: 2})
		_, _ = w.Operator.GetNexusEndpoint(w.Ctx, &operatorservice.GetNexusEndpointRequest{Id: id})
		update(2)
	}},
	{"a Nexus endpoint is deleted whose version is another", func(w *World) {
		made, _ := w.Operator.CreateNexusEndpoint(w.Ctx, w.endpointRequest("v"))
		_, _ = w.Operator.DeleteNexusEndpoint(w.Ctx, &operatorservice.DeleteNexusEndpointRequest{Id: made.GetEndpoint().GetId(), Version: 7})
	}},
	{"Nexus endpoints that there are not", func(w *World) {
		for _, id := range []string{"", "x", "00000000-0000-4000-8000-000000000000"} {
			_, _ = w.Operator.GetNexusEndpoint(w.Ctx, &operatorservice.GetNexusEndpointRequest{Id: id})
			for _, version := range []int64{-1, 0, 1} {
				_, _ = w.Operator.DeleteNexusEndpoint(w.Ctx, &operatorservice.DeleteNexusEndpointRequest{Id: id, Version: version})
			}
			_, _ = w.Operator.UpdateNexusEndpoint(w.Ctx, &operatorservice.UpdateNexusEndpointRequest{Id: id, Version: 1, Spec: w.endpointRequest("none").Spec})
		}
		for _, size := range []int32{-1, 1001} {
			_, _ = w.Operator.ListNexusEndpoints(w.Ctx, &operatorservice.ListNexusEndpointsRequest{PageSize: size})
		}
	}},
	{"a namespace that is the target of a Nexus endpoint is not deleted", func(w *World) {
		var name string
		w.quietly(func() { name = w.namespace("t") })
		request := w.endpointRequest("t", "spec.target.worker.namespace="+name)
		w.Eventually("the endpoint is made", func() (made bool) {
			w.quietly(func() {
				_, err := w.Operator.CreateNexusEndpoint(w.Ctx, request)
				made = err == nil
			})
			return made
		})
		_, _ = w.Operator.DeleteNamespace(w.Ctx, &operatorservice.DeleteNamespaceRequest{Namespace: name})
	}},
	{"clusters that there are not are removed", func(w *World) {
		for _, name := range []string{"", "no-such-cluster"} {
			_, _ = w.Operator.RemoveRemoteCluster(w.Ctx, &operatorservice.RemoveRemoteClusterRequest{ClusterName: name})
		}
	}},
}
