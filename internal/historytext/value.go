package historytext

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// longest is how much of a value is shown.
const longest = 200

// quiet are the fields that say nothing to a reader, or that the subject has said.
var quiet = map[protoreflect.Name]bool{
	"identity": true, "request_id": true, "attempt": true, "header": true,
	"activity_type": true, "workflow_type": true, "signal_name": true, "marker_name": true, "timer_id": true, "operation": true, "input": true,
	"scheduled_event_id": true, "started_event_id": true, "initiated_event_id": true, "accepted_event_id": true,
	"workflow_task_completed_event_id": true, "history_size_bytes": true, "worker_version": true, "binary_checksum": true,
	"sdk_metadata": true, "metering_metadata": true, "original_execution_run_id": true, "first_execution_run_id": true,
	"namespace_id": true, "workflow_namespace_id": true, "parent_workflow_namespace_id": true, "namespace": true, "parent_workflow_namespace": true,
	"root_workflow_execution": true, "use_workflow_build_id": true, "workflow_id_reuse_policy": true, "parent_close_policy": true,
	"retry_policy": true, "prev_auto_reset_points": true, "deployment": true, "deployment_version": true, "worker_deployment_name": true,
	"accepted_request_message_id": true, "accepted_request_sequencing_event_id": true, "protocol_instance_id": true, "workflow_task_timeout": true,
	"base_run_id": true, "new_run_id": true, "fork_event_version": true, "priority": true, "workflow_execution_expiration_time": true,
}

// details are the other fields of an event that are set.
func details(event *historypb.HistoryEvent) []string {
	message := attributesOf(event)
	if message == nil {
		return nil
	}
	var found []string
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if quiet[field.Name()] || !message.Has(field) {
			continue
		}
		shown := value(field, message.Get(field))
		switch {
		case shown == "" || shown == "0s":
		case field.Name() == "failure":
			found = append(found, shown)
		default:
			found = append(found, field.JSONName()+"="+shown)
		}
	}
	return found
}

// value shows what a field is set to.
func value(field protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch {
	case field.IsMap() || field.IsList():
		return cut(collection(field, v))
	case field.Kind() == protoreflect.MessageKind:
		return cut(message(v.Message()))
	case field.Kind() == protoreflect.EnumKind:
		if d := field.Enum().Values().ByNumber(v.Enum()); d != nil {
			return enumText(field.Enum(), d)
		}
		return strconv.Itoa(int(v.Enum()))
	case field.Kind() == protoreflect.BytesKind:
		return cut(text(v.Bytes()))
	default:
		return cut(v.String())
	}
}

func collection(field protoreflect.FieldDescriptor, v protoreflect.Value) string {
	var parts []string
	if field.IsMap() {
		v.Map().Range(func(key protoreflect.MapKey, item protoreflect.Value) bool {
			parts = append(parts, key.String()+"="+single(field.MapValue(), item))
			return true
		})
		return "{" + strings.Join(parts, " ") + "}"
	}
	for i := range v.List().Len() {
		parts = append(parts, single(field, v.List().Get(i)))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func single(field protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if field.Kind() == protoreflect.MessageKind {
		return message(v.Message())
	}
	return v.String()
}

// payloadMap shows payloads with their names, which are in order.
func payloadMap(fields map[string]*commonpb.Payload) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, name+"="+payload(fields[name]))
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// message shows the messages that readers know, and JSON of others.
func message(m protoreflect.Message) string {
	switch m := m.Interface().(type) {
	case *commonpb.Payloads:
		var parts []string
		for _, p := range m.GetPayloads() {
			parts = append(parts, payload(p))
		}
		return strings.Join(parts, ", ")
	case *commonpb.Payload:
		return payload(m)
	case *failurepb.Failure:
		return failure(m)
	case *durationpb.Duration:
		return m.AsDuration().String()
	case *timestamppb.Timestamp:
		return m.AsTime().Format("2006-01-02T15:04:05.000Z")
	case *commonpb.WorkflowExecution:
		return m.GetWorkflowId()
	case *commonpb.ActivityType:
		return m.GetName()
	case *commonpb.WorkflowType:
		return m.GetName()
	case *commonpb.Memo:
		return payloadMap(m.GetFields())
	case *commonpb.SearchAttributes:
		return payloadMap(m.GetIndexedFields())
	default:
		if name := m.ProtoReflect().Descriptor().Fields().ByName("name"); name != nil && name.Kind() == protoreflect.StringKind {
			return m.ProtoReflect().Get(name).String()
		}
		return protojson.MarshalOptions{}.Format(m)
	}
}

func payload(p *commonpb.Payload) string {
	switch encoding := string(p.GetMetadata()["encoding"]); encoding {
	case "json/plain", "json/protobuf":
		return string(p.GetData())
	case "binary/null":
		return "null"
	default:
		return fmt.Sprintf("(%d bytes, %s)", len(p.GetData()), encoding)
	}
}

func failure(f *failurepb.Failure) string {
	shown := f.GetMessage()
	if info := f.GetApplicationFailureInfo(); info != nil {
		var about []string
		if info.GetType() != "" {
			about = append(about, "type "+info.GetType())
		}
		if info.GetNonRetryable() {
			about = append(about, "not retryable")
		}
		if len(about) > 0 {
			shown += " (" + strings.Join(about, ", ") + ")"
		}
	}
	if cause := f.GetCause(); cause != nil {
		shown += ": " + failure(cause)
	}
	return shown
}

// enumText is a value's name without the prefix that all values of its enum have.
func enumText(enum protoreflect.EnumDescriptor, v protoreflect.EnumValueDescriptor) string {
	var prefix strings.Builder
	for i, r := range string(enum.Name()) {
		if i > 0 && r >= 'A' && r <= 'Z' {
			prefix.WriteByte('_')
		}
		prefix.WriteRune(r)
	}
	return strings.ToLower(strings.TrimPrefix(string(v.Name()), strings.ToUpper(prefix.String())+"_"))
}

func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return fmt.Sprintf("(%d bytes)", len(b))
}

func cut(s string) string {
	if len(s) <= longest {
		return s
	}
	end := longest
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
