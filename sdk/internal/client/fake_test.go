package client_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/logger"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// fakeServer is an in-process connection. Each method is answered by the functions
// registered for it, one call after the other; the last one answers all further calls.
type fakeServer struct {
	t        *testing.T
	handlers map[string][]func(proto.Message) (proto.Message, error)
	requests []proto.Message
}

func newFakeServer(t *testing.T) *fakeServer {
	s := &fakeServer{t: t, handlers: map[string][]func(proto.Message) (proto.Message, error){}}
	s.handlers["GetSystemInfo"] = []func(proto.Message) (proto.Message, error){
		func(proto.Message) (proto.Message, error) { return nil, nil },
	}
	return s
}

// on answers the method whose request is Q with handle.
func on[Q, R proto.Message](s *fakeServer, handle func(Q) (R, error)) {
	name := reflect.TypeFor[Q]().Elem().Name()
	name = strings.TrimSuffix(name, "Request")
	s.handlers[name] = append(s.handlers[name], func(request proto.Message) (proto.Message, error) {
		response, err := handle(request.(Q))
		return response, err
	})
}

func (s *fakeServer) Invoke(_ context.Context, method string, request, reply any, _ ...grpc.CallOption) error {
	name := method[strings.LastIndex(method, "/")+1:]
	handlers := s.handlers[name]
	if len(handlers) == 0 {
		return status.Errorf(codes.Unimplemented, "the test does not expect %s", name)
	}
	if len(handlers) > 1 {
		s.handlers[name] = handlers[1:]
	}
	// As over a wire: neither side sees what the other does to its message later.
	request = proto.Clone(request.(proto.Message))
	if name != "GetSystemInfo" {
		s.requests = append(s.requests, request.(proto.Message))
	}
	response, err := handlers[0](request.(proto.Message))
	if err != nil {
		return serviceerror.ToStatus(err).Err()
	}
	if response != nil && !reflect.ValueOf(response).IsNil() {
		proto.Merge(reply.(proto.Message), response)
	}
	return nil
}

func (s *fakeServer) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams")
}

func (s *fakeServer) client(options client.Options) client.Client {
	s.t.Helper()
	options.ConnectionOptions.Conn = s
	if options.Logger == nil {
		options.Logger = logger.Discard{}
	}
	if options.Identity == "" {
		options.Identity = "tester"
	}
	c, err := client.Dial(options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// request returns the i-th request, which must be a Q.
func request[Q proto.Message](s *fakeServer, i int) Q {
	s.t.Helper()
	if i >= len(s.requests) {
		s.t.Fatalf("there are %d requests", len(s.requests))
	}
	q, ok := s.requests[i].(Q)
	if !ok {
		s.t.Fatalf("request %d is a %T", i, s.requests[i])
	}
	return q
}

func wantProto(t *testing.T, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

func wantError[E error](t *testing.T, err error) E {
	t.Helper()
	for e := err; e != nil; {
		if match, ok := e.(E); ok {
			return match
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = u.Unwrap()
	}
	var zero E
	t.Fatalf("error is %T (%v), want %s", err, err, fmt.Sprint(reflect.TypeFor[E]()))
	return zero
}
