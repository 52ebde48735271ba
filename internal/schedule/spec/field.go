package spec

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	schedulepb "go.temporal.io/api/schedule/v1"
)

// field is a field of a calendar.
type field struct {
	name string // as errors say it
	// The values it can have as ranges.
	lowest, highest int
	// The highest number in text, if it is another one: Sunday is 0 and 7.
	highestText int
	preset      string // what an empty text means
	// names are names of values, from lowest on, of which the first letters,
	// at least so many as prefix says, are enough.
	names  []string
	prefix int
	// noneIsAll: that all values match is written as no ranges.
	noneIsAll bool
	rangesOf  func(*schedulepb.StructuredCalendarSpec) []*schedulepb.Range
}

var (
	secondField = &field{name: "Second", highest: 59, preset: "0",
		rangesOf: (*schedulepb.StructuredCalendarSpec).GetSecond}
	minuteField = &field{name: "Minute", highest: 59, preset: "0",
		rangesOf: (*schedulepb.StructuredCalendarSpec).GetMinute}
	hourField = &field{name: "Hour", highest: 23, preset: "0",
		rangesOf: (*schedulepb.StructuredCalendarSpec).GetHour}
	dayOfMonthField = &field{name: "DayOfMonth", lowest: 1, highest: 31, preset: "*",
		rangesOf: (*schedulepb.StructuredCalendarSpec).GetDayOfMonth}
	monthField = &field{name: "Month", lowest: 1, highest: 12, preset: "*", prefix: 3,
		names: []string{"january", "february", "march", "april", "may", "june", "july",
			"august", "september", "october", "november", "december"},
		rangesOf: (*schedulepb.StructuredCalendarSpec).GetMonth}
	yearField = &field{name: "Year", lowest: minYear, highest: maxYear, preset: "*", noneIsAll: true,
		rangesOf: (*schedulepb.StructuredCalendarSpec).GetYear}
	dayOfWeekField = &field{name: "DayOfWeek", highest: 6, highestText: 7, preset: "*", prefix: 2,
		names:    []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"},
		rangesOf: (*schedulepb.StructuredCalendarSpec).GetDayOfWeek}
)

// fields are all fields, in the order in which ranges are checked.
var fields = []*field{secondField, minuteField, hourField, dayOfMonthField, monthField, yearField, dayOfWeekField}

var errOutOfRange = errors.New("out of range")

// parseCalendar reads a calendar whose fields are text. Empty fields are
// midnight on all days. It reports all fields that are wrong in one error.
func parseCalendar(text *schedulepb.CalendarSpec) (*schedulepb.StructuredCalendarSpec, error) {
	var faults []string
	parse := func(f *field, text string) []*schedulepb.Range {
		ranges, err := f.parse(text)
		if err != nil {
			faults = append(faults, err.Error())
		}
		return ranges
	}
	c := &schedulepb.StructuredCalendarSpec{
		Second:     parse(secondField, text.GetSecond()),
		Minute:     parse(minuteField, text.GetMinute()),
		Hour:       parse(hourField, text.GetHour()),
		DayOfWeek:  parse(dayOfWeekField, text.GetDayOfWeek()),
		DayOfMonth: parse(dayOfMonthField, text.GetDayOfMonth()),
		Month:      parse(monthField, text.GetMonth()),
		Year:       parse(yearField, text.GetYear()),
		Comment:    text.GetComment(),
	}
	if len(faults) > 0 {
		return nil, errors.New(strings.Join(faults, ", "))
	}
	return c, nil
}

// parse reads a list, separated by commas, of "*", a value, or two values with
// a dash, each with a slash and a step or without. One value with a step is
// the range from the value to the end.
func (f *field) parse(text string) ([]*schedulepb.Range, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		text = f.preset
	}
	if text == "*" && f.noneIsAll {
		return nil, nil
	}
	var ranges []*schedulepb.Range
	for part := range strings.SplitSeq(text, ",") {
		start, end, step, err := f.parsePart(part)
		if err != nil {
			return nil, err
		}
		ranges = f.appendRange(ranges, start, end, step)
	}
	return ranges, nil
}

// top is the highest number in text.
func (f *field) top() int { return max(f.highest, f.highestText) }

// parsePart reads one element of a list.
func (f *field) parsePart(part string) (start, end, step int, err error) {
	values, stepText, hasStep := strings.Cut(part, "/")
	step = 1
	if hasStep {
		if step, err = f.parseStep(stepText); err != nil {
			return 0, 0, 0, err
		}
	}
	lowest, highest := f.lowest, f.top()
	if values == "*" {
		return lowest, highest, step, nil
	}
	from, to, isRange := strings.Cut(values, "-")
	if !isRange {
		if start, err = f.value(values, lowest); err != nil {
			return 0, 0, 0, fmt.Errorf("%s is not in range [%d-%d]", f.name, lowest, highest)
		}
		if hasStep {
			return start, highest, step, nil
		}
		return start, start, step, nil
	}
	if strings.Contains(to, "-") {
		return 0, 0, 0, fmt.Errorf("%s has too many dashes", f.name)
	}
	if start, err = f.value(from, lowest); err != nil {
		return 0, 0, 0, fmt.Errorf("%s Start is not in range [%d-%d]", f.name, lowest, highest)
	}
	if end, err = f.value(to, start); err != nil {
		return 0, 0, 0, fmt.Errorf("%s End is before Start or not in range [%d-%d]", f.name, lowest, highest)
	}
	return start, end, step, nil
}

func (f *field) parseStep(text string) (int, error) {
	switch {
	case strings.Contains(text, "/"):
		return 0, fmt.Errorf("%s has too many slashes", f.name)
	case text == "":
		return 0, fmt.Errorf("%s missing step value", f.name)
	}
	step, err := strconv.Atoi(text)
	if err != nil {
		return 0, err
	}
	if step < 1 || step > math.MaxInt32 {
		return 0, fmt.Errorf("%s has invalid Step", f.name)
	}
	return step, nil
}

// value reads a number or a name that is not less than lowest.
func (f *field) value(text string, lowest int) (int, error) {
	n, named := f.named(text)
	if !named {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			return 0, err
		}
	}
	if n < lowest || n > f.top() {
		return 0, errOutOfRange
	}
	return n, nil
}

func (f *field) named(text string) (int, bool) {
	if len(f.names) == 0 || len(text) < f.prefix {
		return 0, false
	}
	text = strings.ToLower(text)
	for i, name := range f.names {
		if strings.HasPrefix(name, text) {
			return f.lowest + i, true
		}
	}
	return 0, false
}

// appendRange writes a range in the shortest way: an end that equals the start
// and a step of 1 are left out. A Sunday written as 7 becomes 0, by a range of
// its own where the range before does not begin there anyway.
func (f *field) appendRange(ranges []*schedulepb.Range, start, end, step int) []*schedulepb.Range {
	if end > f.highest {
		joins := step == 1 && start <= 1 // 0-7 and 1-7 are 0-6 and 0,1-6: all days
		if (end-start)%step == 0 && !joins {
			ranges = append(ranges, &schedulepb.Range{})
			if start == end {
				return ranges
			}
		}
		end = f.highest
	}
	r := &schedulepb.Range{Start: int32(start)}
	if end != start {
		r.End = int32(end)
	}
	if step != 1 {
		r.Step = int32(step)
	}
	return append(ranges, r)
}
