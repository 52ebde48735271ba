package differ

import (
	"math"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Mutation is one way in which one field of a message is wrong, or at least
// unusual.
type Mutation struct {
	// Name is the path of the field and what is wrong with it.
	Name string
	// Apply makes it so in a message of the kind that Mutations was given.
	Apply func(m protoreflect.Message)
}

// Mutations are all mutations of a message: of the fields that are set and of
// those that are not. Fields whose path or name skip has are left alone, and mutations whose name it has.
func Mutations(m proto.Message, skip map[string]bool) []Mutation {
	var all []Mutation
	walkFields(m.ProtoReflect(), nil, skip, func(path []protoreflect.FieldDescriptor, parent protoreflect.Message) {
		field := path[len(path)-1]
		set := parent.IsValid() && parent.Has(field)
		for _, change := range changes(field, set) {
			if skip[pathName(path)+" "+change.name] {
				continue
			}
			all = append(all, Mutation{pathName(path) + " " + change.name, func(m protoreflect.Message) {
				for _, step := range path[:len(path)-1] {
					m = m.Mutable(step).Message()
				}
				change.apply(m, field)
			}})
		}
	})
	return all
}

const deepest = 4

// walkFields visits all fields of a message, those of messages in it included,
// set or not.
func walkFields(m protoreflect.Message, path []protoreflect.FieldDescriptor, skip map[string]bool,
	visit func([]protoreflect.FieldDescriptor, protoreflect.Message)) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		here := append(path[:len(path):len(path)], field)
		if skip[pathName(here)] || skip[string(field.Name())] {
			continue
		}
		// Of a oneof, only the part that is set can be wrong by itself.
		if field.ContainingOneof() != nil && !field.HasOptionalKeyword() && !m.Has(field) {
			continue
		}
		visit(here, m)
		if field.Kind() != protoreflect.MessageKind || field.IsList() || field.IsMap() || len(here) >= deepest || leaf(field.Message()) {
			continue
		}
		walkFields(m.Get(field).Message(), here, skip, visit)
	}
}

// leaf are messages that are wrong as a whole.
func leaf(m protoreflect.MessageDescriptor) bool {
	switch m.FullName() {
	case new(durationpb.Duration).ProtoReflect().Descriptor().FullName(),
		new(timestamppb.Timestamp).ProtoReflect().Descriptor().FullName(),
		new(fieldmaskpb.FieldMask).ProtoReflect().Descriptor().FullName(),
		new(commonpb.Payload).ProtoReflect().Descriptor().FullName(),
		new(commonpb.Payloads).ProtoReflect().Descriptor().FullName(),
		new(commonpb.Header).ProtoReflect().Descriptor().FullName(),
		new(failurepb.Failure).ProtoReflect().Descriptor().FullName():
		return true
	}
	return false
}

func pathName(path []protoreflect.FieldDescriptor) string {
	names := make([]string, len(path))
	for i, field := range path {
		names[i] = string(field.Name())
	}
	return strings.Join(names, ".")
}

// change is what is done to one field.
type change struct {
	name  string
	apply func(m protoreflect.Message, field protoreflect.FieldDescriptor)
}

// to sets the field to a value.
func to(name string, value any) change {
	return change{name, func(m protoreflect.Message, field protoreflect.FieldDescriptor) {
		m.Set(field, protoreflect.ValueOf(value))
	}}
}

// toMessage sets the field to a message.
func toMessage(name string, value proto.Message) change {
	return change{name, func(m protoreflect.Message, field protoreflect.FieldDescriptor) {
		m.Set(field, protoreflect.ValueOfMessage(proto.Clone(value).ProtoReflect()))
	}}
}

var cleared = change{"is missing", func(m protoreflect.Message, field protoreflect.FieldDescriptor) { m.Clear(field) }}

// changes are what can be done to a field.
func changes(field protoreflect.FieldDescriptor, set bool) []change {
	var all []change
	if set {
		all = append(all, cleared)
	}
	switch {
	case field.IsMap():
		return append(all, mapChanges(field)...)
	case field.IsList():
		return all
	}
	switch field.Kind() {
	case protoreflect.StringKind:
		all = append(all, to("has 1001 letters", strings.Repeat("x", 1001)))
		if strings.HasSuffix(string(field.Name()), "run_id") {
			all = append(all, to("is no uuid", "x"))
		}
		if field.Name() == "namespace" {
			all = append(all, to("is unknown", "no-such-namespace"))
		}
	case protoreflect.BytesKind:
		all = append(all, to("is garbage", []byte("\x00garbage")))
	case protoreflect.EnumKind:
		all = append(all, to("is 99", protoreflect.EnumNumber(99)), to("is -1", protoreflect.EnumNumber(-1)))
	case protoreflect.Int32Kind:
		all = append(all, to("is -1", int32(-1)), to("is the greatest number", int32(math.MaxInt32)))
	case protoreflect.Int64Kind:
		all = append(all, to("is -1", int64(-1)), to("is the greatest number", int64(math.MaxInt64)))
	case protoreflect.DoubleKind:
		all = append(all, to("is -1", float64(-1)), to("is no number", math.NaN()), to("is infinite", math.Inf(1)))
	case protoreflect.FloatKind:
		all = append(all, to("is -1", float32(-1)), to("is no number", float32(math.NaN())))
	case protoreflect.BoolKind:
		all = append(all, change{"is turned round", func(m protoreflect.Message, field protoreflect.FieldDescriptor) {
			m.Set(field, protoreflect.ValueOfBool(!m.Get(field).Bool()))
		}})
	case protoreflect.MessageKind:
		all = append(all, messageChanges(field)...)
	}
	return all
}

func messageChanges(field protoreflect.FieldDescriptor) []change {
	switch field.Message().FullName() {
	case new(durationpb.Duration).ProtoReflect().Descriptor().FullName():
		return []change{
			toMessage("is negative", &durationpb.Duration{Seconds: -1}),
			toMessage("has the wrong sign in its nanoseconds", &durationpb.Duration{Seconds: 1, Nanos: -1}),
			toMessage("is 10000 years and more", &durationpb.Duration{Seconds: math.MaxInt64}),
			toMessage("is 200 years", &durationpb.Duration{Seconds: 200 * 365 * 24 * 3600}),
			toMessage("is zero", &durationpb.Duration{}),
		}
	case new(timestamppb.Timestamp).ProtoReflect().Descriptor().FullName():
		return []change{toMessage("is out of range", &timestamppb.Timestamp{Seconds: math.MaxInt64})}
	case new(commonpb.Payloads).ProtoReflect().Descriptor().FullName():
		return []change{toMessage("is too large", large()), toMessage("is empty", &commonpb.Payloads{}),
			toMessage("has an empty payload", &commonpb.Payloads{Payloads: []*commonpb.Payload{{}}})}
	case new(commonpb.Payload).ProtoReflect().Descriptor().FullName():
		return []change{toMessage("is too large", large().Payloads[0]), toMessage("is empty", &commonpb.Payload{})}
	case new(failurepb.Failure).ProtoReflect().Descriptor().FullName():
		return []change{
			toMessage("is empty", &failurepb.Failure{}),
			toMessage("is a timeout", &failurepb.Failure{FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{}}}),
			toMessage("has a long message", &failurepb.Failure{Message: strings.Repeat("x", 8<<10),
				FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{}}}),
		}
	case new(fieldmaskpb.FieldMask).ProtoReflect().Descriptor().FullName():
		return []change{toMessage("names an unknown field", &fieldmaskpb.FieldMask{Paths: []string{"no_such_field"}})}
	}
	return []change{{"is empty", func(m protoreflect.Message, field protoreflect.FieldDescriptor) { m.Set(field, m.NewField(field)) }}}
}

// mapChanges are changes of maps from texts to payloads or texts.
func mapChanges(field protoreflect.FieldDescriptor) []change {
	if field.MapKey().Kind() != protoreflect.StringKind {
		return nil
	}
	entry := func(name, key string, value func(m protoreflect.Map) protoreflect.Value) change {
		return change{name, func(m protoreflect.Message, field protoreflect.FieldDescriptor) {
			entries := m.Mutable(field).Map()
			entries.Set(protoreflect.ValueOfString(key).MapKey(), value(entries))
		}}
	}
	empty := func(m protoreflect.Map) protoreflect.Value { return m.NewValue() }
	all := []change{entry("has an empty key", "", empty), entry("has an empty value", "Key", empty)}
	if field.MapValue().Kind() == protoreflect.MessageKind && field.MapValue().Message().FullName() == new(commonpb.Payload).ProtoReflect().Descriptor().FullName() {
		all = append(all, entry("has a large value", "Key", func(protoreflect.Map) protoreflect.Value {
			return protoreflect.ValueOfMessage(large().Payloads[0].ProtoReflect())
		}), entry("has a key of 1001 letters", strings.Repeat("x", 1001), func(protoreflect.Map) protoreflect.Value {
			return protoreflect.ValueOfMessage(Text("x").Payloads[0].ProtoReflect())
		}))
	}
	return all
}

// large is a payload over the limit of 2 MiB, below that of a message.
func large() *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{
		Metadata: map[string][]byte{"encoding": []byte("binary/plain")}, Data: make([]byte, 2<<20+1)}}}
}
