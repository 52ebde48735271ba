package spec_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	schedulepb "go.temporal.io/api/schedule/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/schedule/spec"
)

// recordedFile is what a Temporal server makes of the specifications in specs.txt, as
// test/peer/schedulespecs has recorded it: under each specification either what it is refused
// with; or a hash of its canonical form, and for some times on how often it acts in the ten
// years after (up to a limit), a hash of all nominal times, and the first two and the last of them.
const recordedFile = "testdata/recorded.txt"

func TestSpecificationsMeanWhatTheyMeanToATemporalServer(t *testing.T) {
	data, err := os.ReadFile(recordedFile)
	if err != nil {
		t.Fatal(err)
	}
	n, differing := 0, 0
	for block := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		text, recorded, _ := strings.Cut(block, "\n")
		got, reason := understood(t, text), differences[text]
		n++
		switch {
		case reason != "":
			if differing++; got == recorded {
				t.Errorf("%s\ndoes not differ any more: %s", text, reason)
			}
		case got != recorded:
			t.Errorf("%s\n got\n%s\nwant\n%s", text, got, recorded)
		}
	}
	if n < 200 || differing != len(differences) {
		t.Errorf("%d specifications are recorded, %d of which differ; want 200 at least, and %d", n, differing, len(differences))
	}
}

// What a Temporal server does that cannot be meant.
const (
	turnedBack = "a time of the hour that occurs twice when clocks are turned back is found twice only west of Greenwich; east of it, the time after it is found instead, or neither"
	farPhase   = "the first time of an interval is passed over if its phase is in the future"
)

// differences are the specifications that mean something else there, and why.
var differences = map[string]string{
	`cron_string: "TZ=Europe/Berlin 30 2 * * *"`:                            turnedBack,
	`cron_string: "30 1 * * *" timezone_name: "Europe/Berlin"`:              turnedBack,
	`calendar {hour: "2" minute: "*/15"} timezone_name: "Europe/Berlin"`:    turnedBack,
	`cron_string: "30 1 * * *" timezone_name: "Australia/Lord_Howe"`:        turnedBack,
	`calendar {hour: "2" minute: "*/15"} timezone_name: "Pacific/Chatham"`:  turnedBack,
	`cron_string: "30 1 * * *" timezone_name: "Antarctica/Troll"`:           turnedBack,
	`calendar {hour: "2" minute: "*/15"} timezone_name: "Antarctica/Troll"`: turnedBack,
	`cron_string: "30 1 * * *" timezone_name: "Europe/Dublin"`:              turnedBack,
	`interval {interval {seconds: 3155760000} phase {seconds: 1893456000}}`: farPhase,
	`structured_calendar {second {} minute {} hour {start: 2 end: 22 step: 3} day_of_month {start: 1 end: 31} month {start: 5 end: 12 step: 0} month {start: 1 end: 6 step: 3} day_of_week {start: 0 end: 3 step: 3} day_of_week {start: 5 end: 6 step: 1} year {start: 2027 end: 2030 step: 1}} timezone_name: "Pacific/Chatham"`: turnedBack,
}

// understood is what the file says of a specification, as it is understood here.
func understood(t *testing.T, text string) string {
	parsed := new(schedulepb.ScheduleSpec)
	if err := prototext.Unmarshal([]byte(text), parsed); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	compiled, err := spec.Compile(parsed)
	if err != nil {
		return fmt.Sprintf("\trefused %q", fmt.Sprint(err))
	}
	canonical, err := proto.MarshalOptions{Deterministic: true}.Marshal(compiled.Canonical())
	if err != nil {
		t.Fatal(err)
	}
	says := fmt.Sprintf("\tcanonical %.8x", sha256.Sum256(canonical))
	for _, w := range []struct {
		from string
		most int
	}{{"2025-01-01T00:00:00Z", 3000}, {"2028-03-11T00:00:00Z", 500}, {"2031-10-25T00:00:00Z", 500}} {
		says += "\n" + acts(t, compiled, w.from, w.most)
	}
	return says
}

// acts is what the file says of the times from one on.
func acts(t *testing.T, s *spec.Spec, from string, most int) string {
	after := at(t, from)
	end := after.AddDate(10, 0, 0)
	all := sha256.New()
	var shown []string
	n := 0
	for ; n < most; n++ {
		next, err := s.Next("seed", after)
		if err != nil {
			return fmt.Sprintf("\tfrom %s %d times, then %v", from, n, err)
		}
		if next.IsZero() || next.Nominal.After(end) {
			break
		}
		_ = binary.Write(all, binary.BigEndian, next.Nominal.Unix())
		after = next.Nominal
		shown = append(shown[:min(len(shown), 2)], after.UTC().Format(form))
	}
	return "\t" + strings.TrimSpace(fmt.Sprintf("from %s %d times %.8x %s", from, n, all.Sum(nil), strings.Join(shown, " ")))
}
