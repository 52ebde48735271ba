package spec_test

import (
	"errors"
	"testing"
	"time"

	schedulepb "go.temporal.io/api/schedule/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/schedule/spec"
)

// examine checks what holds for all specifications: one that is accepted is
// canonical for good, and its times come one after the other.
func examine(t *testing.T, given *schedulepb.ScheduleSpec, after time.Time) {
	s, err := spec.Compile(given)
	if err != nil {
		return
	}
	again, err := spec.Compile(s.Canonical())
	if err != nil || !proto.Equal(again.Canonical(), s.Canonical()) {
		t.Fatalf("compiled again: %v, %v; before: %v", again, err, s.Canonical())
	}
	for range 10 {
		next, err := s.Next("seed", after)
		var limit *spec.SearchLimitError
		switch {
		case errors.As(err, &limit):
			if !limit.Searched.After(after) {
				t.Fatalf("searched up to %v after %v", limit.Searched, after)
			}
			return
		case err != nil:
			t.Fatal(err)
		case next.IsZero():
			return
		case !next.Nominal.After(after) || next.Actual.Before(next.Nominal) || next.Nominal.Year() > 2100:
			t.Fatalf("after %v: %v", after, next)
		}
		after = next.Actual
	}
}

func FuzzCronString(f *testing.F) {
	for _, text := range []string{
		"* * * * *", "0 0 29 2 *", "55 55,57 5 2/2 * wed-thurs *", "0 0 * jan-mar,9 7/2 2030-2040/3 # why",
		"CRON_TZ=US/Pacific 33 1-2 * * *", "TZ=Australia/Lord_Howe 15 1 * * *", "@every 5d/1h", "@every 1.5d", "@every .d",
		"@hourly", "@weekly#", "1/9223372036854775807 * * * *", "1-2-3 * * * *", "* * * * * * * *", "TZ= * * * * *", "TZ=Local @daily",
	} {
		f.Add(text, int64(1636246800))
	}
	f.Fuzz(func(t *testing.T, text string, after int64) {
		examine(t, &schedulepb.ScheduleSpec{CronString: []string{text}}, time.Unix(after, 0))
	})
}

func FuzzSpec(f *testing.F) {
	for _, text := range []string{
		`calendar {hour: "1-2" minute: "33"} timezone_name: "US/Pacific" jitter {seconds: 60}`,
		`interval {interval {seconds: 9223372036} phase {seconds: 9223372035}} jitter {seconds: 315576000000}`,
		`calendar {second: "*" minute: "*" hour: "*"} exclude_calendar {second: "*/2" minute: "*" hour: "*"} exclude_structured_calendar {second {start: -7 end: 2147483647 step: 2147483647}}`,
		`interval {interval {seconds: 1}} start_time {seconds: -9223372036854775808 nanos: -5} end_time {seconds: 9223372036854775807}`,
		`structured_calendar {year {start: 2100 end: 2100 step: 2147483647}}`,
	} {
		encoded, err := proto.Marshal(parse(f, text))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded, int64(1636246800))
	}
	for _, rule := range []string{"PST8PDT,M3.2.0,M11.1.0", "AAA-167BBB,J1/-167,J1/167", "AAA0BBB,M3.5.0,M3.5.0", "AAA0BBB,0/0,365/167"} {
		given := parse(f, `calendar {hour: "*" minute: "30"} calendar {day_of_month: "30" month: "2"}`)
		given.TimezoneData = zoneData(rule)
		encoded, err := proto.Marshal(given)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded, int64(1636246800))
	}
	f.Fuzz(func(t *testing.T, encoded []byte, after int64) {
		var given schedulepb.ScheduleSpec
		if proto.Unmarshal(encoded, &given) == nil {
			examine(t, &given, time.Unix(after, 0))
		}
	})
}
