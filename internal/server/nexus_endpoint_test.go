package server_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/server"
)

func toWorkers(name, namespace, queue string) *nexuspb.EndpointSpec {
	return &nexuspb.EndpointSpec{Name: name, Target: &nexuspb.EndpointTarget{
		Variant: &nexuspb.EndpointTarget_Worker_{Worker: &nexuspb.EndpointTarget_Worker{Namespace: namespace, TaskQueue: queue}}}}
}

func toURL(name, url string) *nexuspb.EndpointSpec {
	return &nexuspb.EndpointSpec{Name: name, Target: &nexuspb.EndpointTarget{
		Variant: &nexuspb.EndpointTarget_External_{External: &nexuspb.EndpointTarget_External{Url: url}}}}
}

func (b *bench) createEndpoint(spec *nexuspb.EndpointSpec) *nexuspb.Endpoint {
	b.t.Helper()
	resp, err := b.operator().CreateNexusEndpoint(b.ctx(), &operatorservice.CreateNexusEndpointRequest{Spec: spec})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.Endpoint
}

func TestNexusEndpointsAreKeptAndHaveVersions(t *testing.T) {
	options := server.Options{DataDir: filepath.Join(t.TempDir(), "data")}
	b := start(t, options)
	spec := toWorkers("payments", ns, "q")
	spec.Description = &commonpb.Payload{Data: []byte("what it is for")}
	made := b.createEndpoint(spec)
	if made.Version != 1 || !proto.Equal(made.Spec, spec) || made.CreatedTime == nil || made.LastModifiedTime != nil || made.UrlPrefix != "/nexus/endpoints/"+made.Id+"/services" {
		t.Errorf("it is made as %v", made)
	}
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}
	b = start(t, options)
	got, err := b.operator().GetNexusEndpoint(b.ctx(), &operatorservice.GetNexusEndpointRequest{Id: made.Id})
	if err != nil || !proto.Equal(got.Endpoint, made) {
		t.Errorf("after a restart it is %v, %v", got, err)
	}
	update := func(version int64, spec *nexuspb.EndpointSpec) (*nexuspb.Endpoint, codes.Code) {
		resp, err := b.operator().UpdateNexusEndpoint(b.ctx(), &operatorservice.UpdateNexusEndpointRequest{Id: made.Id, Version: version, Spec: spec})
		return resp.GetEndpoint(), status.Code(err)
	}
	changed, code := update(1, toURL("billing", "https://example.com/nexus"))
	if code != codes.OK || changed.Version != 2 || changed.Spec.Name != "billing" || changed.LastModifiedTime == nil || !proto.Equal(changed.CreatedTime, made.CreatedTime) {
		t.Errorf("it is changed to %v, %v", changed, code)
	}
	if _, code := update(1, spec); code != codes.FailedPrecondition {
		t.Errorf("an update of an old version: %v", code)
	}
	b.createEndpoint(spec) // its name is free
	if _, code := update(2, spec); code != codes.AlreadyExists {
		t.Errorf("an update to a name that is taken: %v", code)
	}
	remove := func(version int64) codes.Code {
		_, err := b.operator().DeleteNexusEndpoint(b.ctx(), &operatorservice.DeleteNexusEndpointRequest{Id: made.Id, Version: version})
		return status.Code(err)
	}
	if code := remove(1); code != codes.FailedPrecondition {
		t.Errorf("the deletion of an old version: %v", code)
	}
	if code := remove(2); code != codes.OK {
		t.Errorf("its deletion: %v", code)
	}
	if code := remove(2); code != codes.NotFound {
		t.Errorf("another deletion: %v", code)
	}
}

func TestNexusEndpointsAreListedOnPagesAndFoundByName(t *testing.T) {
	b := start(t, server.Options{})
	var want []string
	for _, name := range []string{"a1", "b2", "c3", "d4", "e5"} {
		want = append(want, b.createEndpoint(toURL(name, "http://example.com")).Id)
	}
	slices.Sort(want)
	list := func(req *operatorservice.ListNexusEndpointsRequest) (ids []string, next []byte) {
		t.Helper()
		resp, err := b.operator().ListNexusEndpoints(b.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range resp.Endpoints {
			ids = append(ids, e.Id)
		}
		return ids, resp.NextPageToken
	}
	var got []string
	var token []byte
	for pages := 1; ; pages++ {
		ids, next := list(&operatorservice.ListNexusEndpointsRequest{PageSize: 2, NextPageToken: token})
		got = append(got, ids...)
		if token = next; token == nil {
			if pages != 3 {
				t.Errorf("there are %d pages, want 3", pages)
			}
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("lists %q, want %q", got, want)
	}
	if ids, _ := list(&operatorservice.ListNexusEndpointsRequest{Name: "c3", PageSize: -1}); len(ids) != 1 {
		t.Errorf("by name it finds %q", ids)
	}
	if ids, _ := list(&operatorservice.ListNexusEndpointsRequest{Name: "none"}); len(ids) != 0 {
		t.Errorf("by another name it finds %q", ids)
	}
	for _, req := range []*operatorservice.ListNexusEndpointsRequest{{PageSize: -1}, {PageSize: 1001}, {NextPageToken: []byte("x")}} {
		if _, err := b.operator().ListNexusEndpoints(b.ctx(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
}

func TestNexusEndpointsThatCannotBeAreRefused(t *testing.T) {
	b := start(t, server.Options{})
	b.createEndpoint(toURL("taken", "http://example.com"))
	for _, c := range []struct {
		spec *nexuspb.EndpointSpec
		code codes.Code
		says string
	}{
		{nil, codes.InvalidArgument, "endpoint name not set, empty target variant"},
		{toURL("taken", "http://example.com"), codes.AlreadyExists, "taken already registered"},
		{toURL("1x", "ftp://example.com"), codes.InvalidArgument, "expected http or https"},
		{toURL(strings.Repeat("x", 201), "http://example.com"), codes.InvalidArgument, "exceeds length limit of 200"},
		{toURL("ok", ""), codes.InvalidArgument, "empty target URL"},
		{toURL("ok", "http://"+strings.Repeat("x", 4096)), codes.InvalidArgument, "exceeds limit of 4096"},
		{toURL("ok", "http://[x"), codes.InvalidArgument, "invalid target URL"},
		{toWorkers("ok", "nowhere", "q"), codes.FailedPrecondition, "nowhere is not found"},
		{toWorkers("ok", "", ""), codes.InvalidArgument, "target namespace not set, invalid target task queue"},
		{toWorkers("ok", ns, "/_sys/q"), codes.InvalidArgument, "reserved prefix"},
		{&nexuspb.EndpointSpec{Name: "ok", Target: toURL("ok", "http://example.com").Target, Description: &commonpb.Payload{Data: make([]byte, 20_001)}}, codes.InvalidArgument, "description size exceeds limit of 20000"},
	} {
		_, err := b.operator().CreateNexusEndpoint(b.ctx(), &operatorservice.CreateNexusEndpointRequest{Spec: c.spec})
		if status.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, want %v %q", c.spec, err, c.code, c.says)
		}
	}
}

func TestANamespaceThatIsTheTargetOfANexusEndpointIsNotDeleted(t *testing.T) {
	b := start(t, server.Options{})
	if _, err := b.client.RegisterNamespace(b.ctx(), &workflowservice.RegisterNamespaceRequest{Namespace: "target", WorkflowExecutionRetentionPeriod: durationpb.New(24 * 3600e9)}); err != nil {
		t.Fatal(err)
	}
	e := b.createEndpoint(toWorkers("to-target", "target", "q"))
	remove := func() error {
		_, err := b.operator().DeleteNamespace(b.ctx(), &operatorservice.DeleteNamespaceRequest{Namespace: "target"})
		return err
	}
	if err := remove(); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "to-target") {
		t.Errorf("its deletion: %v", err)
	}
	if _, err := b.operator().DeleteNexusEndpoint(b.ctx(), &operatorservice.DeleteNexusEndpointRequest{Id: e.Id, Version: 1}); err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil {
		t.Errorf("its deletion without the endpoint: %v", err)
	}
}

func TestAClusterIsAlone(t *testing.T) {
	b := start(t, server.Options{Listen: "127.0.0.1:0"})
	list, err := b.operator().ListClusters(b.ctx(), &operatorservice.ListClustersRequest{})
	if err != nil || len(list.Clusters) != 1 || list.Clusters[0].ClusterName != "active" || list.Clusters[0].Address != b.server.Address() || list.Clusters[0].ClusterId == "" {
		t.Errorf("lists %v, %v", list, err)
	}
	for address, want := range map[string]codes.Code{"": codes.InvalidArgument, "127.0.0.1:1": codes.Unimplemented} {
		if _, err := b.operator().AddOrUpdateRemoteCluster(b.ctx(), &operatorservice.AddOrUpdateRemoteClusterRequest{FrontendAddress: address}); status.Code(err) != want {
			t.Errorf("adding %q: %v", address, err)
		}
	}
	for name, want := range map[string]codes.Code{"": codes.NotFound, "other": codes.NotFound, "active": codes.FailedPrecondition} {
		if _, err := b.operator().RemoveRemoteCluster(b.ctx(), &operatorservice.RemoveRemoteClusterRequest{ClusterName: name}); status.Code(err) != want {
			t.Errorf("removing %q: %v", name, err)
		}
	}
}
