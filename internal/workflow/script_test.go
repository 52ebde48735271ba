package workflow

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
)

// TestScripts runs the scripts in testdata: conversations of clients, workers and
// the clock with workflows, and what follows from each line. testdata/README.md is
// the manual of their language. With -rewrite the scripts are given the outputs
// that there are; look at the difference before you commit it.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	shown := make(map[enumspb.EventType]bool)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			var current *script
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				if current == nil || current.engine.t != t {
					current = newScript(t, shown) // every subtest begins with nothing
				}
				return current.run(t, d)
			})
		})
	}
	if strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		return // not all of them were run
	}
	for eventType, inFull := range shown {
		if !inFull {
			t.Errorf("no script shows every field of a %v: use the directive event", eventType)
		}
	}
}

func TestManualHasEveryWordOfTheScripts(t *testing.T) {
	manual, err := os.ReadFile("testdata/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for word := range directives() {
		if !strings.Contains(string(manual), "\n`"+word) {
			t.Errorf("the manual does not tell of %s", word)
		}
	}
	for word := range commandWords {
		if !strings.Contains(string(manual), "\n`"+word) {
			t.Errorf("the manual does not tell of the command %s", word)
		}
	}
}

// script is one conversation.
type script struct {
	*engine
	data *datadriven.TestData
	out  []string
	// shown is the time of which out tells.
	shown time.Time

	// What clients and workers have in hand, by the names they have given it.
	workflowTasks map[string]*workflowTask
	nexusTasks    map[string]*entity.Task
	activities    map[string]*activityTask
	queries       map[string]string // ids
	messages      map[string]envelope
	reply         proto.Message         // the last one
	said          []*protocolpb.Message // with the commands of the completion being read

	// inFull are the types of all events there have been, and whether one was shown
	// with every field.
	inFull map[enumspb.EventType]bool

	runLabels map[string]string // by run id: "w" for the first run, "w/2" for the second
	runs      map[string]int    // how many a workflow has had
}

func newScript(t *testing.T, inFull map[enumspb.EventType]bool) *script {
	s := &script{
		engine:        newEngine(t),
		inFull:        inFull,
		shown:         testEpoch,
		workflowTasks: make(map[string]*workflowTask),
		nexusTasks:    make(map[string]*entity.Task),
		activities:    make(map[string]*activityTask),
		queries:       make(map[string]string),
		messages:      make(map[string]envelope),
		runLabels:     make(map[string]string),
		runs:          make(map[string]int),
	}
	s.powerCuts = true
	s.config.CheckSearchAttributes = checkTestAttributes
	s.machine = NewMachine(s.config)
	s.watch = s.tell
	return s
}

// run carries out one directive and returns what has come of it.
func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	directive := directives()[d.Cmd]
	if directive == nil {
		d.Fatalf(t, "there is no directive %q", d.Cmd)
	}
	s.out, s.data = nil, d
	a := parseWords(d.CmdArgs)
	quietly := a.is("quietly")
	s.perform(directive, &a)
	if len(s.out) == 0 || quietly {
		return "ok"
	}
	return strings.Join(s.out, "\n")
}

// perform carries out a directive, which must take all words of its line.
func (s *script) perform(directive func(*script, *words), w *words) {
	s.t.Helper()
	directive(s, w)
	if len(w.words) > 0 || len(w.fields) > 0 {
		s.fatalf("not understood: %v %v", w.words, w.fields)
	}
}

func (s *script) say(format string, args ...any) {
	s.out = append(s.out, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

// sayError tells how a call was refused.
func (s *script) sayError(err error) {
	if err != nil {
		s.say("refused: %s", s.errorText(err))
	}
}

// errorText is the kind of an error and its text.
func (s *script) errorText(err error) string {
	var service serviceerror.ServiceError
	switch {
	case errors.Is(err, entity.ErrStaleTask):
		return "stale task"
	case errors.As(err, &service):
		return fmt.Sprintf("%s: %s", strings.TrimPrefix(fmt.Sprintf("%T", service), "*serviceerror."), s.labelled(err.Error()))
	}
	return s.labelled(err.Error())
}

// sayReply tells the fields of a reply that are not as usual.
func (s *script) sayReply(what string, reply proto.Message, leaveOut ...string) {
	s.reply = reply
	if text := s.brief(reply.ProtoReflect(), leaveOut...); text != "" {
		s.say("%s: %s", what, text)
	}
}

// fatalf ends a script that makes no sense.
func (s *script) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s: %s: %s", s.data.Pos, s.data.FullCmd(), fmt.Sprintf(format, args...))
}

// tell tells what a step of a workflow has brought about.
func (s *script) tell(key entity.Key, out *entity.Outputs) {
	before := len(s.out)
	s.tellEvents(key, out.Records)
	for _, task := range out.Tasks {
		s.say("%s + %s", key.ID, taskText(task))
	}
	removed := slices.Clone(out.Removed)
	slices.SortFunc(removed, func(a, b entity.TaskRef) int { return int(a.ID - b.ID) })
	for _, ref := range removed {
		s.say("%s - %s", key.ID, taskTypeText(ref.Queue))
	}
	s.tellTimers(key, out.Timers)
	for _, m := range out.Messages {
		s.say("%s -> %s %s", key.ID, m.To.ID, messageName(m.Body))
	}
	if out.Lazy {
		s.say("(lazily)")
	}
	if len(s.out) > before && !s.now.Equal(s.shown) {
		s.out = slices.Insert(s.out, before, fmt.Sprintf("at %s", offset(s.now)))
		s.shown = s.now
	}
}

// tellEvents tells the events that are added, those of a new run after those of the
// old one.
func (s *script) tellEvents(key entity.Key, records []entity.Record) {
	current := s.workflow(key.ID).runID()
	var latest []*historypb.HistoryEvent
	var before []string
	for _, r := range records {
		runID, events := decodeBatch(r)
		for _, event := range events {
			if _, known := s.inFull[event.EventType]; !known {
				s.inFull[event.EventType] = false
			}
		}
		if runID == current {
			latest = append(latest, events...)
		} else if len(events) > 0 {
			before = append(before, runID)
		}
	}
	for _, runID := range before {
		s.labelRun(key.ID, runID)
	}
	if len(latest) > 0 {
		s.labelRun(key.ID, current)
	}
	for _, r := range records {
		if runID, events := decodeBatch(r); runID != current {
			for _, event := range events {
				s.say("%s", s.event(s.runLabels[runID], event))
			}
		}
	}
	for _, event := range latest {
		s.say("%s", s.event(s.runLabels[current], event))
	}
}

// tellTimers tells how durable timers have moved.
func (s *script) tellTimers(key entity.Key, timers []entity.Timer) {
	for i, timer := range timers {
		label := s.timerLabel(key, timer.Name)
		if !timer.Clear {
			s.say("%s timer %s", label, offset(timer.At))
		} else if !slices.ContainsFunc(timers[i:], func(t entity.Timer) bool { return !t.Clear && string(t.Name) == string(timer.Name) }) {
			s.say("%s timer off", label)
		}
	}
}

func (s *script) timerLabel(key entity.Key, name []byte) string {
	if isRetentionTimer(name) {
		return key.ID + " retention"
	}
	return s.labelRun(key.ID, string(name))
}

// labelRun is what a run is called in scripts.
func (s *script) labelRun(workflowID, runID string) string {
	if s.runLabels[runID] == "" {
		s.runs[workflowID]++
		label := workflowID
		if n := s.runs[workflowID]; n > 1 {
			label = fmt.Sprintf("%s/%d", workflowID, n)
		}
		s.runLabels[runID] = label
	}
	return s.runLabels[runID]
}

// runOf is the id of the run with the label.
func (s *script) runOf(label string) string {
	for runID, l := range s.runLabels {
		if l == label {
			return runID
		}
	}
	s.fatalf("there is no run %s", label)
	return ""
}

func taskTypeText(q entity.Queue) string {
	kind := "workflow task"
	switch {
	case q == nexus.Queue:
		return "nexus call"
	case q.Type == entity.TaskActivity:
		kind = "activity task"
	}
	if q.Name != testQueue {
		kind += " on " + q.Name
	}
	return kind
}

func taskText(t *entity.Task) string {
	text := taskTypeText(t.Queue)
	if t.Queue.Type != entity.TaskWorkflow {
		text += fmt.Sprintf(" of %d", t.EventID)
	}
	if t.Sticky != "" {
		text += ", " + t.Sticky
	}
	if t.Lane != "" {
		text += ", lane " + t.Lane
	}
	if t.Weight != 0 {
		text += fmt.Sprintf(", weight %v", t.Weight)
	}
	return text
}

// offset is a time as the time since the engine's clock began.
func offset(t time.Time) string { return "+" + t.Sub(testEpoch).String() }
