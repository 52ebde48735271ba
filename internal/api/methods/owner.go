package methods

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Owner is how to find who owns what a request is about: places to look in, in
// order. The first one that has a value counts. No places: anyone can answer, from
// what every node knows or can read.
type Owner []Place

// Place is a place in a request that names an owner.
type Place struct {
	// Kind is what is named there.
	Kind OwnerKind
	// Path is the path of the field from the request, names with dots between. A
	// list on the way stands for its first element that leads to a value. Empty:
	// the namespace of the request, or the cluster, is all that has to be known.
	Path string
}

// OwnerKind is what owns something. All but OwnerCluster and OwnerEndpoints are in the namespace of
// the request.
type OwnerKind byte

const (
	// OwnerAnyone: nobody in particular.
	OwnerAnyone OwnerKind = iota
	// OwnerWorkflow: the chain of runs of a workflow id.
	OwnerWorkflow
	// OwnerActivity: an activity that belongs to no workflow, by its id.
	OwnerActivity
	// OwnerNexusOperation: a Nexus operation that belongs to no workflow, by its id.
	OwnerNexusOperation
	// OwnerToken: what a task token says: a workflow, or who waits for an answer.
	OwnerToken
	// OwnerTaskQueue: a task queue, by its (normal) name.
	OwnerTaskQueue
	// OwnerSchedule: a schedule, by its id.
	OwnerSchedule
	// OwnerBatch: a batch operation, by its job id.
	OwnerBatch
	// OwnerDeployment: a worker deployment, by its name.
	OwnerDeployment
	// OwnerDeploymentVersion: the same by the name of one of its versions,
	// "<deployment>.<build id>".
	OwnerDeploymentVersion
	// OwnerNamespace: what there is once in a namespace.
	OwnerNamespace
	// OwnerCluster: what there is once in the cluster, such as the directory of
	// namespaces.
	OwnerCluster
	// OwnerEndpoints: the registry of Nexus endpoints.
	OwnerEndpoints
	// OwnerDeployments: the worker deployments of the namespace.
	OwnerDeployments
	// OwnerFlowPolicies: the policies of flow control of the namespace.
	OwnerFlowPolicies
	// OwnerFlowGate: the gate that the request names by a policy and a key.
	OwnerFlowGate
)

// OwnerOf looks in the request, which must be one of the method, for its owner. A
// task token is returned as it is, still encoded. OwnerAnyone means that the request
// names no owner: anyone can answer it, if only to say that it is not valid. Nothing
// is allocated but the copy of a token.
func (m *Method) OwnerOf(request proto.Message) (kind OwnerKind, id string) {
	if len(m.Owner) == 0 {
		return OwnerAnyone, ""
	}
	m.describe()
	message := request.ProtoReflect()
	for i := range m.places {
		place := &m.places[i]
		if len(place.fields) == 0 {
			return place.kind, ""
		}
		if id := follow(message, place.fields); id != "" {
			return place.kind, id
		}
	}
	return OwnerAnyone, ""
}

// compiledPlace is a Place with its path resolved.
type compiledPlace struct {
	kind   OwnerKind
	fields []protoreflect.FieldDescriptor
}

// compile panics if a path does not exist: the table is wrong.
func (o Owner) compile(request protoreflect.MessageDescriptor) []compiledPlace {
	places := make([]compiledPlace, 0, len(o))
	for _, place := range o {
		compiled := compiledPlace{kind: place.Kind}
		message := request
		for name := range strings.SplitSeq(place.Path, ".") {
			if name == "" {
				break // an empty path
			}
			field := message.Fields().ByName(protoreflect.Name(name))
			if field == nil {
				panic("methods: " + string(request.FullName()) + " has no field " + place.Path)
			}
			compiled.fields = append(compiled.fields, field)
			message = field.Message()
		}
		places = append(places, compiled)
	}
	return places
}

// follow returns the value at the end of the path: a text, or bytes as one.
func follow(message protoreflect.Message, path []protoreflect.FieldDescriptor) string {
	for i, field := range path {
		if !message.Has(field) {
			return ""
		}
		value := message.Get(field)
		switch {
		case field.IsList():
			list := value.List()
			for n := range list.Len() {
				if id := follow(list.Get(n).Message(), path[i+1:]); id != "" {
					return id
				}
			}
			return ""
		case field.Kind() == protoreflect.BytesKind:
			return string(value.Bytes())
		case field.Message() == nil:
			return value.String()
		}
		message = value.Message()
	}
	return ""
}
