package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/temporalproto"
	"google.golang.org/protobuf/proto"
)

// Printer prints in the format that was asked for. It is for one goroutine.
type Printer struct {
	// Color is what of styles is left in what is printed.
	Color colorprofile.Profile

	w         io.Writer // takes away the styles that are not wanted
	raw       io.Writer
	format    string
	shorthand bool
	terminal  *os.File // nil if it is none, or if text is not what is printed
	width     int      // of the terminal; 0 if there is none
	time      func(time.Time) string
	now       func() time.Time
}

// JSON reports whether JSON is printed.
func (p *Printer) JSON() bool { return p.format == JSON || p.format == JSONL }

// Terminal is the terminal that text goes to, nil if there is none.
func (p *Printer) Terminal() *os.File { return p.terminal }

// Width is how many columns the terminal has, 0 if there is none.
func (p *Printer) Width() int { return p.width }

// Now is the time that relative times are counted from.
func (p *Printer) Now() time.Time { return p.now() }

// Raw is where bytes go as they are, whatever the format.
func (p *Printer) Raw() io.Writer { return p.raw }

// Printf prints a line of text. In JSON it prints nothing.
func (p *Printer) Printf(format string, args ...any) {
	if !p.JSON() {
		fmt.Fprintf(p.w, format+"\n", args...) // what cannot be printed shows in the next Show
	}
}

// Heading prints what the next lines are about. In JSON it prints nothing.
func (p *Printer) Heading(format string, args ...any) {
	p.Printf("%s", headingStyle.Render(fmt.Sprintf(format, args...)))
}

// Field is one thing that is said about something.
type Field struct {
	// Name is shown in text; in JSON it begins with a small letter.
	Name string
	// Value is what [Printer.Text] can show.
	Value any
	// Optional fields are not shown if they are empty, neither as text nor in JSON.
	Optional bool
}

// F is a field that is always shown.
func F(name string, value any) Field { return Field{Name: name, Value: value} }

// Optional is a field that is shown unless it is empty.
func Optional(name string, value any) Field {
	return Field{Name: name, Value: value, Optional: true}
}

// Card prints fields below each other. In JSON it prints nothing.
func (p *Printer) Card(fields ...Field) {
	if p.JSON() {
		return
	}
	width := 0
	for _, f := range fields {
		width = max(width, lipgloss.Width(f.Name))
	}
	for _, f := range fields {
		value := p.Text(f.Value)
		if f.Optional && value == "" {
			continue
		}
		// What goes on in further lines is indented like the first.
		value = strings.ReplaceAll(strings.TrimRight(value, "\n"), "\n", "\n"+strings.Repeat(" ", width+4))
		p.Printf("%s", strings.TrimRight("  "+nameStyle.Render(f.Name)+strings.Repeat(" ", width-lipgloss.Width(f.Name)+2)+value, " "))
	}
}

// Show prints fields as a card below a heading, or as one JSON object.
func (p *Printer) Show(heading string, fields ...Field) error {
	if p.JSON() {
		object, err := p.object(fields)
		if err != nil {
			return err
		}
		return p.Value(object)
	}
	if heading != "" {
		p.Heading("%s", heading)
	}
	p.Card(fields...)
	return nil
}

func (p *Printer) object(fields []Field) (json.RawMessage, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, f := range fields {
		if f.Optional && p.Text(f.Value) == "" {
			continue
		}
		value, err := p.Marshal(f.Value)
		if err != nil {
			return nil, err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", lowerFirst(f.Name), value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func lowerFirst(s string) string {
	for i, r := range s {
		if i == 0 {
			return string(unicode.ToLower(r)) + s[len(string(r)):]
		}
	}
	return s
}

// Value prints one value as JSON; protobuf messages in their JSON form. In text it
// prints nothing.
func (p *Printer) Value(v any) error {
	if !p.JSON() {
		return nil
	}
	encoded, err := p.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.raw, "%s\n", p.indented(encoded, ""))
	return err
}

// Wire is [Printer.Value] with payloads as they are on the wire, which is what a replayer
// reads.
func (p *Printer) Wire(message proto.Message) error { return p.OfWire().Value(message) }

// OfWire is the printer with payloads as they are on the wire.
func (p *Printer) OfWire() *Printer {
	q := *p
	q.shorthand = false
	return &q
}

// Marshal makes compact JSON of a value. Payloads in messages are shown as the JSON they
// hold, unless that is not wanted.
func (p *Printer) Marshal(v any) (json.RawMessage, error) {
	return marshal(v, p.shorthand)
}

// MarshalWire is Marshal with payloads as they are on the wire.
func (p *Printer) MarshalWire(message proto.Message) (json.RawMessage, error) {
	return marshal(message, false)
}

func marshal(v any, shorthand bool) (json.RawMessage, error) {
	message, ok := v.(proto.Message)
	if !ok {
		return json.Marshal(v)
	}
	options := temporalproto.CustomJSONMarshalOptions{}
	if shorthand {
		options.Metadata = map[string]any{commonpb.EnablePayloadShorthandMetadataKey: true}
	}
	return options.Marshal(message)
}

// indented is JSON as it is printed. Compact JSON of protobuf has spaces here and there
// on purpose; both forms take them away.
func (p *Printer) indented(encoded []byte, prefix string) string {
	var b bytes.Buffer
	var err error
	if p.format == JSON {
		err = json.Indent(&b, encoded, prefix, "  ")
	} else {
		err = json.Compact(&b, encoded)
	}
	if err != nil {
		return string(encoded)
	}
	return b.String()
}

// Line prints a value as one line of JSON, whatever the format is; for what programs wait
// for line by line.
func Line(w io.Writer, v any) error {
	encoded, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", encoded)
	return err
}

// List prints values one after the other: as elements of one array in JSON, as lines in
// JSONL. In text it prints nothing.
type List struct {
	p     *Printer
	items int
}

// List begins a list, which has to be ended.
func (p *Printer) List() *List {
	if p.format == JSON {
		fmt.Fprint(p.raw, "[")
	}
	return &List{p: p}
}

// Add prints one value.
func (l *List) Add(v any) error {
	if l.p.format != JSON {
		return l.p.Value(v)
	}
	encoded, err := l.p.Marshal(v)
	if err != nil {
		return err
	}
	separator := "\n"
	if l.items > 0 {
		separator = ",\n"
	}
	l.items++
	_, err = fmt.Fprint(l.p.raw, separator+l.p.indented(encoded, ""))
	return err
}

// End ends the list. What was printed of one that fails is an array nevertheless.
func (l *List) End() {
	if l.p.format == JSON {
		fmt.Fprint(l.p.raw, "\n]\n")
	}
}

// Empty reports whether an optional field has nothing to show.
func (p *Printer) Empty(f Field) bool {
	if p.time == nil {
		p.time = func(t time.Time) string { return t.String() }
	}
	return f.Optional && p.Text(f.Value) == ""
}
