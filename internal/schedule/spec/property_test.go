package spec_test

import (
	"testing"
	"time"

	schedulepb "go.temporal.io/api/schedule/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	_ "github.com/perdure/perdure/internal/rapidseed"
	"github.com/perdure/perdure/internal/schedule/spec"
)

// matches is the definition of a match, read off a canonical specification: it
// is slow, and knows nothing of sets, periods and searches.
func matches(s *schedulepb.ScheduleSpec, zone *time.Location, u int64) bool {
	if u < s.GetStartTime().GetSeconds() || s.EndTime != nil && u > s.EndTime.GetSeconds() {
		return false
	}
	included := false
	for _, i := range s.GetInterval() {
		included = included || (u-i.GetPhase().GetSeconds())%i.GetInterval().GetSeconds() == 0
	}
	local := time.Unix(u, 0).In(zone)
	for _, c := range s.GetStructuredCalendar() {
		included = included || calendarMatches(c, local)
	}
	for _, c := range s.GetExcludeStructuredCalendar() {
		included = included && !calendarMatches(c, local)
	}
	return included
}

func calendarMatches(c *schedulepb.StructuredCalendarSpec, local time.Time) bool {
	in := func(ranges []*schedulepb.Range, n int) bool {
		for _, r := range ranges {
			n, start, step := int32(n), r.GetStart(), max(r.GetStep(), 1)
			if n == start || n > start && n <= r.GetEnd() && (n-start)%step == 0 {
				return true
			}
		}
		return false
	}
	return in(c.GetSecond(), local.Second()) && in(c.GetMinute(), local.Minute()) && in(c.GetHour(), local.Hour()) &&
		in(c.GetDayOfMonth(), local.Day()) && in(c.GetMonth(), int(local.Month())) &&
		in(c.GetDayOfWeek(), int(local.Weekday())) && (len(c.GetYear()) == 0 || in(c.GetYear(), local.Year()))
}

// transitions are zones, and times near which their clocks were changed.
var transitions = []struct{ zone, at string }{
	{"UTC", "2024-02-28T23:00:00Z"},
	{"US/Pacific", "2021-11-07T09:00:00Z"},
	{"US/Pacific", "2022-03-13T10:00:00Z"},
	{"Europe/Berlin", "2023-03-26T01:00:00Z"},
	{"Europe/Berlin", "2090-10-29T01:00:00Z"}, // by the rule, not by the table
	{"America/Sao_Paulo", "2018-11-04T03:00:00Z"},
	{"America/Sao_Paulo", "2018-02-18T02:00:00Z"},
	{"Australia/Lord_Howe", "2022-04-02T15:00:00Z"},
	{"Australia/Lord_Howe", "2022-10-01T15:30:00Z"},
	{"Asia/Kathmandu", "2022-12-31T18:15:00Z"},
	{"Africa/Casablanca", "2023-03-19T02:00:00Z"},
	{"Antarctica/Troll", "2022-03-27T01:00:00Z"}, // two hours
	{"Pacific/Apia", "2011-12-30T10:00:00Z"},     // a day
}

// drawRanges makes most fields match often, so that a day has matches.
func drawRanges(t *rapid.T, name string, lowest, highest int32) []*schedulepb.Range {
	if rapid.IntRange(0, 2).Draw(t, name+" all") > 0 {
		return []*schedulepb.Range{{Start: lowest, End: highest}}
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) *schedulepb.Range {
		r := &schedulepb.Range{Start: rapid.Int32Range(lowest, highest).Draw(t, "start")}
		if rapid.Bool().Draw(t, "range") {
			r.End = rapid.Int32Range(r.Start, highest).Draw(t, "end")
			r.Step = rapid.Int32Range(0, 7).Draw(t, "step")
		}
		return r
	}), 1, 4).Draw(t, name)
}

func drawCalendar(t *rapid.T) *schedulepb.StructuredCalendarSpec {
	c := &schedulepb.StructuredCalendarSpec{
		Second:     drawRanges(t, "second", 0, 59),
		Minute:     drawRanges(t, "minute", 0, 59),
		Hour:       drawRanges(t, "hour", 0, 23),
		DayOfMonth: drawRanges(t, "day", 1, 31),
		Month:      drawRanges(t, "month", 1, 12),
		DayOfWeek:  drawRanges(t, "weekday", 0, 6),
	}
	if rapid.IntRange(0, 4).Draw(t, "years") == 0 {
		c.Year = drawRanges(t, "year", 2000, 2100)
	}
	return c
}

func drawInterval(t *rapid.T) *schedulepb.IntervalSpec {
	every := rapid.Int64Range(1, 200_000).Draw(t, "interval")
	phase := rapid.Int64Range(0, every-1).Draw(t, "phase")
	return &schedulepb.IntervalSpec{
		Interval: durationpb.New(time.Duration(every) * time.Second),
		Phase:    durationpb.New(time.Duration(phase) * time.Second),
	}
}

func TestTheNextMatchIsTheFirstSecondThatMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		transition := rapid.SampledFrom(transitions).Draw(t, "transition")
		around, err := time.Parse(form, transition.at)
		if err != nil {
			t.Fatal(err)
		}
		zone, err := time.LoadLocation(transition.zone)
		if err != nil {
			t.Fatal(err)
		}
		after := around.Unix() + rapid.Int64Range(-2*86400, 7200).Draw(t, "after")
		s := &schedulepb.ScheduleSpec{
			TimezoneName:              transition.zone,
			StructuredCalendar:        rapid.SliceOfN(rapid.Custom(drawCalendar), 0, 3).Draw(t, "calendars"),
			ExcludeStructuredCalendar: rapid.SliceOfN(rapid.Custom(drawCalendar), 0, 3).Draw(t, "exclusions"),
			Interval:                  rapid.SliceOfN(rapid.Custom(drawInterval), 0, 2).Draw(t, "intervals"),
		}
		if rapid.IntRange(0, 3).Draw(t, "has start") == 0 {
			s.StartTime = &timestamppb.Timestamp{Seconds: after + rapid.Int64Range(-10, 86400).Draw(t, "start")}
		}
		if rapid.IntRange(0, 3).Draw(t, "has end") == 0 {
			s.EndTime = &timestamppb.Timestamp{Seconds: after + rapid.Int64Range(-10, 3*86400).Draw(t, "end")}
		}
		compiled, err := spec.Compile(s)
		if err != nil {
			t.Fatal(err)
		}

		// The window is searched second by second, for several matches in turn.
		end := after + 3*86400
		for range 5 {
			next, err := compiled.Next("", time.Unix(after, 0))
			if err != nil {
				t.Fatal(err)
			}
			want := after + 1
			for want < end && !matches(s, zone, want) {
				want++
			}
			if want == end {
				if !next.IsZero() && next.Nominal.Unix() < end {
					t.Fatalf("%v does not match", next.Nominal)
				}
				return
			}
			if next.IsZero() || next.Nominal.Unix() != want {
				t.Fatalf("after %v: got %v, want %v", time.Unix(after, 0).In(zone), next.Nominal.In(zone), time.Unix(want, 0).In(zone))
			}
			after = want
		}
	})
}
