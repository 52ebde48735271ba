package output

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Text shows a value to a person: times as --time-format says, durations in days and
// hours, payloads as what they hold, failures with their causes. What is empty is "".
func (p *Printer) Text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return fmt.Sprint(v)
	case time.Time:
		if v.IsZero() || v.Unix() == 0 {
			return ""
		}
		return p.time(v)
	case *timestamppb.Timestamp:
		if v == nil {
			return ""
		}
		return p.Text(v.AsTime())
	case time.Duration:
		return Duration(v)
	case *durationpb.Duration:
		if v == nil {
			return ""
		}
		return Duration(v.AsDuration())
	case []string:
		return strings.Join(v, ", ")
	case json.RawMessage:
		return string(v)
	case *failurepb.Failure:
		return failure(v)
	case *commonpb.Payload:
		return payload(v)
	case *commonpb.Payloads:
		return p.Text(v.GetPayloads())
	case []*commonpb.Payload:
		return joined(v, payload)
	case map[string]*commonpb.Payload:
		return joined(slices.Sorted(maps.Keys(v)), func(name string) string { return name + "=" + payload(v[name]) })
	case map[string]string:
		return joined(slices.Sorted(maps.Keys(v)), func(name string) string { return name + "=" + v[name] })
	case proto.Message:
		return p.message(v)
	case fmt.Stringer:
		return v.String()
	}
	return p.other(v)
}

func (p *Printer) message(v proto.Message) string {
	if !v.ProtoReflect().IsValid() {
		return ""
	}
	encoded, err := marshal(v, true)
	if err != nil {
		return fmt.Sprintf("(cannot be shown: %v)", err)
	}
	return p.compact(encoded)
}

// compact takes the spaces away that the JSON of protobuf has here and there.
func (p *Printer) compact(encoded []byte) string {
	q := Printer{format: JSONL}
	if s := q.indented(encoded, ""); s != "{}" {
		return s
	}
	return ""
}

func (p *Printer) other(v any) string {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Pointer:
		if r.Kind() != reflect.Struct && r.IsNil() {
			return ""
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(encoded)
	}
	return fmt.Sprint(v)
}

func joined[T any](values []T, text func(T) string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = text(v)
	}
	return strings.Join(parts, ", ")
}

func payload(p *commonpb.Payload) string {
	switch encoding := string(p.GetMetadata()["encoding"]); {
	case len(p.GetData()) == 0 && len(p.GetMetadata()) == 0:
		return ""
	case encoding == "binary/null":
		return "null"
	case strings.HasPrefix(encoding, "json/") && json.Valid(p.GetData()):
		return string(p.GetData())
	default:
		return fmt.Sprintf("%s(%s)", encoding, base64.StdEncoding.EncodeToString(p.GetData()))
	}
}

func failure(f *failurepb.Failure) string {
	var b strings.Builder
	for indent := ""; f != nil; f = f.GetCause() {
		b.WriteString(indent + f.GetMessage())
		if info := f.GetApplicationFailureInfo(); info.GetType() != "" {
			fmt.Fprintf(&b, " (type %s)", info.GetType())
		}
		if trace := strings.TrimSpace(f.GetStackTrace()); trace != "" {
			b.WriteString("\n" + indent + "  " + strings.ReplaceAll(trace, "\n", "\n"+indent+"  "))
		}
		if f.GetCause() != nil {
			b.WriteString("\n")
			indent += "  "
			if len(indent) == 2 {
				b.WriteString("Caused by:\n")
			}
		}
	}
	return b.String()
}

// Duration is a duration for people: "3d 2h", "1m 30s", "250ms".
func Duration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	if d < time.Second {
		return sign + d.Round(min(d, time.Microsecond)).String()
	}
	var parts []string
	for _, unit := range []struct {
		of     time.Duration
		letter string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if n := d / unit.of; n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", n, unit.letter))
			d -= n * unit.of
		}
	}
	if d > 0 {
		parts = append(parts, d.Round(time.Millisecond).String())
	}
	return sign + strings.Join(parts, " ")
}
