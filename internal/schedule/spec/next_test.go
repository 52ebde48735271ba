package spec_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/schedule/spec"
)

const form = "2006-01-02T15:04:05Z07:00"

func at(t testing.TB, text string) time.Time {
	t.Helper()
	when, err := time.Parse(form, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// nominals are the next n nominal times after one.
func nominals(t testing.TB, s *spec.Spec, after time.Time, n int) []string {
	t.Helper()
	var times []string
	for range n {
		next, err := s.Next("", after)
		if err != nil {
			t.Fatal(err)
		}
		if next.IsZero() {
			return append(times, "never")
		}
		after = next.Nominal
		times = append(times, after.Format(form))
	}
	return times
}

func TestTheNextTimesThatMatch(t *testing.T) {
	for _, c := range []struct {
		name, spec, after string
		times             []string
	}{
		{"nothing never matches", ``, "2022-03-23T00:00:00Z", []string{"never"}},
		{"an interval counts from the epoch", `interval {interval {seconds: 5400}}`, "2022-03-23T12:53:02Z",
			[]string{"2022-03-23T13:30:00Z", "2022-03-23T15:00:00Z"}},
		{"a phase shifts an interval", `interval {interval {seconds: 5400} phase {seconds: 344}}`, "2022-03-23T12:53:02Z",
			[]string{"2022-03-23T13:35:44Z", "2022-03-23T15:05:44Z"}},
		{"fractions of an interval are cut off", `interval {interval {seconds: 2 nanos: 900000000} phase {seconds: 1 nanos: 999999999}}`, "2022-03-23T00:00:00Z",
			[]string{"2022-03-23T00:00:01Z", "2022-03-23T00:00:03Z"}},
		{"an interval longer than the time since the epoch", `interval {interval {seconds: 3155760000} phase {seconds: 1893456000}}`, "2022-03-23T00:00:00Z",
			[]string{"2030-01-01T00:00:00Z", "never"}},
		{"a match is not after itself", `calendar {hour: "5"}`, "2022-03-23T05:00:00Z", []string{"2022-03-24T05:00:00Z"}},
		{"calendars and intervals together", `calendar {hour: "11,13" minute: "55"} interval {interval {seconds: 5400} phase {seconds: 420}}`, "2022-03-23T10:00:00Z",
			[]string{"2022-03-23T10:37:00Z", "2022-03-23T11:55:00Z", "2022-03-23T12:07:00Z", "2022-03-23T13:37:00Z", "2022-03-23T13:55:00Z"}},
		{"what two calendars match is one time", `calendar {hour: "5"} calendar {hour: "5-6"}`, "2022-03-23T00:00:00Z",
			[]string{"2022-03-23T05:00:00Z", "2022-03-23T06:00:00Z"}},
		{"day of month and day of week both have to match", `cron_string: "0 12 13 * fri"`, "2022-06-01T00:00:00Z",
			[]string{"2023-01-13T12:00:00Z", "2023-10-13T12:00:00Z"}},
		{"leap days", `calendar {month: "2" day_of_month: "29"}`, "2095-01-01T00:00:00Z", []string{"2096-02-29T00:00:00Z", "never"}},
		{"the last second of all", `calendar {second: "59" minute: "59" hour: "23" month: "12" day_of_month: "31"}`, "2099-12-31T00:00:00Z",
			[]string{"2099-12-31T23:59:59Z", "2100-12-31T23:59:59Z", "never"}},
		{"a year that has passed", `calendar {year: "2020"}`, "2022-01-01T00:00:00Z", []string{"never"}},
		{"a field without ranges never matches", `structured_calendar {minute {} hour {}` + allDays + `}`, "2022-01-01T00:00:00Z", []string{"never"}},
		{"time is that of the zone", `calendar {hour: "9"} timezone_name: "Asia/Kolkata"`, "2022-01-01T00:00:00Z", []string{"2022-01-01T03:30:00Z"}},
		{"start and end are included", `interval {interval {seconds: 60}} start_time {seconds: 1640995200} end_time {seconds: 1640995260 nanos: 5}`, "2020-01-01T00:00:00Z",
			[]string{"2022-01-01T00:00:00Z", "2022-01-01T00:01:00Z", "never"}},
		{"without a start it begins with the epoch", `interval {interval {seconds: 60}}`, "1950-01-01T00:00:00Z", []string{"1970-01-01T00:00:00Z"}},
		{"bounds outside of all time", `calendar {} start_time {seconds: -9223372036854775808} end_time {seconds: 9223372036854775807 nanos: 2147483647}`,
			"2022-01-01T00:00:00Z", []string{"2022-01-02T00:00:00Z"}},
		{"excluded hours", `interval {interval {seconds: 5400}} exclude_calendar {hour: "12-14" minute: "*" second: "*"}`, "2022-03-23T09:00:00Z",
			[]string{"2022-03-23T10:30:00Z", "2022-03-23T15:00:00Z"}},
		{"an exclusion of what does not exist excludes nothing", `calendar {} exclude_structured_calendar {second {start: 64} minute {start: -5 step: -1} hour {start: 24} ` + allDays + `}`,
			"2022-03-23T09:00:00Z", []string{"2022-03-24T00:00:00Z"}},
		{"exclusions may reach over the ends of fields", `interval {interval {seconds: 5400}} exclude_structured_calendar {second {end: 99} minute {end: 99} hour {start: -1 end: 99 step: 1} day_of_month {end: 30} month {end: 2147483647} day_of_week {start: -2147483648 end: 9}}`,
			"2022-03-23T09:00:00Z", []string{"2022-03-31T00:00:00Z"}},

		// Clocks in US/Pacific: 2022-03-13 02:00 -> 03:00, 2021-11-07 02:00 -> 01:00.
		{"a local time that occurs twice matches twice", `calendar {hour: "1" minute: "33"} timezone_name: "US/Pacific"`, "2021-11-07T00:00:00-07:00",
			[]string{"2021-11-07T08:33:00Z", "2021-11-07T09:33:00Z", "2021-11-08T09:33:00Z"}},
		{"a local time that is missing is skipped", `calendar {hour: "2" minute: "33"} timezone_name: "US/Pacific"`, "2022-03-12T00:00:00-08:00",
			[]string{"2022-03-12T10:33:00Z", "2022-03-14T09:33:00Z"}},
		{"every half hour, over a repeated hour", `calendar {hour: "*" minute: "*/30"} timezone_name: "US/Pacific"`, "2021-11-07T00:45:00-07:00",
			[]string{"2021-11-07T08:00:00Z", "2021-11-07T08:30:00Z", "2021-11-07T09:00:00Z", "2021-11-07T09:30:00Z", "2021-11-07T10:00:00Z"}},
		{"every half hour, over a missing hour", `calendar {hour: "*" minute: "*/30"} timezone_name: "US/Pacific"`, "2022-03-13T01:15:00-08:00",
			[]string{"2022-03-13T09:30:00Z", "2022-03-13T10:00:00Z", "2022-03-13T10:30:00Z"}},
		{"the last occurrence is the second one of a repeated hour", `calendar {year: "2021" month: "11" day_of_month: "7" hour: "1" minute: "33"} timezone_name: "US/Pacific"`, "2021-11-07T01:33:00-07:00",
			[]string{"2021-11-07T09:33:00Z", "never"}},
		{"an exclusion holds in both copies of an hour", `calendar {hour: "0-3"} exclude_calendar {hour: "1"} timezone_name: "US/Pacific"`, "2021-11-07T00:00:00-07:00",
			[]string{"2021-11-07T10:00:00Z", "2021-11-07T11:00:00Z"}},
		{"the last day of a leap year, in a zone that follows a rule", `calendar {hour: "12" month: "7,12" day_of_month: "1,31"} timezone_name: "US/Pacific"`, "2048-12-31T00:00:00-08:00",
			[]string{"2048-12-31T20:00:00Z", "2049-07-01T19:00:00Z"}},
		{"midnight may be missing", `calendar {} timezone_name: "America/Sao_Paulo"`, "2018-11-03T00:00:00-03:00",
			[]string{"2018-11-05T02:00:00Z"}},
		{"clocks may move by half an hour", `calendar {hour: "1" minute: "*/15"} timezone_name: "Australia/Lord_Howe"`, "2022-04-03T01:15:00+11:00",
			[]string{"2022-04-02T14:30:00Z", "2022-04-02T14:45:00Z", "2022-04-02T15:00:00Z", "2022-04-02T15:15:00Z", "2022-04-03T14:30:00Z"}},
		{"a whole day may be missing", `calendar {hour: "12" month: "12" day_of_month: "29-31"} timezone_name: "Pacific/Apia"`, "2011-12-29T00:00:00Z",
			[]string{"2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z", "2012-12-28T22:00:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := nominals(t, compile(t, c.spec), at(t, c.after), len(c.times))
			if !slices.Equal(got, c.times) {
				t.Errorf("got  %v\nwant %v", got, c.times)
			}
		})
	}
}

func TestAFractionOfASecondAfterAMatchIsBeforeTheNext(t *testing.T) {
	s := compile(t, `interval {interval {seconds: 1}}`)
	next, err := s.Next("", at(t, "2022-03-23T12:00:00Z").Add(999*time.Millisecond))
	if err != nil || next.Nominal.Format(form) != "2022-03-23T12:00:01Z" {
		t.Errorf("got %v, %v", next, err)
	}
}

// zoneData is TZif data of a zone with one offset in its table, 0, and a rule
// for all years, which is what counts.
func zoneData(rule string) []byte {
	header := func(types, characters byte) string {
		counts := [24]byte{19: types, 23: characters}
		return "TZif2" + string(make([]byte, 15)) + string(counts[:])
	}
	return []byte(header(0, 0) + header(1, 4) + string(make([]byte, 6)) + "AAA\x00\n" + rule + "\n")
}

func TestTheZoneMayBeGivenAsData(t *testing.T) {
	given := parse(t, `calendar {hour: "1" minute: "33"}`)
	given.TimezoneData = zoneData("PST8PDT,M3.2.0,M11.1.0")
	s, err := spec.Compile(given)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2021-11-07T08:33:00Z", "2021-11-07T09:33:00Z"}
	if got := nominals(t, s, at(t, "2021-11-07T00:00:00-07:00"), 2); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestJitterIsFixedBySeedAndTimeAndStaysBeforeTheNextMatch(t *testing.T) {
	for _, jitter := range []string{"nanos: 1", "nanos: 500000000", "seconds: 59", "seconds: 3600", "seconds: 315576000000", "seconds: -5"} {
		s := compile(t, `interval {interval {seconds: 60}} end_time {seconds: 1640998800} jitter {`+jitter+`}`)
		bound := min(time.Minute, max(s.Canonical().GetJitter().AsDuration(), 1))
		seeds := map[time.Duration]bool{}
		after := at(t, "2022-01-01T00:00:00Z")
		for range 60 {
			next, err := s.Next("a", after)
			if err != nil || next.IsZero() {
				t.Fatal(next, err)
			}
			if again, _ := s.Next("a", after); again != next {
				t.Errorf("jitter %s: %v, then %v", jitter, next, again)
			}
			added := next.Actual.Sub(next.Nominal)
			if added < 0 || added >= bound {
				t.Errorf("jitter %s: %v added to %v", jitter, added, next.Nominal)
			}
			other, _ := s.Next("b", after)
			seeds[added], seeds[other.Actual.Sub(other.Nominal)] = true, true
			after = next.Actual
		}
		if bound >= time.Second && len(seeds) < 60 {
			t.Errorf("jitter %s: only %d different ones", jitter, len(seeds))
		}
	}
}

func TestTheTimesBetweenTwoTimes(t *testing.T) {
	s := compile(t, `interval {interval {seconds: 60}}`)
	start, end := at(t, "2022-01-01T00:00:00Z"), at(t, "2022-01-01T00:03:00Z")
	for limit, want := range []int{0, 1, 2, 3, 3} {
		times, err := s.Between("", start, end, limit)
		if err != nil || len(times) != want {
			t.Errorf("limit %d: got %v, %v", limit, times, err)
		}
	}
}

func TestWhatIsExcludedEntirelyIsFoundOutWithoutLookingAtItAll(t *testing.T) {
	const always = `second: "*" minute: "*" hour: "*"`
	for name, text := range map[string]string{
		"an interval":        `interval {interval {seconds: 1}} exclude_calendar {` + always + `}`,
		"a calendar":         `calendar {` + always + `} exclude_calendar {` + always + `}`,
		"the same seconds":   `calendar {second: "*/2" minute: "*" hour: "*"} exclude_calendar {second: "*/2" minute: "*" hour: "*"}`,
		"by two exclusions":  `calendar {` + always + `} exclude_calendar {` + always + ` month: "1-6"} exclude_calendar {` + always + ` month: "7-12"}`,
		"days there are not": `calendar {` + always + ` month: "2" day_of_month: "30"} timezone_name: "US/Pacific"`,
	} {
		t.Run(name, func(t *testing.T) {
			if got := nominals(t, compile(t, text), at(t, "2022-01-01T00:00:00Z"), 1); got[0] != "never" {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestASearchThatTakesTooLongCanGoOnWhereItStopped(t *testing.T) {
	s := compile(t, `interval {interval {seconds: 2}} 
		exclude_calendar {second: "*/2" minute: "*" hour: "*" year: "2022" month: "1" day_of_month: "1-30"}`)
	after, limited := at(t, "2022-01-01T00:00:00Z"), 0
	for {
		next, err := s.Next("", after)
		if err == nil {
			if got := next.Nominal.Format(form); got != "2022-01-31T00:00:00Z" {
				t.Errorf("got %v", got)
			}
			break
		}
		var limit *spec.SearchLimitError
		if !errors.As(err, &limit) || !limit.Searched.After(after) {
			t.Fatalf("after %v: %v", after, err)
		}
		after = limit.Searched
		limited++
	}
	if limited == 0 {
		t.Error("the search was not limited")
	}
}
