package oversize

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

type followed struct{ occurrences int }

func (f *followed) Occurred(_ entity.Key, o []entity.Occurrence) { f.occurrences += len(o) }
func (f *followed) TimerDue(time.Duration)                       {}

func TestWhatIsLargeIsLoggedAndCountedAndTheNextObserverIsToldOfAll(t *testing.T) {
	var log bytes.Buffer
	counted, next := map[string]int{}, &followed{}
	o := &Observer{Logger: slog.New(slog.NewTextHandler(&log, nil)), Next: next,
		Count: func(namespaceID, setting string) { counted[namespaceID+" "+setting]++ }}
	o.Occurred(entity.Key{Kind: entity.KindWorkflow, Namespace: "n", ID: "w"}, []entity.Occurrence{
		{Kind: entity.WorkflowStarted, Type: "flow"},
		{Kind: entity.GrownLarge, Type: "limit.historySize.warn", Count: 11 << 20},
	})
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "setting=limit.historySize.warn namespaceId=n workflowId=w size=11534336") {
		t.Errorf("logged %q, want one line with the setting, the workflow and the size", got)
	}
	if counted["n limit.historySize.warn"] != 1 || len(counted) != 1 {
		t.Errorf("counted %v, want one of the setting", counted)
	}
	if next.occurrences != 2 {
		t.Errorf("the next observer was told of %d, want both", next.occurrences)
	}
}

func TestOfWarningsThatComeTooFastOnlyTheNumberIsTold(t *testing.T) {
	o := new(Observer)
	lines := 0
	for range linesPerSecond + 7 {
		if _, ok := o.mayTell(1); ok {
			lines++
		}
	}
	if lines != linesPerSecond {
		t.Errorf("%d lines in one second, want %d", lines, linesPerSecond)
	}
	if untold, ok := o.mayTell(2); !ok || untold != 7 {
		t.Errorf("the next second tells %t of %d more, want 7", ok, untold)
	}
	if untold, _ := o.mayTell(2); untold != 0 {
		t.Errorf("%d are told of twice", untold)
	}
}
