package differ

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/test/history"
)

// compact writes a tree of decoded JSON in one line: {attempt: 1, workflowType: {name: flow}}.
// A payload with nothing but an encoding is written encoding`data`.
func compact(b *strings.Builder, value any) {
	switch v := value.(type) {
	case map[string]any:
		if text, ok := payload(v); ok {
			b.WriteString(text)
			return
		}
		b.WriteByte('{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(key + ": ")
			compact(b, v[key])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			compact(b, element)
		}
		b.WriteByte(']')
	case string:
		b.WriteString(word(v))
	default:
		data, _ := json.Marshal(v)
		b.Write(data)
	}
}

// payload is the short form of a payload, if it has one.
func payload(v map[string]any) (string, bool) {
	metadata, ok := v["metadata"].(map[string]any)
	if !ok || len(metadata) != 1 || len(v) != 2 {
		return "", false
	}
	encoding, isText := metadata["encoding"].(string)
	data, hasData := v["data"].(string)
	return encoding + "`" + shortened(data) + "`", isText && hasData
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./<>: -]+$`)

// word is a text, in quotes if it could be mistaken for something else.
func word(text string) string {
	text = shortened(strings.ReplaceAll(text, "\u00a0", " ")) // protobuf writes one or the other, by chance
	if plain.MatchString(text) && !strings.HasSuffix(text, " ") && !strings.HasPrefix(text, " ") {
		return text
	}
	return quoted(text)
}

// shortened writes long runs of one letter as x*1001, since that is what long
// texts of scenarios are made of.
func shortened(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		run := 1
		for i+run < len(text) && text[i+run] == text[i] {
			run++
		}
		if run >= 50 {
			fmt.Fprintf(&b, "%c*%d", visible(text[i]), run)
		} else {
			b.WriteString(text[i : i+run])
		}
		i += run
	}
	return b.String()
}

// visible is a letter, or ? for what is none.
func visible(c byte) byte {
	if c < ' ' {
		return '?'
	}
	return c
}

// renderer writes messages for a transcript.
type renderer struct{ n *history.Normalizer }

func (r renderer) message(m proto.Message) string {
	tree, err := r.n.Tree(m)
	if err != nil {
		return fmt.Sprintf("(cannot be shown: %v)", err)
	}
	return text(tree)
}

func text(tree any) string {
	var b strings.Builder
	compact(&b, tree)
	return b.String()
}

// response writes the response of a call. Of events in it there is only which
// they are, since they are shown in full with the history.
func (r renderer) response(m proto.Message) string {
	var events *historypb.History
	switch v := m.(type) {
	case *workflowservice.PollWorkflowTaskQueueResponse:
		events = v.History
		v = proto.Clone(v).(*workflowservice.PollWorkflowTaskQueueResponse)
		v.History = nil
		m = v
	case *workflowservice.RespondWorkflowTaskCompletedResponse:
		v = proto.Clone(v).(*workflowservice.RespondWorkflowTaskCompletedResponse)
		if v.WorkflowTask != nil {
			events, v.WorkflowTask.History = v.WorkflowTask.History, nil
		}
		m = v
	case *workflowservice.StartWorkflowExecutionResponse:
		v = proto.Clone(v).(*workflowservice.StartWorkflowExecutionResponse)
		if v.EagerWorkflowTask != nil {
			events, v.EagerWorkflowTask.History = v.EagerWorkflowTask.History, nil
		}
		m = v
	case *workflowservice.GetWorkflowExecutionHistoryResponse:
		events = v.History
		v = proto.Clone(v).(*workflowservice.GetWorkflowExecutionHistoryResponse)
		v.History = nil
		m = v
	case *workflowservice.DescribeTaskQueueResponse:
		if limit := v.EffectiveRateLimit; limit.GetRateLimitSource() == enumspb.RATE_LIMIT_SOURCE_SYSTEM {
			v = proto.Clone(v).(*workflowservice.DescribeTaskQueueResponse)
			v.EffectiveRateLimit.RequestsPerSecond = 0 // what the machine is thought to do
			m = v
		}
	case *workflowservice.DescribeWorkflowExecutionResponse:
		v = proto.Clone(v).(*workflowservice.DescribeWorkflowExecutionResponse)
		slices.SortStableFunc(v.PendingActivities, func(a, b *workflowpb.PendingActivityInfo) int { return strings.Compare(a.ActivityId, b.ActivityId) })
		slices.SortStableFunc(v.Callbacks, func(a, b *workflowpb.CallbackInfo) int {
			return strings.Compare(a.GetCallback().GetNexus().GetUrl(), b.GetCallback().GetNexus().GetUrl())
		})
		for _, a := range v.PendingActivities {
			if wait := a.CurrentRetryInterval; wait != nil { // measured there, by some microseconds more
				a.CurrentRetryInterval = durationpb.New(wait.AsDuration().Round(100 * time.Millisecond))
			}
		}
		m = v
	case *workflowservice.GetWorkflowExecutionHistoryReverseResponse:
		events = v.History
		v = proto.Clone(v).(*workflowservice.GetWorkflowExecutionHistoryReverseResponse)
		v.History = nil
		m = v
	}
	line := r.message(m)
	if events != nil {
		var list []string
		for _, event := range events.Events {
			list = append(list, fmt.Sprintf("%d %s", event.EventId, typeName(event)))
		}
		line += " events: " + strings.Join(list, ", ")
	}
	return line
}

// event writes one event of a history.
func (r renderer) event(event *historypb.HistoryEvent) string {
	tree, err := r.n.Tree(event)
	if err != nil {
		return fmt.Sprintf("(cannot be shown: %v)", err)
	}
	fields := tree.(map[string]any)
	delete(fields, "eventId")
	delete(fields, "eventType")
	var attributes any = map[string]any{}
	for key, value := range fields {
		if strings.HasSuffix(key, "EventAttributes") {
			attributes = value
			delete(fields, key)
		}
	}
	if attributes, ok := attributes.(map[string]any); ok &&
		(event.GetWorkflowTaskStartedEventAttributes() != nil || event.GetActivityTaskStartedEventAttributes() != nil) {
		delete(attributes, "requestId") // a random one, of no use to clients
	}
	if attributes, ok := attributes.(map[string]any); ok && event.GetWorkflowTaskScheduledEventAttributes().GetAttempt() > 2 {
		attributes["startToCloseTimeout"] = "<timeout>" // it grows, and by chance a little more
	}
	measured(attributes)
	line := fmt.Sprintf("%d %s %s", event.EventId, typeName(event), text(attributes))
	if len(fields) > 0 {
		line += " " + text(fields)
	}
	return line
}

// measured replaces what a Temporal server measures, by some milliseconds less or more.
func measured(tree any) {
	fields, _ := tree.(map[string]any)
	for name, value := range fields {
		if name == "initialSkippedDuration" {
			fields[name] = "<duration>"
		}
		measured(value)
	}
}

func typeName(event *historypb.HistoryEvent) string { return event.EventType.String() }

// failure writes an error: its code, its text, and its details.
func (r renderer) failure(err error) string {
	s := status.Convert(err)
	line := s.Code().String() + " " + quoted(r.n.Text(s.Message()))
	for _, detail := range s.Proto().GetDetails() {
		line += " " + r.detail(detail)
	}
	return line
}

// errorHash is what tells errors inside a Temporal server apart.
var errorHash = regexp.MustCompile(`please retry \([0-9a-f]{8}\)`)

// protoSpace is what stands between two fields of a message in text format: one space or
// two, as chance decides anew for each build of a program.
var protoSpace = regexp.MustCompile(`([A-Za-z0-9_"}>])  ([a-z_]+:)`)

func quoted(text string) string {
	text = strings.ReplaceAll(text, "\u00a0", " ") // by chance, like the two spaces
	text = errorHash.ReplaceAllString(text, "please retry (<hash>)")
	data, _ := json.Marshal(shortened(protoSpace.ReplaceAllString(text, "$1 $2")))
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(data))
}

func (r renderer) detail(detail *anypb.Any) string {
	name := detail.TypeUrl[strings.LastIndex(detail.TypeUrl, ".")+1:]
	m, err := detail.UnmarshalNew()
	if err != nil {
		return name
	}
	if _, ok := m.(*errdetails.DebugInfo); ok {
		return name
	}
	return name + r.message(m)
}
