package workflow

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// How scripts write the messages of the API, and read them: any field by its name,
// common values in a short form.

// words is a line after its first word: plain words, and fields to set.
type words struct {
	words  []string
	fields []assignment
}

type assignment struct{ field, value string }

func parseWords(args []datadriven.CmdArg) words {
	var w words
	for _, arg := range args {
		if len(arg.Vals) == 0 {
			w.words = append(w.words, expand(arg.Key))
		} else {
			w.fields = append(w.fields, assignment{arg.Key, strings.Join(arg.Vals, ", ")})
		}
	}
	return w
}

// next takes the first plain word.
func (w *words) next() string {
	if len(w.words) == 0 {
		return ""
	}
	first := w.words[0]
	w.words = w.words[1:]
	return first
}

// is takes the plain word if it is there.
func (w *words) is(word string) bool {
	i := slices.Index(w.words, word)
	if i < 0 {
		return false
	}
	w.words = slices.Delete(w.words, i, i+1)
	return true
}

// take takes the value of a name that is no field.
func (w *words) take(name string) (value string, ok bool) {
	i := slices.IndexFunc(w.fields, func(a assignment) bool { return a.field == name })
	if i < 0 {
		return "", false
	}
	value = w.fields[i].value
	w.fields = slices.Delete(w.fields, i, i+1)
	return value, true
}

var repeated = regexp.MustCompile(`^(.+)\*(\d+)$`)

// expand reads "" as the empty string, and a*1000 as a thousand times a.
func expand(word string) string {
	if word == `""` {
		return ""
	}
	if m := repeated.FindStringSubmatch(word); m != nil {
		n, err := strconv.Atoi(m[2])
		if err == nil {
			return strings.Repeat(m[1], n)
		}
	}
	return word
}

// set sets the fields that the words name, and takes them.
func (s *script) set(message proto.Message, w *words) {
	for _, a := range w.fields {
		s.assign(message.ProtoReflect(), a.field, a.value)
	}
	w.fields = nil
}

// assign sets the field with the path, its names joined by dots.
func (s *script) assign(message protoreflect.Message, path, value string) {
	name, rest, nested := strings.Cut(path, ".")
	field := message.Descriptor().Fields().ByName(protoreflect.Name(name))
	switch {
	case field == nil:
		s.fatalf("%s has no field %s", message.Descriptor().Name(), name)
	case nested:
		s.assign(message.Mutable(field).Message(), rest, value)
	case value == "none":
		message.Clear(field)
	case field.IsList():
		list := message.Mutable(field).List()
		for item := range strings.SplitSeq(value, ", ") {
			list.Append(s.value(field, item))
		}
	case field.Kind() == protoreflect.MessageKind:
		message.Set(field, protoreflect.ValueOfMessage(s.message(message.NewField(field).Message(), value)))
	default:
		message.Set(field, s.value(field, value))
	}
}

// value reads a value that is no message.
func (s *script) value(field protoreflect.FieldDescriptor, text string) protoreflect.Value {
	var err error
	var v any
	switch field.Kind() {
	case protoreflect.StringKind:
		if v = expand(text); strings.HasSuffix(string(field.Name()), "run_id") && strings.HasPrefix(text, "#") {
			v = s.runOf(text[1:])
		}
	case protoreflect.BytesKind:
		v = []byte(expand(text))
	case protoreflect.BoolKind:
		v, err = strconv.ParseBool(text)
	case protoreflect.Int32Kind:
		var n int64
		n, err = strconv.ParseInt(text, 10, 32)
		v = int32(n)
	case protoreflect.Int64Kind:
		v, err = strconv.ParseInt(text, 10, 64)
	case protoreflect.FloatKind:
		var f float64
		f, err = strconv.ParseFloat(text, 32)
		v = float32(f)
	case protoreflect.DoubleKind:
		v, err = strconv.ParseFloat(text, 64)
	case protoreflect.EnumKind:
		if n, err := strconv.ParseInt(cmp.Or(text, "0"), 10, 32); err == nil {
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n))
		}
		for i := range field.Enum().Values().Len() {
			value := field.Enum().Values().Get(i)
			if strings.EqualFold(enumText(field.Enum(), value.Number()), strings.ReplaceAll(text, "-", "")) {
				return protoreflect.ValueOfEnum(value.Number())
			}
		}
		err = fmt.Errorf("%s has no value %s", field.Enum().Name(), text)
	default:
		err = fmt.Errorf("fields like %s cannot be set", field.Name())
	}
	if err != nil {
		s.fatalf("%s: %v", field.Name(), err)
	}
	return protoreflect.ValueOf(v)
}

// message reads a message in its short form; an empty text is an empty message.
func (s *script) message(m protoreflect.Message, text string) protoreflect.Message {
	if text == "" {
		return m
	}
	switch v := m.Interface().(type) {
	case *durationpb.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			s.fatalf("%v", err)
		}
		proto.Merge(v, durationpb.New(d))
	case *commonpb.Payloads:
		proto.Merge(v, payloads(expand(text)))
	case *commonpb.Payload:
		proto.Merge(v, payload(expand(text)))
	case *commonpb.WorkflowType:
		v.Name = expand(text)
	case *commonpb.ActivityType:
		v.Name = expand(text)
	case *taskqueuepb.TaskQueue:
		v.Name = expand(text)
	case *commonpb.Memo:
		v.Fields = payloadMap(text)
	case *commonpb.SearchAttributes:
		v.IndexedFields = payloadMap(text)
	case *failurepb.Failure:
		proto.Merge(v, applicationFailure(text))
	default:
		s.fatalf("a %s has no short form", m.Descriptor().Name())
	}
	return m
}

// payloadMap reads "a:1, b:2"; "a:" is the null that deletes a key.
func payloadMap(text string) map[string]*commonpb.Payload {
	fields := make(map[string]*commonpb.Payload)
	for pair := range strings.SplitSeq(text, ", ") {
		name, value, _ := strings.Cut(pair, ":")
		fields[name] = payload(expand(value))
		if value == "" {
			fields[name] = &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/null")}}
		}
	}
	return fields
}

// event is an event on one line: what is not as in every such event.
func (s *script) event(run string, event *historypb.HistoryEvent) string {
	attributes := attributesOf(event)
	var leaveOut []string
	switch {
	case event.GetWorkflowTaskFailedEventAttributes() != nil:
		leaveOut = append(leaveOut, "failure") // its text is tested where the checks are
	case event.GetWorkflowTaskScheduledEventAttributes().GetStartToCloseTimeout().AsDuration() == 10*time.Second:
		leaveOut = append(leaveOut, "start_to_close_timeout")
	case event.GetWorkflowExecutionStartedEventAttributes() != nil:
		leaveOut = append(leaveOut, "workflow_id")
	}
	return strings.TrimRight(fmt.Sprintf("%s %d %v %s", run, event.EventId, event.EventType, s.brief(attributes, leaveOut...)), " ")
}

// attributesOf are the attributes of an event, whatever its type.
func attributesOf(event *historypb.HistoryEvent) protoreflect.Message {
	message := event.ProtoReflect()
	return message.Get(message.WhichOneof(message.Descriptor().Oneofs().ByName("attributes"))).Message()
}

// What brief leaves out: fields that say nothing about behaviour, and the values
// that the builders give.
var (
	unimportant = map[string]bool{
		"header": true, "request_id": true, "namespace_id": true, "history_size_bytes": true,
		"workflow_task_completed_event_id": true, "original_execution_run_id": true, "first_execution_run_id": true,
		"workflow_task_timeout": true, "task_token": true, "workflow_namespace": true, "workflow_execution_expiration_time": true,
		"next_page_token": true, "parent_workflow_namespace_id": true, "parent_namespace_id": true, "prev_auto_reset_points": true,
	}
	usual = map[string]bool{
		"identity=" + testWorker: true, "identity=" + testClient: true, "task_queue=" + testQueue: true, "workflow_task_queue=" + testQueue: true,
		"workflow_type=Workflow": true, "workflow_type=Child": true, "activity_type=Activity": true, "attempt=1": true,
		"namespace=space": true, "parent_workflow_namespace=space": true, "control=control": true, "retry_policy=default": true,
		"status=Running": true, "started=true": true, "input=input": true, "start_to_close_timeout=1m0s": true,
		"parent_close_policy=Terminate": true, "workflow_id_reuse_policy=AllowDuplicate": true,
	}
)

// brief is a message on one line, without what every such message has. Names of
// fields with event ids lose the suffix.
func (s *script) brief(m protoreflect.Message, leaveOut ...string) string {
	var parts []string
	for _, f := range s.fields(m) {
		if unimportant[f.field] || slices.Contains(leaveOut, f.field) || usual[f.field+"="+f.value] || f.value == "0s" || f.value == "()" || strings.HasPrefix(f.value, "\"input of ") {
			continue
		}
		parts = append(parts, strings.TrimSuffix(f.field, "_event_id")+"="+f.value)
	}
	return strings.Join(parts, " ")
}

// sayFields tells every field of a message that is set, one a line.
func (s *script) sayFields(m protoreflect.Message) {
	for _, f := range s.fields(m) {
		switch f.field {
		case "task_token", "history": // too long to read
		case "history_size_bytes":
			s.say("%s is set", f.field) // its value depends on the encoding
		default:
			s.say("%s=%s", f.field, f.value)
		}
	}
}

// fields are the fields of a message that are set, in order of their numbers.
func (s *script) fields(m protoreflect.Message) []assignment {
	var set []protoreflect.FieldDescriptor
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		set = append(set, f)
		return true
	})
	slices.SortFunc(set, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	var out []assignment
	for _, f := range set {
		out = append(out, assignment{string(f.Name()), s.fieldText(f, m.Get(f))})
	}
	return out
}

func (s *script) fieldText(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	var items []string
	switch {
	case f.IsList():
		for i := range v.List().Len() {
			items = append(items, s.valueText(f, v.List().Get(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case f.IsMap():
		v.Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			items = append(items, key.String()+":"+s.valueText(f.MapValue(), value))
			return true
		})
		slices.Sort(items)
		return "(" + strings.Join(items, ", ") + ")"
	}
	return s.valueText(f, v)
}

func (s *script) valueText(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return s.messageText(v.Message())
	case protoreflect.EnumKind:
		return enumText(f.Enum(), v.Enum())
	case protoreflect.BytesKind:
		return quoted(string(v.Bytes()))
	case protoreflect.StringKind:
		return quoted(s.labelled(v.String()))
	}
	return v.String()
}

func (s *script) messageText(m protoreflect.Message) string {
	switch v := m.Interface().(type) {
	case *durationpb.Duration:
		return v.AsDuration().String()
	case *timestamppb.Timestamp:
		return offset(v.AsTime())
	case *commonpb.Payloads:
		var items []string
		for _, p := range v.Payloads {
			items = append(items, quoted(s.labelled(string(p.Data))))
		}
		return strings.Join(items, ", ")
	case *commonpb.Payload:
		return quoted(string(v.Data))
	case *commonpb.Memo, *commonpb.SearchAttributes, *commonpb.Header:
		field := m.Descriptor().Fields().Get(0)
		return s.fieldText(field, m.Get(field))
	case *commonpb.WorkflowType:
		return quoted(v.Name)
	case *commonpb.ActivityType:
		return quoted(v.Name)
	case *taskqueuepb.TaskQueue:
		if v.NormalName != "" {
			return v.Name + " of " + v.NormalName
		}
		return quoted(v.Name)
	case *commonpb.WorkflowExecution:
		if label := s.runLabels[v.RunId]; label != "" {
			return "#" + label
		}
		if v.RunId != "" {
			return v.WorkflowId + "/" + v.RunId
		}
		return v.WorkflowId
	case *commonpb.RetryPolicy:
		if proto.Equal(v, defaultPolicy()) {
			return "default"
		}
	case *failurepb.Failure:
		return s.failureText(v)
	}
	var parts []string
	for _, f := range s.fields(m) {
		parts = append(parts, f.field+"="+f.value)
	}
	return "(" + strings.Join(parts, " ") + ")"
}

// failureText is a failure as its kind, its text, and its cause.
func (s *script) failureText(f *failurepb.Failure) string {
	kind := "failure"
	m := f.ProtoReflect()
	if info := m.WhichOneof(m.Descriptor().Oneofs().ByName("failure_info")); info != nil {
		kind = strings.TrimSuffix(string(info.Name()), "_failure_info")
		for _, field := range s.fields(m.Get(info).Message()) {
			kind += " " + field.field + "=" + field.value
		}
	}
	text := kind + ": " + quoted(f.Message)
	if f.Cause != nil {
		text += " because of " + s.failureText(f.Cause)
	}
	return "(" + text + ")"
}

// labelled replaces run ids by their labels, and other ids by the word id.
func (s *script) labelled(text string) string {
	return anyID.ReplaceAllStringFunc(text, func(id string) string {
		if label := s.runLabels[id]; label != "" {
			return "#" + label
		}
		return "id"
	})
}

var anyID = regexp.MustCompile(`0{8}-0000-4000-8000-\d{12}`)

// quoted puts a text in quotes if it would be hard to read otherwise, and shortens
// a long one.
func quoted(text string) string {
	if len(text) > 200 {
		return fmt.Sprintf("(%d bytes)", len(text))
	}
	if text == "" || strings.ContainsAny(text, " =,()\"\n") {
		return strconv.Quote(text)
	}
	return text
}

// enumText is the name of an enum's value without the name of the enum.
func enumText(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) string {
	prefix := strings.TrimSuffix(string(enum.Values().Get(0).Name()), "UNSPECIFIED")
	value := enum.Values().ByNumber(number)
	if value == nil {
		return fmt.Sprint(number)
	}
	var text strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(string(value.Name()), prefix), "_") {
		text.WriteString(part[:1] + strings.ToLower(part[1:]))
	}
	return text.String()
}
