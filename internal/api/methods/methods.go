// Package methods is the table of the API: one row for each RPC of the
// WorkflowService and the OperatorService, with everything the server has to
// know about an RPC before it looks at the request.
//
// Who needs a property of an RPC reads its row, and nobody switches on the names
// of methods or the types of requests: the frontend resolves namespaces, checks
// their states and bounds long polls by it; authorization reads Access and Scope,
// rate limits read Limit, forwarding between nodes reads Owner, metrics and logs
// read the names. The test of this package holds the table against the
// descriptors of the services, so an RPC of a new version of the API cannot be
// forgotten.
//
// HTTP is no column: which RPCs can be reached by HTTP, and how, is an option of
// the method's descriptor (Method.Descriptor), and is read there.
//
// The table never changes; everything here may be used from many goroutines.
package methods

import (
	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/api/nexusdoor"
	"iter"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Method is a row of the table.
type Method struct {
	// Service is the full name of the gRPC service.
	Service string
	// Name is the name of the RPC in its service.
	Name string
	// Scope is what the RPC is about: one namespace or the whole cluster. A role
	// in a namespace gives access to the RPCs of that scope only.
	Scope Scope
	// Access is what the caller does with it, and so which role may.
	Access Access
	// Namespace is how a request says which namespace it is about.
	Namespace NamespaceRule
	// States are those that the namespace may be in. They matter only if the
	// request names a namespace that has to exist.
	States States
	// Owner is how to find who has to carry out the request.
	Owner Owner
	// Wait is whether an answer may be a long time coming, and how long.
	Wait Wait
	// Limit is which budget of requests per second a call is taken from.
	Limit Limit
	// Implemented is false for what this server does not do yet: it answers
	// Unimplemented.
	Implemented bool

	full   string
	number int
	// The rest is filled in when it is first asked for: the descriptors of the API
	// are many, and a process may never need them.
	described  sync.Once
	descriptor protoreflect.MethodDescriptor
	places     []compiledPlace
}

// The services of the table.
const (
	WorkflowService = "temporal.api.workflowservice.v1.WorkflowService"
	OperatorService = "temporal.api.operatorservice.v1.OperatorService"
	AdminService    = admin.ServiceName
	NexusService    = nexusdoor.ServiceName
	FlowService     = flowv1.ServiceName
)

// Scope is what an RPC is about.
type Scope byte

const (
	// ScopeNamespace: one namespace, or something in it.
	ScopeNamespace Scope = iota + 1
	// ScopeCluster: all namespaces, or what is outside of them.
	ScopeCluster
)

// Access is what a caller does by an RPC. The values are ordered: who may do one
// may do those before.
type Access byte

const (
	// Open tells nothing that is not for everybody, also for those who do not say who they
	// are.
	Open Access = iota + 1
	// Read changes nothing.
	Read
	// Write changes executions, or takes work, as polls do.
	Write
	// Admin changes namespaces or the cluster.
	Admin
)

// NamespaceRule is how a request says which namespace it is about.
type NamespaceRule byte

const (
	// NamespaceNone: the request has no namespace.
	NamespaceNone NamespaceRule = iota
	// NamespaceRequired: by name, which must be that of a namespace.
	NamespaceRequired
	// NamespaceOptional: by name, or it is about no namespace.
	NamespaceOptional
	// NamespaceByToken: by the task token. The name may be left out; if it is there,
	// it has to be that of the token's namespace.
	NamespaceByToken
	// NamespaceNew: by a name that need not exist, and that the RPC gives to a new
	// namespace.
	NamespaceNew
	// NamespaceNameOrID: by name or by id, one of the two.
	NamespaceNameOrID
)

// States are states of a namespace.
type States []enumspb.NamespaceState

// Which states there are to choose from.
var (
	// Registered: what begins something new cannot be done in a namespace that is
	// about to go.
	Registered = States{enumspb.NAMESPACE_STATE_REGISTERED}
	// Usable: a deprecated namespace finishes what it has begun.
	Usable = States{enumspb.NAMESPACE_STATE_REGISTERED, enumspb.NAMESPACE_STATE_DEPRECATED}
	// AnyState: a deleted namespace can still be looked at, and deleted again.
	AnyState = States{enumspb.NAMESPACE_STATE_REGISTERED, enumspb.NAMESPACE_STATE_DEPRECATED, enumspb.NAMESPACE_STATE_DELETED}
)

// Allow reports whether the state is one of them.
func (s States) Allow(state enumspb.NamespaceState) bool { return slices.Contains(s, state) }

// Wait is how long an answer may be held back.
type Wait struct {
	// When is whether a call waits at all.
	When When
	// Max is how long at most. The deadline of the caller may end it earlier.
	Max time.Duration
}

// When is whether a call waits for something to happen.
type When byte

const (
	// Never: the answer comes as soon as it can be given.
	Never When = iota
	// Sometimes: the request, or what it is about, decides.
	Sometimes
	// Always: the call is a long poll. A deadline that leaves no time for one is
	// refused, and when the time is over the answer is empty.
	Always
)

// Limit says what a call costs: a token of a budget, and which calls of that
// budget go first when it is used up.
type Limit struct {
	// Budget is what the token is taken from.
	Budget Budget
	// Priority orders the calls of a budget: 0 goes first.
	Priority int8
}

// Budget is a rate of requests that is shared by the RPCs of one class.
type Budget byte

const (
	// BudgetNone: calls are not limited. What operators do is rare.
	BudgetNone Budget = iota
	// BudgetExecution is for what works on executions, one at a time.
	BudgetExecution
	// BudgetVisibility is for searches, which cost far more than other calls.
	BudgetVisibility
	// BudgetNamespace is for changes that every node has to hear of: of namespaces,
	// and of the configuration of task queues.
	BudgetNamespace
)

// Full is the full name of the RPC as gRPC has it, "/service/name".
func (m *Method) Full() string { return m.full }

// Number is where the row is in the table, from 0, and Count how many rows there are.
func (m *Method) Number() int { return m.number }

// Count is how many rows the table has.
func Count() int { return len(table) }

// Descriptor describes the RPC, with its options, such as its HTTP bindings.
func (m *Method) Descriptor() protoreflect.MethodDescriptor {
	m.describe()
	return m.descriptor
}

// Lookup returns the row of the RPC with that full name, or nil. It allocates
// nothing.
func Lookup(full string) *Method { return byName[full] }

// All returns all rows, in the order of the table.
func All() iter.Seq[*Method] { return slices.Values(table) }

var byName = func() map[string]*Method {
	rows := make(map[string]*Method, len(table))
	for i, m := range table {
		m.number = i
		m.full = "/" + m.Service + "/" + m.Name
		rows[m.full] = m
	}
	return rows
}()

// describe looks the method up in the descriptors that are linked into the
// program. That it is there, and that the owner's paths are, is what the test of
// the table is for.
func (m *Method) describe() {
	m.described.Do(func() {
		found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(m.Service + "." + m.Name))
		if err != nil {
			panic("methods: " + m.full + ": " + err.Error())
		}
		m.descriptor = found.(protoreflect.MethodDescriptor)
		m.places = m.Owner.compile(m.descriptor.Input())
	})
}
