package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/cli/trace"
	"github.com/perdure/perdure/internal/historytext"
)

func newShow(g *command.Group) *cobra.Command {
	var e flags.Execution
	var follow, detailed bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the history of a workflow",
		Long: `Show the history of a workflow: a line for each event, with how long after the start
it happened. --follow goes on until the workflow closes.

With --output json it is the history as a replayer reads it.`,
		Example: `  perdure workflow show order-17
  perdure workflow show order-17 --follow

  # For a test that replays it
  perdure workflow show order-17 --output json > order-17.json`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			h := history{session: s, workflowID: e.WorkflowID, runID: e.RunID, follow: follow, detailed: detailed}
			if s.Out.JSON() {
				return h.printJSON(ctx)
			}
			if err := h.print(ctx); err != nil {
				return err
			}
			if h.closing != nil {
				s.Out.Printf("")
				showResult(s, h.closing, 0)
			}
			return nil
		}),
	}
	e.AddTo(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the workflow closes")
	cmd.Flags().BoolVar(&detailed, "detailed", false, "show all fields of events")
	return cmd
}

// history prints the events of a workflow, and of the runs that continue it.
type history struct {
	session           *command.Session
	workflowID, runID string
	follow, detailed  bool

	closing *historypb.HistoryEvent // the event that closes the last run, if it was seen
	began   time.Time               // the first event
	table   *output.Table
	page    [][]any
}

func (h *history) printJSON(ctx context.Context) error {
	events := &historypb.History{Events: []*historypb.HistoryEvent{}}
	if _, err := h.run(ctx, func(event *historypb.HistoryEvent) error {
		events.Events = append(events.Events, event)
		return nil
	}); err != nil {
		return err
	}
	return h.session.Out.Wire(events)
}

func (h *history) print(ctx context.Context) error {
	show := h.line
	if h.detailed {
		show = h.section
	}
	typeWidth := 0
	if h.follow {
		typeWidth = 32 // as wide as most; what is still to come is not known
	}
	for {
		h.table = h.session.Out.Table(
			output.Column{Name: "ID", Right: true, Width: 4},
			output.Column{Name: "Time", Width: 8},
			output.Column{Name: "Type", Width: typeWidth},
			output.Column{Name: "About", Shrinks: true},
		)
		last, err := h.run(ctx, show)
		h.flush()
		if err != nil {
			return err
		}
		next := trace.NextRun(last)
		if next == "" {
			return nil
		}
		h.session.Out.Printf("")
		h.session.Out.Printf("Goes on in run %s:", next)
		h.runID, h.closing = next, nil
	}
}

// run shows the events of one run and returns the last.
func (h *history) run(ctx context.Context, show func(*historypb.HistoryEvent) error) (*historypb.HistoryEvent, error) {
	var last *historypb.HistoryEvent
	iter := h.session.GetWorkflowHistory(ctx, h.workflowID, h.runID, h.follow, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		event, err := iter.Next()
		if err != nil {
			return nil, fmt.Errorf("reading the history: %w", err)
		}
		if h.began.IsZero() {
			h.session.Out.Heading("Progress:")
			h.began = event.GetEventTime().AsTime()
		}
		if closes(event) {
			h.closing = event
		}
		if err := show(event); err != nil {
			return nil, err
		}
		last = event
	}
	return last, nil
}

// line shows an event as a line of the table: at once if it follows the workflow, else
// with the others, so that columns are as wide as all of them need.
func (h *history) line(event *historypb.HistoryEvent) error {
	h.page = append(h.page, []any{event.GetEventId(), h.since(event), output.Event(event.GetEventType()), historytext.About(event)})
	if h.follow || len(h.page) == 1000 {
		h.flush()
	}
	return nil
}

func (h *history) flush() {
	if h.table != nil {
		h.table.Rows(h.page...)
	}
	h.page = nil
}

// since is how long after the first event one happened.
func (h *history) since(event *historypb.HistoryEvent) string {
	d := event.GetEventTime().AsTime().Sub(h.began)
	if d < time.Second {
		d = d.Round(time.Millisecond)
	} else {
		d = d.Round(10 * time.Millisecond)
	}
	return output.Duration(d)
}

// section shows all fields of an event.
func (h *history) section(event *historypb.HistoryEvent) error {
	out := h.session.Out
	if event.GetEventTime().AsTime() != h.began {
		out.Printf("")
	}
	out.Printf("%d  %s", event.GetEventId(), output.Event(event.GetEventType()))
	encoded, err := out.Marshal(event)
	if err != nil {
		return err
	}
	fields, err := flattened(encoded)
	if err != nil {
		return err
	}
	out.Card(fields...)
	return nil
}

// flattened are the fields of an event, those of its attributes among them, with names
// like input[0] and workflowType.name.
func flattened(event []byte) ([]output.Field, error) {
	decoder := json.NewDecoder(bytes.NewReader(event))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	delete(object, "eventId")
	delete(object, "eventType")
	for name, value := range maps.Clone(object) {
		if attributes, ok := value.(map[string]any); ok && strings.HasSuffix(name, "Attributes") {
			delete(object, name)
			maps.Copy(object, attributes)
		}
	}
	var fields []output.Field
	var flatten func(name string, value any)
	flatten = func(name string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(value)) {
				flatten(strings.TrimPrefix(name+"."+key, "."), value[key])
			}
		case []any:
			for i, element := range value {
				flatten(fmt.Sprintf("%s[%d]", name, i), element)
			}
		default:
			fields = append(fields, output.F(name, fmt.Sprint(value)))
		}
	}
	flatten("", object)
	return fields, nil
}

// closes reports whether an event closes its run.
func closes(event *historypb.HistoryEvent) bool {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return true
	}
	return false
}
