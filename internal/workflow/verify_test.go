package workflow

import (
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

func TestEachKindOfDamageOfAWorkflowIsNamed(t *testing.T) {
	info := func(change func(*records.RunInfo)) func([]byte) []byte {
		return func(value []byte) []byte {
			x := new(records.RunInfo)
			if err := proto.Unmarshal(value, x); err != nil {
				t.Fatal(err)
			}
			change(x)
			return mustMarshal(x)
		}
	}
	state := func(change func(*records.Run)) func([]byte) []byte {
		return func(value []byte) []byte {
			x := new(records.Run)
			if err := proto.Unmarshal(value, x); err != nil {
				t.Fatal(err)
			}
			change(x)
			return mustMarshal(x)
		}
	}
	gone := func([]byte) []byte { return nil }
	for name, c := range map[string]struct {
		// record tells which of the records is damaged, by its letter: of a run, or of the chain.
		record string
		damage func([]byte) []byte
		says   string
	}{
		"another type":           {"ri", info(func(x *records.RunInfo) { x.WorkflowType = "other" }), "its info is"},
		"another attempt":        {"ri", info(func(x *records.RunInfo) { x.Attempt = 7 }), "its info is"},
		"a signal too many":      {"rs", state(func(x *records.Run) { x.SignalCount++ }), "its state is"},
		"an event too many":      {"rs", state(func(x *records.Run) { x.NextEventId++ }), "its history"},
		"another size":           {"rs", state(func(x *records.Run) { x.HistorySize++ }), "its record says"},
		"another status":         {"rs", state(func(x *records.Run) { x.Status = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED }), "has closed"},
		"no state":               {"rs", gone, "missing"},
		"no history":             {"h", gone, "its history"},
		"a history of noise":     {"h", func(value []byte) []byte { return []byte(strings.Repeat("\xff", len(value))) }, "its history"},
		"no record of the chain": {"c", gone, "the record of the chain is missing"},
		"no record of a timer":   {"rt", gone, "is missing, which the history makes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			w.decide(scheduleActivity("a"), startTimer("t", time.Hour))
			w.signal("s")
			stored, key, machine := w.records[w.key()], w.key(), w.machine
			if problems := verifyStored(t, machine, stored, key); len(problems) > 0 {
				t.Fatalf("before it is damaged: %v", problems)
			}
			damaged := 0
			for record, value := range stored {
				if kindOf(record) != c.record {
					continue
				}
				damaged++
				if value = c.damage(value); value == nil {
					delete(stored, record)
				} else {
					stored[record] = value
				}
			}
			if damaged == 0 {
				t.Fatalf("there is no record %q", c.record)
			}
			problems := verifyStored(t, machine, stored, key)
			for _, problem := range problems {
				if strings.Contains(problem, c.says) {
					return
				}
			}
			t.Errorf("none of the problems says %q: %v", c.says, problems)
		})
	}
}

// kindOf is the letter of a record, and of one of a run the letter after the run's id.
func kindOf(record string) string {
	if record[0] != 'r' {
		return record[:1]
	}
	_, rest, err := entity.DecodeString([]byte(record[1:]))
	if err != nil || len(rest) == 0 {
		return ""
	}
	return "r" + string(rest[:1])
}

// verifyStored loads and verifies the records, as package verify does.
func verifyStored(t *testing.T, machine entity.Machine, stored map[string][]byte, key entity.Key) (problems []string) {
	t.Helper()
	reader := reader(stored)
	if _, err := machine.Load(t.Context(), reader, key); err != nil {
		problems = append(problems, err.Error())
	}
	for _, err := range machine.(entity.Verifier).Verify(t.Context(), reader, key) {
		problems = append(problems, err.Error())
	}
	return problems
}
