package spec

import (
	"errors"
	"fmt"
	"strings"

	schedulepb "go.temporal.io/api/schedule/v1"
)

// maxComment is the largest comment of a calendar, in bytes.
const maxComment = 200

var errConflictingZones = errors.New("conflicting timezone names")

// canonicalize copies a specification, turns its text calendars and cron
// strings into ranges and intervals, and checks the result. As on a Temporal
// server, ranges of exclusions are not checked; what they name that does not
// exist is never matched.
func canonicalize(spec *schedulepb.ScheduleSpec) (*schedulepb.ScheduleSpec, error) {
	spec = clone(spec)
	for _, i := range spec.GetInterval() {
		if err := checkDurations(i); err != nil {
			return nil, err
		}
	}
	for _, text := range spec.GetCalendar() {
		c, err := parseCalendar(text)
		if err != nil {
			return nil, err
		}
		spec.StructuredCalendar = append(spec.StructuredCalendar, c)
	}
	//lint:ignore SA1019 deprecated, but clients send it
	for _, text := range spec.GetExcludeCalendar() {
		c, err := parseCalendar(text)
		if err != nil {
			return nil, err
		}
		spec.ExcludeStructuredCalendar = append(spec.ExcludeStructuredCalendar, c)
	}
	if err := addCrons(spec); err != nil {
		return nil, err
	}
	//lint:ignore SA1019 deprecated, but clients send it
	spec.Calendar, spec.ExcludeCalendar, spec.CronString = nil, nil, nil

	for _, c := range spec.GetStructuredCalendar() {
		if err := checkCalendar(c); err != nil {
			return nil, err
		}
	}
	for _, i := range spec.GetInterval() {
		if err := checkInterval(i); err != nil {
			return nil, err
		}
	}
	return spec, nil
}

// addCrons adds what the cron strings say. They have to agree about their time
// zone, and with the one of the specification.
func addCrons(spec *schedulepb.ScheduleSpec) error {
	zone := ""
	for i, text := range spec.GetCronString() {
		c, err := parseCron(text)
		if err != nil {
			return err
		}
		if i > 0 && c.zone != zone {
			return errConflictingZones
		}
		zone = c.zone
		if c.calendar != nil {
			spec.StructuredCalendar = append(spec.StructuredCalendar, c.calendar)
		}
		if c.interval != nil {
			spec.Interval = append(spec.Interval, c.interval)
		}
	}
	if zone == "" {
		return nil
	}
	if spec.TimezoneData != nil || spec.TimezoneName != "" && spec.TimezoneName != zone {
		return errConflictingZones
	}
	spec.TimezoneName = zone
	return nil
}

// checkCalendar reports all that is wrong with a calendar in one error.
func checkCalendar(c *schedulepb.StructuredCalendarSpec) error {
	var faults []string
	for _, f := range fields {
		lowest, highest := int32(f.lowest), int32(f.highest)
		for _, r := range f.rangesOf(c) {
			if r.Start < lowest || r.Start > highest {
				faults = append(faults, fmt.Sprintf("%s Start is not in range [%d-%d]", f.name, lowest, highest))
			}
			if r.End != 0 && (r.End < r.Start || r.End > highest) {
				faults = append(faults, fmt.Sprintf("%s End is before Start or not in range [%d-%d]", f.name, lowest, highest))
			}
			if r.Step < 0 {
				faults = append(faults, f.name+" has invalid Step")
			}
		}
	}
	if len(c.GetComment()) > maxComment {
		faults = append(faults, "comment is too long")
	}
	if len(faults) > 0 {
		return errors.New("invalid calendar spec: " + strings.Join(faults, ", "))
	}
	return nil
}

// FillDefaults writes out the ends and steps that the ranges of a canonical
// specification leave to their defaults, as clients are shown them. It changes
// its argument.
func FillDefaults(spec *schedulepb.ScheduleSpec) {
	fill := func(calendars []*schedulepb.StructuredCalendarSpec) {
		for _, c := range calendars {
			for _, f := range fields {
				for _, r := range f.rangesOf(c) {
					r.End = max(r.GetEnd(), r.GetStart())
					if r.GetStep() == 0 {
						r.Step = 1
					}
				}
			}
		}
	}
	fill(spec.GetStructuredCalendar())
	fill(spec.GetExcludeStructuredCalendar())
}
