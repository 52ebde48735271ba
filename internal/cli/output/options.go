// Package output prints what commands have to say to standard output: as text for
// people, or as JSON for programs.
//
// A command makes one [Printer] of its [Options] and says what it has found through it;
// the printer knows the format. What is meant for people only ([Printer.Heading],
// [Printer.Printf], [Printer.Card], tables) is nothing in JSON; what is meant for
// programs only ([Printer.Value], [List]) is nothing in text. [Printer.Show] is both.
//
// Styles may be used freely: the printer takes them away where there is no terminal,
// and where colour is not wanted (--color, NO_COLOR). This package is the only place
// that looks whether standard output is a terminal, and how wide it is.
package output

import (
	"io"
	"os"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/perdure/perdure/internal/cli/flags"
)

// Formats of --output.
const (
	Text  = "text"  // tables and cards, for people
	JSON  = "json"  // indented; a list is one array
	JSONL = "jsonl" // one line for each value
	None  = "none"  // nothing
)

// Options are the flags that say how things are printed.
type Options struct {
	format, color, time *flags.Enum
	noShorthand         bool
	// Now is what relative times are counted from; time.Now if nil.
	Now func() time.Time
}

// AddTo adds the flags.
func (o *Options) AddTo(set *pflag.FlagSet) {
	o.format = flags.NewEnum(Text, Text, JSON, JSONL, None)
	o.color = flags.NewEnum("auto", "auto", "always", "never")
	o.time = flags.NewEnum("relative", "relative", "iso", "raw")
	set.VarP(o.format, "output", "o", "format of what is printed to standard output: "+o.format.Choices())
	set.Var(o.color, "color", "whether text is coloured: "+o.color.Choices()+"; auto does so on a terminal unless NO_COLOR is set")
	set.Var(o.time, "time-format", "how text shows times: "+o.time.Choices())
	set.BoolVar(&o.noShorthand, "no-json-shorthand-payloads", false, "show payloads in JSON as they are on the wire, not as the JSON they hold")
}

// IsJSON reports whether JSON is asked for, indented or not.
func (o *Options) IsJSON() bool { return o.format.Value() == JSON || o.format.Value() == JSONL }

// Printer makes the printer that the flags ask for.
func (o *Options) Printer(w io.Writer) *Printer {
	p := &Printer{format: o.format.Value(), shorthand: !o.noShorthand, now: o.Now}
	if p.now == nil {
		p.now = time.Now
	}
	if p.format == None {
		w = io.Discard
	}
	p.raw = w
	if f, ok := w.(*os.File); ok && p.format == Text && term.IsTerminal(int(f.Fd())) {
		p.terminal = f
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			p.width = width
		}
	}
	styled := colorprofile.NewWriter(w, os.Environ())
	switch {
	case o.color.Value() == "never" || p.JSON():
		styled.Profile = colorprofile.NoTTY
	case o.color.Value() == "always":
		styled.Profile = max(styled.Profile, colorprofile.ANSI)
	}
	p.Color = styled.Profile
	p.w = styled
	p.time = timeFormat(o.time.Value(), p.now)
	return p
}

func timeFormat(name string, now func() time.Time) func(time.Time) string {
	switch name {
	case "iso":
		return func(t time.Time) string { return t.Format(time.RFC3339) }
	case "raw":
		return func(t time.Time) string { return t.String() }
	}
	return func(t time.Time) string { return humanize.RelTime(t, now(), "ago", "from now") }
}
