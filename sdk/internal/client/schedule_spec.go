package client

import (
	"time"

	schedulepb "go.temporal.io/api/schedule/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// ScheduleSpec says when a schedule takes action: at all times of Calendars, Intervals and
// CronExpressions together, apart from those of Skip.
type ScheduleSpec struct {
	// Calendars are times of the calendar.
	Calendars []ScheduleCalendarSpec
	// Intervals are times that are the same distance apart.
	Intervals []ScheduleIntervalSpec
	// CronExpressions are times in the notation of cron: minute, hour, day of month, month
	// and day of week, with a year behind and seconds before them if there are more than
	// five fields; or @yearly, @monthly, @weekly, @daily, @hourly, or @every with an
	// interval and, after a slash, an offset. CRON_TZ= before them sets TimeZoneName, and #
	// begins a comment. A day of month and a day of week must both match. The server turns
	// them into Calendars and Intervals, so that they are empty when read back.
	CronExpressions []string
	// Skip are times at which there is no action.
	Skip []ScheduleCalendarSpec
	// StartAt is the first time at which there may be an action. The zero time is no limit.
	StartAt time.Time
	// EndAt is the last time at which there may be an action. The zero time is no limit.
	EndAt time.Time
	// Jitter is how much later than said an action may come, at random, but not later than
	// the next one. The default is 0.
	Jitter time.Duration
	// TimeZoneName is the IANA name of the time zone of Calendars, Skip and
	// CronExpressions. Times that a change of the clock leaves out bring no action, those
	// that it repeats bring two. The default is UTC.
	TimeZoneName string
}

// ScheduleCalendarSpec matches the times, to the second, all of whose fields are in one of
// the ranges of that field.
type ScheduleCalendarSpec struct {
	// Second of the minute, 0 to 59. The default is 0.
	Second []ScheduleRange
	// Minute of the hour, 0 to 59. The default is 0.
	Minute []ScheduleRange
	// Hour of the day, 0 to 23. The default is 0.
	Hour []ScheduleRange
	// DayOfMonth is 1 to 31. The default is every day.
	DayOfMonth []ScheduleRange
	// Month is 1 to 12. The default is every month.
	Month []ScheduleRange
	// Year is a year such as 2030. The default is every year.
	Year []ScheduleRange
	// DayOfWeek is 0, Sunday, to 6. The default is every day.
	DayOfWeek []ScheduleRange
	// Comment is for people to read.
	Comment string
}

// ScheduleRange is a range of integers, with both ends.
type ScheduleRange struct {
	// Start is the first one.
	Start int
	// End is the last one. One that is before Start stands for Start.
	End int
	// Step is the distance from one to the next. The default is 1.
	Step int
}

// ScheduleIntervalSpec matches times that are Every apart, counted from 1970, and later by
// Offset.
type ScheduleIntervalSpec struct {
	// Every is the distance between times, at least a second.
	Every time.Duration
	// Offset is less than Every. The default is 0.
	Offset time.Duration
}

func scheduleSpecToProto(spec *ScheduleSpec) *schedulepb.ScheduleSpec {
	if spec == nil {
		return nil
	}
	return &schedulepb.ScheduleSpec{
		StructuredCalendar: each(spec.Calendars, calendarToProto),
		Interval: each(spec.Intervals, func(i ScheduleIntervalSpec) *schedulepb.IntervalSpec {
			return &schedulepb.IntervalSpec{Interval: durationpb.New(i.Every), Phase: durationpb.New(i.Offset)}
		}),
		CronString:                spec.CronExpressions,
		ExcludeStructuredCalendar: each(spec.Skip, calendarToProto),
		StartTime:                 timeToProto(spec.StartAt),
		EndTime:                   timeToProto(spec.EndAt),
		Jitter:                    durationpb.New(spec.Jitter),
		TimezoneName:              spec.TimeZoneName,
	}
}

func scheduleSpecFromProto(p *schedulepb.ScheduleSpec) *ScheduleSpec {
	if p == nil {
		return nil
	}
	return &ScheduleSpec{
		Calendars: each(p.GetStructuredCalendar(), calendarFromProto),
		Intervals: each(p.GetInterval(), func(i *schedulepb.IntervalSpec) ScheduleIntervalSpec {
			return ScheduleIntervalSpec{Every: i.GetInterval().AsDuration(), Offset: i.GetPhase().AsDuration()}
		}),
		Skip:         each(p.GetExcludeStructuredCalendar(), calendarFromProto),
		StartAt:      timeFromProto(p.GetStartTime()),
		EndAt:        timeFromProto(p.GetEndTime()),
		Jitter:       p.GetJitter().AsDuration(),
		TimeZoneName: p.GetTimezoneName(),
	}
}

// calendarToProto fills in the defaults: on the wire, a field without ranges matches
// nothing, apart from the year.
func calendarToProto(c ScheduleCalendarSpec) *schedulepb.StructuredCalendarSpec {
	ranges := func(given []ScheduleRange, first, last int) []*schedulepb.Range {
		if given == nil {
			given = []ScheduleRange{{Start: first, End: last}}
		}
		return each(given, rangeToProto)
	}
	return &schedulepb.StructuredCalendarSpec{
		Second:     ranges(c.Second, 0, 0),
		Minute:     ranges(c.Minute, 0, 0),
		Hour:       ranges(c.Hour, 0, 0),
		DayOfMonth: ranges(c.DayOfMonth, 1, 31),
		Month:      ranges(c.Month, 1, 12),
		Year:       each(c.Year, rangeToProto),
		DayOfWeek:  ranges(c.DayOfWeek, 0, 6),
		Comment:    c.Comment,
	}
}

func calendarFromProto(p *schedulepb.StructuredCalendarSpec) ScheduleCalendarSpec {
	return ScheduleCalendarSpec{
		Second:     each(p.GetSecond(), rangeFromProto),
		Minute:     each(p.GetMinute(), rangeFromProto),
		Hour:       each(p.GetHour(), rangeFromProto),
		DayOfMonth: each(p.GetDayOfMonth(), rangeFromProto),
		Month:      each(p.GetMonth(), rangeFromProto),
		Year:       each(p.GetYear(), rangeFromProto),
		DayOfWeek:  each(p.GetDayOfWeek(), rangeFromProto),
		Comment:    p.GetComment(),
	}
}

func rangeToProto(r ScheduleRange) *schedulepb.Range {
	return &schedulepb.Range{Start: int32(r.Start), End: int32(r.End), Step: int32(r.Step)}
}

func rangeFromProto(p *schedulepb.Range) ScheduleRange {
	return ScheduleRange{Start: int(p.GetStart()), End: int(p.GetEnd()), Step: int(p.GetStep())}
}

// each converts the elements of a slice.
func each[A, B any](from []A, convert func(A) B) []B {
	to := make([]B, len(from))
	for n, element := range from {
		to[n] = convert(element)
	}
	return to
}

// timeToProto returns t as the API has it; the zero time is nil.
func timeToProto(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// timeFromProto returns the time of p; nil is the zero time.
func timeFromProto(p *timestamppb.Timestamp) time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.AsTime()
}
