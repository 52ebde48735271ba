package frontend

import (
	"context"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/records"
)

// call is what the interceptor has found out about a request: its namespace, and
// its task token if it has one. Handlers get it from their context.
type call struct {
	namespace *namespace.Namespace
	token     *records.TaskToken
}

type callKey struct{}

// callOf returns what resolveNamespace has put in the context. Handlers of
// methods with a namespace can count on it.
func callOf(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		panic("frontend: handler called without its interceptor")
	}
	return c
}

type hasNamespace interface{ GetNamespace() string }

type hasTaskToken interface{ GetTaskToken() []byte }

// resolveNamespace finds the namespace a request is about, from its task token
// if it has one, else by name, and checks that the two agree and that its state
// allows the method. It returns nil for requests without a namespace.
func (s *Service) resolveNamespace(req any, method string) (*call, error) {
	named, isNamed := req.(hasNamespace)
	tokened, isTokened := req.(hasTaskToken)
	if !isNamed && !isTokened {
		return nil, nil
	}
	name := ""
	if isNamed {
		name = named.GetNamespace()
		if len(name) > maxIDLength {
			return nil, errNamespaceTooLong
		}
	}
	switch r := req.(type) {
	case *workflowservice.RegisterNamespaceRequest:
		if name == "" {
			return nil, errNamespaceNotSet
		}
		return nil, nil
	case *workflowservice.DescribeNamespaceRequest:
		if name == "" && r.GetId() == "" {
			return nil, errNamespaceNotSet
		}
		return nil, nil
	case *operatorservice.DeleteNamespaceRequest, *operatorservice.AddSearchAttributesRequest,
		*operatorservice.RemoveSearchAttributesRequest, *operatorservice.ListSearchAttributesRequest:
		// The name is optional.
		if name == "" {
			return nil, nil
		}
	}

	c := new(call)
	var err error
	if isTokened {
		if c.token, err = decodeTaskToken(tokened.GetTaskToken()); err != nil {
			return nil, err
		}
		if c.namespace, err = s.namespaces.ByID(c.token.GetNamespaceId()); err != nil {
			return nil, err
		}
		// The request may leave the name out. If it is there, it has to be the
		// token's: else the right to use one namespace would be one to all.
		if name != "" && name != c.namespace.Name {
			if _, err := s.namespaces.ByName(name); err != nil {
				return nil, err
			}
			return nil, errTokenNamespace
		}
	} else {
		if name == "" {
			return nil, errNamespaceNotSet
		}
		if c.namespace, err = s.namespaces.ByName(name); err != nil {
			return nil, err
		}
	}
	return c, checkNamespaceState(c.namespace, method)
}

var (
	statesForStart  = []enumspb.NamespaceState{enumspb.NAMESPACE_STATE_REGISTERED}
	statesForOthers = []enumspb.NamespaceState{enumspb.NAMESPACE_STATE_REGISTERED, enumspb.NAMESPACE_STATE_DEPRECATED}
)

// checkNamespaceState lets a deprecated namespace finish what it has begun, but
// begin nothing.
func checkNamespaceState(ns *namespace.Namespace, method string) error {
	allowed := statesForOthers
	switch method[strings.LastIndexByte(method, '/')+1:] {
	case "StartWorkflowExecution", "SignalWithStartWorkflowExecution", "ExecuteMultiOperation":
		allowed = statesForStart
	}
	for _, state := range allowed {
		if ns.State == state {
			return nil
		}
	}
	return serviceerror.NewNamespaceInvalidState(ns.Name, ns.State, allowed)
}
