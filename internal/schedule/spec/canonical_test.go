package spec_test

import (
	"strings"
	"testing"
	"time"

	schedulepb "go.temporal.io/api/schedule/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/schedule/spec"
)

// parse reads a specification written as prototext.
func parse(t testing.TB, text string) *schedulepb.ScheduleSpec {
	t.Helper()
	var s schedulepb.ScheduleSpec
	if err := prototext.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func compile(t testing.TB, text string) *spec.Spec {
	t.Helper()
	s, err := spec.Compile(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	allDays  = ` day_of_month {start: 1 end: 31} month {start: 1 end: 12} day_of_week {end: 6} `
	midnight = ` second {} minute {} hour {} `
)

func TestTheCanonicalFormHasOnlyRangesAndIntervals(t *testing.T) {
	for _, c := range []struct{ name, spec, canonical string }{
		{"nothing", ``, ``},
		{"an empty calendar is midnight", `calendar {}`,
			`structured_calendar {` + midnight + allDays + `}`},
		{"lists, steps and comments", `calendar {minute: "5,9" hour: "*/2" comment: "why"}`,
			`structured_calendar {second {} minute {start: 5} minute {start: 9} hour {end: 23 step: 2}` + allDays + `comment: "why"}`},
		{"a value with a step goes on to the end", `calendar {day_of_month: "2/2"}`,
			`structured_calendar {` + midnight + `day_of_month {start: 2 end: 31 step: 2} month {start: 1 end: 12} day_of_week {end: 6}}`},
		{"beginnings of names", `calendar {month: "JAN-Mar,sept" day_of_week: "wed-thurs"}`,
			`structured_calendar {` + midnight + `day_of_month {start: 1 end: 31} month {start: 1 end: 3} month {start: 9} day_of_week {start: 3 end: 4}}`},
		{"all years are no ranges, some are some", `calendar {year: "*"} calendar {year: "2030/5"}`,
			`structured_calendar {` + midnight + allDays + `}
			 structured_calendar {` + midnight + allDays + `year {start: 2030 end: 2100 step: 5}}`},
		{"structured calendars come first and stay as they are", `calendar {} structured_calendar {second {start: 1 end: 1 step: 1}}`,
			`structured_calendar {second {start: 1 end: 1 step: 1}} structured_calendar {` + midnight + allDays + `}`},
		{"exclusions", `exclude_calendar {hour: "3"} exclude_structured_calendar {hour {start: 99}}`,
			`exclude_structured_calendar {hour {start: 99}} exclude_structured_calendar {second {} minute {} hour {start: 3}` + allDays + `}`},
		{"five cron fields", `cron_string: "23 5,7 * * *"`,
			`structured_calendar {second {} minute {start: 23} hour {start: 5} hour {start: 7}` + allDays + `}`},
		{"six cron fields", `cron_string: "0 0 * * * 2040"`,
			`structured_calendar {` + midnight + allDays + `year {start: 2040}}`},
		{"seven cron fields, a zone and a comment", `cron_string: " CRON_TZ=US/Pacific 55 0 0 * * * *  # explanation "`,
			`structured_calendar {second {start: 55} minute {} hour {}` + allDays + `comment: "explanation"} timezone_name: "US/Pacific"`},
		{"cron strings and the specification agree about the zone", `cron_string: "TZ=Europe/London @daily" timezone_name: "Europe/London"`,
			`structured_calendar {` + midnight + allDays + `} timezone_name: "Europe/London"`},
		{"a cron string without a zone leaves the specification's", `cron_string: "@midnight" timezone_name: "Europe/London"`,
			`structured_calendar {` + midnight + allDays + `} timezone_name: "Europe/London"`},
		{"@yearly", `cron_string: "@yearly"`,
			`structured_calendar {` + midnight + `day_of_month {start: 1} month {start: 1} day_of_week {end: 6}}`},
		{"@monthly", `cron_string: "@monthly"`,
			`structured_calendar {` + midnight + `day_of_month {start: 1} month {start: 1 end: 12} day_of_week {end: 6}}`},
		{"@weekly", `cron_string: "@weekly"`,
			`structured_calendar {` + midnight + `day_of_month {start: 1 end: 31} month {start: 1 end: 12} day_of_week {}}`},
		{"@hourly", `cron_string: "@hourly"`,
			`structured_calendar {second {} minute {} hour {end: 23}` + allDays + `}`},
		{"@every", `cron_string: "@every 43h"`, `interval {interval {seconds: 154800}}`},
		{"@every with days and a phase", `cron_string: "@every 1.5d/45m"`,
			`interval {interval {seconds: 129600} phase {seconds: 2700}}`},
		{"@every drops its zone", `cron_string: "TZ=Europe/London @every 1m"`, `interval {interval {seconds: 60}}`},
		{"bounds and jitter stay", `start_time {seconds: 5 nanos: 1} end_time {seconds: 9} jitter {seconds: 2}`,
			`start_time {seconds: 5 nanos: 1} end_time {seconds: 9} jitter {seconds: 2}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, want := compile(t, c.spec), parse(t, c.canonical)
			if got := s.Canonical(); !proto.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			again, err := spec.Compile(s.Canonical())
			if err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(again.Canonical(), s.Canonical()) {
				t.Errorf("compiled again: %v", again.Canonical())
			}
		})
	}
}

func TestSundayIsSevenTooButZeroInTheCanonicalForm(t *testing.T) {
	for text, ranges := range map[string]string{
		"7":     `day_of_week {}`,
		"0-7":   `day_of_week {end: 6}`,
		"1-7":   `day_of_week {start: 1 end: 6}`,
		"3-7":   `day_of_week {} day_of_week {start: 3 end: 6}`,
		"3-7/3": `day_of_week {start: 3 end: 6 step: 3}`,
		"1-7/2": `day_of_week {} day_of_week {start: 1 end: 6 step: 2}`,
		"6-7/2": `day_of_week {start: 6 step: 2}`,
		"7/2":   `day_of_week {}`,
		"sun":   `day_of_week {}`,
	} {
		t.Run(text, func(t *testing.T) {
			got := compile(t, `calendar {day_of_week: "`+text+`"}`).Canonical().GetStructuredCalendar()[0].GetDayOfWeek()
			want := parse(t, `structured_calendar {`+ranges+`}`).GetStructuredCalendar()[0].GetDayOfWeek()
			if len(got) != len(want) {
				t.Fatalf("got %v, want %v", got, want)
			}
			for i := range got {
				if !proto.Equal(got[i], want[i]) {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		})
	}
}

func TestWhatIsWrongIsSaidInTheWordsOfATemporalServer(t *testing.T) {
	for _, c := range []struct{ spec, err string }{
		{`calendar {second: "60"}`, "Second is not in range [0-59]"},
		{`calendar {hour: "x" minute: "5-3"}`, "Minute End is before Start or not in range [0-59], Hour is not in range [0-23]"},
		{`calendar {hour: "30-31"}`, "Hour Start is not in range [0-23]"},
		{`calendar {hour: "1, 2"}`, "Hour is not in range [0-23]"},
		{`calendar {hour: "1-2-3"}`, "Hour has too many dashes"},
		{`calendar {hour: "1/2/3"}`, "Hour has too many slashes"},
		{`calendar {hour: "1/"}`, "Hour missing step value"},
		{`calendar {hour: "1/0"}`, "Hour has invalid Step"},
		{`calendar {hour: "1/99999999999"}`, "Hour has invalid Step"},
		{`calendar {hour: "1/x"}`, `strconv.Atoi: parsing "x": invalid syntax`},
		{`calendar {hour: "?"}`, "Hour is not in range [0-23]"},
		{`calendar {day_of_week: "8"}`, "DayOfWeek is not in range [0-7]"},
		{`calendar {day_of_week: "sat-sun"}`, "DayOfWeek End is before Start or not in range [0-7]"},
		{`calendar {month: "ja"}`, "Month is not in range [1-12]"},
		{`exclude_calendar {year: "1999"}`, "Year is not in range [2000-2100]"},
		{`cron_string: "* * * *"`, "CronString does not have 5-7 fields"},
		{`cron_string: "* * * * * * * *"`, "CronString does not have 5-7 fields"},
		{`cron_string: "@never"`, "CronString does not have 5-7 fields"},
		{`cron_string: "TZ=UTC"`, "CronString has time zone but missing fields"},
		{`cron_string: "@every"`, "CronString does not have interval after @every"},
		{`cron_string: "@every soon"`, `time: invalid duration "soon"`},
		{`cron_string: "@every 1h/soon"`, `time: invalid duration "soon"`},
		{`cron_string: "@every 1ms"`, "interval is too small"},
		{`cron_string: "TZ=UTC @daily" cron_string: "@daily"`, "conflicting timezone names"},
		{`cron_string: "@daily" cron_string: "TZ=UTC @daily"`, "conflicting timezone names"},
		{`cron_string: "TZ=UTC @daily" timezone_name: "Europe/London"`, "conflicting timezone names"},
		{`cron_string: "TZ=UTC @daily" timezone_data: "x"`, "conflicting timezone names"},
		{`structured_calendar {second {start: 100}}`, "invalid calendar spec: Second Start is not in range [0-59]"},
		{`structured_calendar {minute {start: 30 end: 60} hour {step: -3}}`,
			"invalid calendar spec: Minute End is before Start or not in range [0-59], Hour has invalid Step"},
		{`structured_calendar {day_of_month {} month {} year {}}`,
			"invalid calendar spec: DayOfMonth Start is not in range [1-31], Month Start is not in range [1-12], Year Start is not in range [2000-2100]"},
		{`structured_calendar {day_of_week {start: 7}}`, "invalid calendar spec: DayOfWeek Start is not in range [0-6]"},
		{`calendar {comment: "` + strings.Repeat("x", 201) + `"}`, "invalid calendar spec: comment is too long"},
		{`interval {}`, "interval is too small"},
		{`interval {interval {seconds: -60}}`, "interval is too small"},
		{`interval {interval {seconds: 60} phase {seconds: -1}}`, "phase is negative"},
		{`interval {interval {seconds: 60} phase {seconds: 60}}`, "phase cannot be greater than Interval"},
		{`timezone_name: "Europe/Atlantis"`, "unknown time zone Europe/Atlantis"},
		{`timezone_name: "../etc/passwd"`, "time: invalid location name"},
		{`timezone_data: "TZif?"`, "malformed time zone information"},
		{`timezone_data: "` + strings.Repeat("x", 1<<17) + `"`, "malformed time zone information"},
	} {
		t.Run(c.err, func(t *testing.T) {
			_, err := spec.Compile(parse(t, c.spec))
			if err == nil || err.Error() != c.err {
				t.Errorf("%.200s\ngot  %v\nwant %v", c.spec, err, c.err)
			}
		})
	}
}

func TestDurationsThatAreNoneAreRefused(t *testing.T) {
	for _, c := range []struct{ spec, prefix string }{
		{`interval {interval {seconds: 60 nanos: -1}}`, "interval is not a valid duration: "},
		{`interval {interval {seconds: 60} phase {nanos: 2000000000}}`, "phase is not a valid duration: "},
	} {
		_, err := spec.Compile(parse(t, c.spec))
		if err == nil || !strings.HasPrefix(err.Error(), c.prefix) {
			t.Errorf("%s: got %v", c.spec, err)
		}
	}
}

func TestMissingPartsAreEmptyOnes(t *testing.T) {
	if s, err := spec.Compile(nil); err != nil || !proto.Equal(s.Canonical(), &schedulepb.ScheduleSpec{}) {
		t.Errorf("no specification: %v, %v", s, err)
	}
	s, err := spec.Compile(&schedulepb.ScheduleSpec{
		Calendar:           []*schedulepb.CalendarSpec{nil},
		StructuredCalendar: []*schedulepb.StructuredCalendarSpec{nil, {Hour: []*schedulepb.Range{nil}}},
	})
	want := parse(t, `structured_calendar {} structured_calendar {hour {}} structured_calendar {`+midnight+allDays+`}`)
	if err != nil || !proto.Equal(s.Canonical(), want) {
		t.Errorf("got %v, %v", s.Canonical(), err)
	}
	if _, err := spec.Compile(&schedulepb.ScheduleSpec{Interval: []*schedulepb.IntervalSpec{nil}}); err == nil || err.Error() != "interval is too small" {
		t.Errorf("no interval: %v", err)
	}
}

func TestCompilingLeavesItsArgumentAlone(t *testing.T) {
	given := parse(t, `calendar {hour: "1"} cron_string: "TZ=UTC @daily"`)
	before := proto.CloneOf(given)
	s, err := spec.Compile(given)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(given, before) {
		t.Errorf("now %v", given)
	}
	given.Jitter = durationpb.New(time.Hour)
	if s.Canonical().GetJitter() != nil {
		t.Error("the compiled specification shares its argument")
	}
}

func TestDefaultsOfRangesAreWrittenOut(t *testing.T) {
	s := parse(t, `structured_calendar {hour {start: 5} hour {start: 1 end: 9 step: 2}} exclude_structured_calendar {year {start: 2030}}`)
	spec.FillDefaults(s)
	want := parse(t, `structured_calendar {hour {start: 5 end: 5 step: 1} hour {start: 1 end: 9 step: 2}}
		exclude_structured_calendar {year {start: 2030 end: 2030 step: 1}}`)
	if !proto.Equal(s, want) {
		t.Errorf("got %v", s)
	}
}
