package differ

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Set sets fields of a message by settings "path=value" and returns the message.
// A path is the names of fields with dots between them: retry_policy.maximum_attempts=3.
// Of a list, the path names the last element, "name+" a new one.
//
// Durations are written as in Go. An enum value is written as in the API, or as
// the end of its name in any of the forms REQUEST_CANCEL and RequestCancel, or as
// a number. Payloads, workflow types, activity types and task queues are plain
// text, a failure is the type of an application failure, maps are written
// (a:1, b:2) with values in JSON, and "none" is no value at all.
func Set[M proto.Message](m M, settings ...string) M {
	for _, setting := range settings {
		path, value, ok := strings.Cut(setting, "=")
		if !ok {
			panic("no = in setting " + setting)
		}
		if err := set(m.ProtoReflect(), strings.Split(path, "."), value); err != nil {
			panic(fmt.Sprintf("setting %q of a %T: %v", setting, m, err))
		}
	}
	return m
}

func set(m protoreflect.Message, path []string, value string) error {
	name, fresh := strings.CutSuffix(path[0], "+")
	field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if field == nil {
		return fmt.Errorf("%s has no field %s", m.Descriptor().FullName(), name)
	}
	if len(path) > 1 {
		if field.IsList() {
			list := m.Mutable(field).List()
			if fresh || list.Len() == 0 {
				list.AppendMutable()
			}
			return set(list.Get(list.Len()-1).Message(), path[1:], value)
		}
		return set(m.Mutable(field).Message(), path[1:], value)
	}
	switch {
	case value == "none":
		m.Clear(field)
		return nil
	case field.IsMap():
		return setMap(m.Mutable(field).Map(), field, value)
	case field.IsList():
		list := m.Mutable(field).List()
		v, err := parse(list.NewElement(), field, value)
		if err != nil {
			return err
		}
		list.Append(v)
		return nil
	}
	v, err := parse(m.NewField(field), field, value)
	if err != nil {
		return err
	}
	m.Set(field, v)
	return nil
}

func setMap(m protoreflect.Map, field protoreflect.FieldDescriptor, value string) error {
	for _, entry := range entries(value) {
		key, text, ok := strings.Cut(entry, ":")
		if !ok {
			return fmt.Errorf("no : in %q", entry)
		}
		v := m.NewValue()
		v, err := parse(v, field.MapValue(), text)
		if err != nil {
			return err
		}
		m.Set(protoreflect.ValueOfString(strings.TrimSpace(key)).MapKey(), v)
	}
	return nil
}

// entries are the parts of "(a, b)".
func entries(value string) []string {
	value = strings.TrimSuffix(strings.TrimPrefix(value, "("), ")")
	if value == "" {
		return nil
	}
	return strings.Split(value, ", ")
}

// parse returns the value of a field that a text stands for. What it is to be
// written into is v, if it is a message.
func parse(v protoreflect.Value, field protoreflect.FieldDescriptor, text string) (protoreflect.Value, error) {
	switch field.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(text)), nil
	case protoreflect.BoolKind:
		b, err := strconv.ParseBool(text)
		return protoreflect.ValueOfBool(b), err
	case protoreflect.Int32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)), err
	case protoreflect.Int64Kind:
		n, err := strconv.ParseInt(text, 10, 64)
		return protoreflect.ValueOfInt64(n), err
	case protoreflect.Uint32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)), err
	case protoreflect.DoubleKind:
		f, err := strconv.ParseFloat(text, 64)
		return protoreflect.ValueOfFloat64(f), err
	case protoreflect.FloatKind:
		f, err := strconv.ParseFloat(text, 32)
		return protoreflect.ValueOfFloat32(float32(f)), err
	case protoreflect.EnumKind:
		return parseEnum(field.Enum(), text)
	case protoreflect.MessageKind:
		return v, parseMessage(v.Message(), text)
	}
	return v, fmt.Errorf("cannot set a field of kind %s", field.Kind())
}

func parseEnum(enum protoreflect.EnumDescriptor, text string) (protoreflect.Value, error) {
	if n, err := strconv.Atoi(text); err == nil {
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)), nil
	}
	plain := func(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
	var found []protoreflect.EnumValueDescriptor
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		if plain(string(value.Name())) == plain(text) {
			return protoreflect.ValueOfEnum(value.Number()), nil
		}
		if strings.HasSuffix(plain(string(value.Name())), plain(text)) {
			found = append(found, value)
		}
	}
	// Of two names that end alike, the shorter one is meant.
	slices.SortFunc(found, func(a, b protoreflect.EnumValueDescriptor) int { return len(a.Name()) - len(b.Name()) })
	if len(found) == 0 {
		return protoreflect.Value{}, fmt.Errorf("%s has no value %s", enum.Name(), text)
	}
	return protoreflect.ValueOfEnum(found[0].Number()), nil
}

func parseMessage(m protoreflect.Message, text string) error {
	switch v := m.Interface().(type) {
	case *durationpb.Duration:
		d, err := time.ParseDuration(text)
		proto.Merge(v, durationpb.New(d))
		return err
	case *timestamppb.Timestamp:
		t, err := time.Parse(time.RFC3339, text)
		proto.Merge(v, timestamppb.New(t))
		return err
	case *commonpb.Payload:
		if text != "" {
			v.Metadata = map[string][]byte{"encoding": []byte("json/plain")}
			v.Data = []byte(text)
		}
		return nil
	case *commonpb.Payloads:
		v.Payloads = Text(text).Payloads
		return nil
	case *failurepb.Failure:
		proto.Merge(v, Failure(text))
		return nil
	}
	// A message that is but a name, or that has one map.
	for _, name := range []protoreflect.Name{"name", "workflow_id", "fields", "indexed_fields"} {
		if field := m.Descriptor().Fields().ByName(name); field != nil && text != "" {
			return set(m, []string{string(name)}, text)
		}
	}
	if text != "" {
		return fmt.Errorf("a %s has no short form", m.Descriptor().Name())
	}
	return nil
}

// Text is a payload with a text.
func Text(text string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{
		Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(strconv.Quote(text))}}}
}

// Failure is an application failure of that type, as an SDK reports it.
func Failure(kind string, settings ...string) *failurepb.Failure {
	return Set(&failurepb.Failure{Message: "it failed", Source: "GoSDK", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
		ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: kind}}}, settings...)
}
