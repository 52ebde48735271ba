// Package historytext shows the history of a run as a person would tell it: one
// line for each event, with its number, how long after the start it happened, what
// it is, and what it is about. Values are shown as JSON where they are JSON, and
// what says nothing to a reader (identities, versions, ids of tasks) is left out.
//
//	1  0s    WorkflowExecutionStarted  transfer({"to":"bob"}) taskQueue=orders
//	5  20ms  ActivityTaskScheduled     charge({"to":"bob"}) activityId=5 startToCloseTimeout=1m0s
//	7  31ms  ActivityTaskFailed        of 5 no credit (type Credit, not retryable)
package historytext

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Write writes a line for each event.
func Write(w io.Writer, events []*historypb.HistoryEvent) error {
	if len(events) == 0 {
		_, err := fmt.Fprintln(w, "(no events)")
		return err
	}
	began := events[0].GetEventTime().AsTime()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, event := range events {
		since := event.GetEventTime().AsTime().Sub(began)
		fmt.Fprintf(table, "%3d\t%s\t%s\t%s\n", event.GetEventId(), shortened(since), event.GetEventType(), About(event))
	}
	return table.Flush()
}

// String is Write to a string.
func String(events []*historypb.HistoryEvent) string {
	var b strings.Builder
	_ = Write(&b, events) // a Builder takes everything
	return b.String()
}

// About is what a line says of an event after its type.
func About(event *historypb.HistoryEvent) string {
	return strings.TrimSpace(strings.Join(append([]string{Subject(event)}, details(event)...), " "))
}

// shortened is a duration that is read, not calculated with.
func shortened(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}

// Subject is what an event is about: the call it makes, or the event that it
// follows from.
func Subject(event *historypb.HistoryEvent) string {
	message := attributesOf(event)
	if message == nil {
		return ""
	}
	subject := nameIn(message)
	for _, of := range []protoreflect.Name{"scheduled_event_id", "initiated_event_id", "started_event_id", "accepted_event_id"} {
		field := message.Descriptor().Fields().ByName(of)
		if isWorkflowTask(event.GetEventType()) {
			break
		}
		if field != nil && message.Get(field).Int() > 0 {
			of := fmt.Sprintf("of %d", message.Get(field).Int())
			return strings.TrimSpace(of + " " + subject)
		}
	}
	return subject
}

func isWorkflowTask(kind enumspb.EventType) bool {
	switch kind {
	case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
		return true
	}
	return false
}

// nameIn is the first of the fields that name things which is set, with the input
// as its arguments.
func nameIn(message protoreflect.Message) string {
	fields := message.Descriptor().Fields()
	var name string
	for _, candidate := range []protoreflect.Name{"activity_type", "workflow_type", "signal_name", "marker_name", "timer_id", "operation"} {
		field := fields.ByName(candidate)
		if field == nil || !message.Has(field) {
			continue
		}
		if field.Kind() == protoreflect.MessageKind {
			typ := message.Get(field).Message()
			name = typ.Get(typ.Descriptor().Fields().ByName("name")).String()
		} else {
			name = message.Get(field).String()
		}
		break
	}
	if input := fields.ByName("input"); input != nil && message.Has(input) && name != "" {
		return name + "(" + value(input, message.Get(input)) + ")"
	}
	return name
}

// attributesOf is the message in the event's attributes, or nil.
func attributesOf(event *historypb.HistoryEvent) protoreflect.Message {
	message := event.ProtoReflect()
	field := message.WhichOneof(message.Descriptor().Oneofs().ByName("attributes"))
	if field == nil {
		return nil
	}
	return message.Get(field).Message()
}
