package client_test

import (
	"context"
	"strings"
	"testing"

	"github.com/perdure/perdure/sdk/client"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// wireTest is a call with the request that it sends and, if the response matters, what the
// server answers and what is to become of it.
type wireTest struct {
	call     func(context.Context, client.Client) (any, error)
	want     proto.Message
	response proto.Message // the zero response if nil
	check    func(t *testing.T, result any)
}

func (w wireTest) run(t *testing.T) {
	s := newFakeServer(t)
	s.answer(w.want, w.response)
	result, err := w.call(t.Context(), s.client(client.Options{Namespace: "ns", Identity: "me"}))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.requests) != 1 {
		t.Fatalf("there are %d requests", len(s.requests))
	}
	wantProto(t, withoutRequestID(t, s.requests[0]), w.want)
	if w.check != nil {
		w.check(t, result)
	}
}

func runWireTests(t *testing.T, tests map[string]wireTest) {
	for name, test := range tests {
		t.Run(name, test.run)
	}
}

// answer answers requests of the type of request with response.
func (s *fakeServer) answer(request, response proto.Message) {
	method := strings.TrimSuffix(string(request.ProtoReflect().Descriptor().Name()), "Request")
	s.handlers[method] = append(s.handlers[method], func(proto.Message) (proto.Message, error) {
		return response, nil
	})
}

// withoutRequestID clears a request id, which must be there if the request can have one.
func withoutRequestID(t *testing.T, m proto.Message) proto.Message {
	t.Helper()
	r := m.ProtoReflect()
	field := r.Descriptor().Fields().ByName(protoreflect.Name("request_id"))
	if field == nil {
		return m
	}
	if r.Get(field).String() == "" {
		t.Errorf("%s has no request id", r.Descriptor().Name())
	}
	r.Clear(field)
	return m
}

// errorOnly is a call without a result.
func errorOnly(err error) (any, error) { return nil, err }

// wantRefused runs calls that must fail before anything is sent.
func wantRefused(t *testing.T, calls map[string]func(context.Context, client.Client) error) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			s := newFakeServer(t)
			if err := call(t.Context(), s.client(client.Options{})); err == nil {
				t.Error("there is no error")
			}
			if len(s.requests) != 0 {
				t.Errorf("sent %v", s.requests)
			}
		})
	}
}

// describeNamespace is a namespace with a limit for payloads.
func describeNamespace(limit int64) *workflowservice.DescribeNamespaceResponse {
	return &workflowservice.DescribeNamespaceResponse{NamespaceInfo: &namespacepb.NamespaceInfo{
		Limits: &namespacepb.NamespaceInfo_Limits{BlobSizeLimitError: limit},
	}}
}
