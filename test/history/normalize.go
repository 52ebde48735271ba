// Package history makes histories comparable: it replaces what legitimately
// differs between two runs of the same scenario (times, ids, identities, stack
// traces) by placeholders and keeps everything else.
package history

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Normalizer replaces ids by numbered placeholders, so that it still shows where
// the same id stands twice. One normalizer serves all histories of a scenario.
type Normalizer struct {
	prefix string // of task queue and workflow ids
	ids    map[string]string
	// removed and masked are fields by name, wherever they are.
	removed map[string]bool
	masked  map[string]string
	exact   bool
}

// NewNormalizer returns a normalizer for a scenario whose task queue and workflow
// ids begin with prefix.
func NewNormalizer(prefix string) *Normalizer {
	return &Normalizer{prefix: prefix, ids: map[string]string{}, removed: removed, masked: masked}
}

// NewExactNormalizer returns a normalizer for a scenario that makes its calls
// without an SDK: identities, versions of workers and all else that a client
// chooses are kept.
func NewExactNormalizer(prefix string) *Normalizer {
	return &Normalizer{prefix: prefix, ids: map[string]string{}, removed: removedExactly, masked: maskedExactly, exact: true}
}

// Tree returns a message as decoded JSON in which ids, times and what else
// differs from run to run are replaced.
func (n *Normalizer) Tree(m proto.Message) (any, error) {
	data, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	return n.walk("", tree), nil
}

// Text replaces ids in a text, such as that of an error.
func (n *Normalizer) Text(text string) string {
	text = n.walk("", text).(string)
	return times.ReplaceAllString(text, "<time>")
}

// Events returns the events as indented JSON, one history a string.
func (n *Normalizer) Events(events []*historypb.HistoryEvent) (string, error) {
	var out []any
	for _, event := range events {
		data, err := protojson.Marshal(event)
		if err != nil {
			return "", fmt.Errorf("encode event %d: %w", event.EventId, err)
		}
		var tree map[string]any
		if err := json.Unmarshal(data, &tree); err != nil {
			return "", err
		}
		for _, key := range dropped {
			delete(tree, key)
		}
		if failed, ok := tree["workflowTaskFailedEventAttributes"].(map[string]any); ok && failed["cause"] != "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW" {
			// What a worker says of a failed task is its SDK's own wording.
			if failure, ok := failed["failure"].(map[string]any); ok {
				failed["failure"] = map[string]any{"message": "<message>", "source": failure["source"]}
			}
		}
		if started, ok := tree["workflowTaskStartedEventAttributes"].(map[string]any); ok {
			started["requestId"] = "<request id>"
		}
		if started, ok := tree["workflowExecutionStartedEventAttributes"].(map[string]any); ok && started["continuedExecutionRunId"] != nil {
			// What is left of the least interval between two runs.
			started["firstWorkflowTaskBackoff"] = "<backoff>"
		}
		if marker, ok := tree["markerRecordedEventAttributes"].(map[string]any); ok && marker["markerName"] == "LocalActivity" {
			if details, ok := marker["details"].(map[string]any); ok && details["data"] != nil {
				details["data"] = "<local activity data>" // has the replay time in it
			}
		}
		out = append(out, n.walk("", tree))
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(out)
	return text.String(), err
}

// dropped are fields of an event that say nothing about behaviour.
var dropped = []string{"eventTime", "taskId", "version", "principal"}

// removed are fields anywhere in an event that differ between SDK or server
// versions, or between machines.
var removed = map[string]bool{
	"sdkName": true, "sdkVersion": true, "langUsedFlags": true, "coreUsedFlags": true,
	"meteringMetadata": true, "historySizeBytes": true, "workerVersion": true, "binaryChecksum": true,
	"buildId": true, "eventGroupMarkers": true,
}

// removedExactly are fields that say how a server works and not what it does, or
// that depend on the load of the machine.
var removedExactly = map[string]bool{
	"eventTime": true, "taskId": true, "version": true, "principal": true,
	"historySizeBytes": true, "stateTransitionCount": true, "stateSizeBytes": true,
	"backlogCountHint": true, "pollerScalingDecision": true, "pollerGroupId": true, "pollerGroupInfos": true,
	"pollerGroupsInfo": true,
}

// masked are fields whose presence counts but whose value differs.
var masked = map[string]string{
	"identity": "<identity>", "stackTrace": "<stack>", "lastWorkerIdentity": "<identity>",
}

var maskedExactly = map[string]string{
	"taskToken": "<token>", "nextPageToken": "<token>", "longPollToken": "<token>", "executionDuration": "<duration>",
}

// noTime is what some servers give for a time that is not set.
const noTime = "0001-01-01T00:00:00Z"

var (
	uuid      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)
	times     = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?Z| \+0000 UTC)?`)
)

func (n *Normalizer) walk(key string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		for k, child := range v {
			if n.removed[k] || n.exact && child == noTime {
				delete(v, k)
				continue
			}
			if mask, ok := n.masked[k]; ok {
				if child != "" {
					v[k] = mask
				}
				continue
			}
		}
		if n.exact && v["initiator"] == "CONTINUE_AS_NEW_INITIATOR_WORKFLOW" {
			v["firstWorkflowTaskBackoff"] = "<backoff>" // what is left of the least interval between two runs
		}
		if name, ok := v["name"].(string); ok && v["kind"] == "TASK_QUEUE_KIND_STICKY" && !strings.HasPrefix(name, n.prefix) {
			v["name"] = "<sticky>"
		}
		if metadata, ok := v["metadata"].(map[string]any); ok && metadata["encoding"] != nil {
			readable(v, metadata)
		}
		// Ids are numbered in the order of the keys, which JSON decoding into a
		// map has lost: go through them sorted, as they will be printed.
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if uuid.MatchString(k) || strings.Contains(k, n.prefix) { // a map by ids
				child := v[k]
				delete(v, k)
				k = n.walk("", k).(string)
				v[k] = child
			}
			v[k] = n.walk(k, v[k])
			if child, ok := v[k].(map[string]any); ok && len(child) == 0 && (k == "sdkMetadata") {
				delete(v, k)
			}
		}
		return v
	case []any:
		for i := range v {
			v[i] = n.walk(key, v[i])
		}
		return v
	case string:
		if timestamp.MatchString(v) && v != "1970-01-01T00:00:00Z" {
			return "<time>"
		}
		v = strings.ReplaceAll(v, n.prefix, "<scenario>")
		return uuid.ReplaceAllStringFunc(v, func(id string) string {
			if n.ids[id] == "" {
				n.ids[id] = fmt.Sprintf("<id %d>", len(n.ids)+1)
			}
			return n.ids[id]
		})
	default:
		return v
	}
}

// readable replaces the base64 of a payload by the text it stands for.
func readable(payload, metadata map[string]any) {
	for k, v := range metadata {
		metadata[k] = decoded(v)
	}
	data, ok := decoded(payload["data"]).(string)
	if !ok {
		return
	}
	payload["data"] = data
	var compact bytes.Buffer // encoders differ in their white space
	if json.Compact(&compact, []byte(data)) == nil {
		payload["data"] = compact.String()
	}
}

func decoded(value any) any {
	text, ok := value.(string)
	if !ok {
		return value
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !utf8.Valid(data) {
		return value
	}
	return string(data)
}
