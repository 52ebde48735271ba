package spec

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	schedulepb "go.temporal.io/api/schedule/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// cron is what a cron string says: a calendar or an interval, and the name of
// a time zone or "".
type cron struct {
	calendar *schedulepb.StructuredCalendarSpec
	interval *schedulepb.IntervalSpec
	zone     string
}

// presets are names for cron strings.
var presets = map[string]string{
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly":  "0 0 1 * *",
	"@weekly":   "0 0 * * 0",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly":   "0 * * * *",
}

var errCronFields = errors.New("CronString does not have 5-7 fields")

// parseCron reads a cron string: "TZ=zone " or "CRON_TZ=zone " in front, then
// five fields (from minute to day of week), six (and the year), seven (and the
// second, first), one of the presets, or "@every interval/phase"; and a
// comment behind "#".
func parseCron(text string) (cron, error) {
	var c cron
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		assignment, rest, found := strings.Cut(text, " ")
		if !found {
			return c, errors.New("CronString has time zone but missing fields")
		}
		_, c.zone, _ = strings.Cut(assignment, "=")
		text = rest
	}
	text, comment, _ := strings.Cut(text, "#")
	text = strings.TrimSpace(text)
	var err error
	if strings.HasPrefix(text, "@every") {
		// Intervals know no zone: as if none had been written.
		c.zone = ""
		c.interval, err = parseEvery(text)
		return c, err
	}
	if preset, is := presets[text]; is {
		text = preset
	}
	calendar, err := splitCron(text)
	if err != nil {
		return c, err
	}
	calendar.Comment = strings.TrimSpace(comment)
	c.calendar, err = parseCalendar(calendar)
	return c, err
}

// splitCron sorts the fields of a cron string.
func splitCron(text string) (*schedulepb.CalendarSpec, error) {
	const most = 7
	var words []string
	for word := range strings.FieldsSeq(text) {
		if len(words) == most {
			return nil, errCronFields
		}
		words = append(words, word)
	}
	var c schedulepb.CalendarSpec
	switch len(words) {
	case 5:
	case 6:
		c.Year = words[5]
	case most:
		c.Second, c.Year = words[0], words[6]
		words = words[1:]
	default:
		return nil, errCronFields
	}
	c.Minute, c.Hour, c.DayOfMonth, c.Month, c.DayOfWeek = words[0], words[1], words[2], words[3], words[4]
	return &c, nil
}

// parseEvery reads "@every interval" or "@every interval/phase".
func parseEvery(text string) (*schedulepb.IntervalSpec, error) {
	_, durations, found := strings.Cut(text, " ")
	if !found {
		return nil, errors.New("CronString does not have interval after @every")
	}
	every, phase, _ := strings.Cut(durations, "/")
	d, err := parseDuration(every)
	if err != nil {
		return nil, err
	}
	interval := &schedulepb.IntervalSpec{Interval: durationpb.New(d)}
	if phase != "" {
		if d, err = parseDuration(phase); err != nil {
			return nil, err
		}
		interval.Phase = durationpb.New(d)
	}
	return interval, nil
}

// numberOfDays is a number with the unit "d" behind it.
var numberOfDays = regexp.MustCompile(`([0-9]+\.?[0-9]*|\.[0-9]+)d`)

// parseDuration reads durations as Go writes them, and "d" for 24 hours.
func parseDuration(text string) (time.Duration, error) {
	return time.ParseDuration(numberOfDays.ReplaceAllStringFunc(text, func(days string) string {
		n, err := strconv.ParseFloat(strings.TrimSuffix(days, "d"), 64)
		if err != nil {
			return days // and time.ParseDuration says what is wrong
		}
		return fmt.Sprintf("%fh", 24*n)
	}))
}
