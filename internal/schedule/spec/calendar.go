package spec

import (
	"math/bits"
	"time"

	schedulepb "go.temporal.io/api/schedule/v1"
)

// The years that calendars can name. No calendar matches later ones; one that
// names no year also matches earlier ones.
const (
	minYear = 2000
	maxYear = 2100
)

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)

// set is a set of small numbers.
type set uint64

func (s set) has(n int) bool { return s>>n&1 != 0 }

// from is the smallest member that is not less than n.
func (s set) from(n int) (int, bool) {
	s = s >> n << n
	return s.first(), s != 0 && n < 64
}

// first is the smallest member of a set that is not empty.
func (s set) first() int { return bits.TrailingZeros64(uint64(s)) }

// gap is the smallest number that is greater than n and not a member.
func (s set) gap(n int) int {
	return (^s >> (n + 1) << (n + 1)).first()
}

// full says whether all numbers below n are members.
func (s set) full(n int) bool { return s.gap(-1) >= n }

// calendar matches wall clock times. No set of it is empty.
type calendar struct {
	seconds, minutes, hours set
	days, months, weekdays  set // from 1, from 1, Sunday is 0
	anyYear                 bool
	years                   [2]set // from minYear
}

// compileCalendar makes the sets of a calendar. It says false if the calendar
// can never match, because a field has no values. No years means all.
func compileCalendar(c *schedulepb.StructuredCalendarSpec) (calendar, bool) {
	compiled := calendar{
		seconds:  secondField.setOf(c),
		minutes:  minuteField.setOf(c),
		hours:    hourField.setOf(c),
		days:     dayOfMonthField.setOf(c),
		months:   monthField.setOf(c),
		weekdays: dayOfWeekField.setOf(c),
		anyYear:  len(c.GetYear()) == 0,
	}
	yearField.each(c, func(y int) { compiled.years[(y-minYear)/64] |= 1 << ((y - minYear) % 64) })
	can := compiled.seconds != 0 && compiled.minutes != 0 && compiled.hours != 0 &&
		compiled.days != 0 && compiled.months != 0 && compiled.weekdays != 0
	return compiled, can
}

func (f *field) setOf(c *schedulepb.StructuredCalendarSpec) set {
	var s set
	f.each(c, func(n int) { s |= 1 << n })
	return s
}

// each calls back for all values that the ranges of a field name. What is
// outside of the field is no value: exclusions may name it (see canonicalize).
func (f *field) each(c *schedulepb.StructuredCalendarSpec, value func(int)) {
	for _, r := range f.rangesOf(c) {
		n, step := int(r.GetStart()), max(int(r.GetStep()), 1)
		last := min(max(n, int(r.GetEnd())), f.highest)
		if n < f.lowest {
			n += (f.lowest - n + step - 1) / step * step
		}
		for ; n <= last; n += step {
			value(n)
		}
	}
}

// covers says whether c matches whenever other does.
func (c *calendar) covers(other *calendar) bool {
	within := func(a, b set) bool { return a&^b == 0 }
	years := c.anyYear || !other.anyYear &&
		within(other.years[0], c.years[0]) && within(other.years[1], c.years[1])
	return years && within(other.seconds, c.seconds) && within(other.minutes, c.minutes) &&
		within(other.hours, c.hours) && within(other.days, c.days) &&
		within(other.months, c.months) && within(other.weekdays, c.weekdays)
}

// from is the first match from u on and before limit, in seconds since the
// epoch; limit and false if there is none.
func (c *calendar) from(u, limit int64, zone *time.Location) (int64, bool) {
	for u < limit {
		p := periodAt(u, zone)
		end := min(p.end, limit)
		if wall, found := c.nextWall(u+p.offset, end+p.offset); found {
			return wall - p.offset, true
		}
		u = end
	}
	return limit, false
}

// nextWall is the first wall clock time from w on and before limit that
// matches. Wall clock times are in seconds since the epoch's wall clock time.
func (c *calendar) nextWall(w, limit int64) (int64, bool) {
	year, month, d := time.Unix(w, 0).UTC().Date()
	found := true
	if c.hasDay(year, month, d) {
		midnight := floorDiv(w, day) * day
		if clock, today := c.clockFrom(int(w - midnight)); today {
			w = midnight + int64(clock)
			return w, w < limit
		}
	}
	if year, month, d, found = c.dayFrom(year, month, d+1, limit); !found {
		return 0, false
	}
	clock, _ := c.clockFrom(0)
	w = time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() + int64(clock)
	return w, w < limit
}

// clockFrom is the first time of day, in seconds, from the given one on.
func (c *calendar) clockFrom(clock int) (int, bool) {
	h, m, s := clock/hour, clock/minute%60, clock%60
	if c.hours.has(h) {
		if c.minutes.has(m) {
			if s, found := c.seconds.from(s); found {
				return h*hour + m*minute + s, true
			}
		}
		if m, found := c.minutes.from(m + 1); found {
			return h*hour + m*minute + c.seconds.first(), true
		}
	}
	h, found := c.hours.from(h + 1)
	return h*hour + c.minutes.first()*minute + c.seconds.first(), found
}

// dayFrom is the first day from the given one on that matches. It gives up
// at the first month that begins at limit or later. The given day may be behind
// the end of its month.
func (c *calendar) dayFrom(year int, month time.Month, d int, limit int64) (int, time.Month, int, bool) {
	for year <= maxYear {
		next, found := c.months.from(int(month))
		if !found || !c.hasYear(year) {
			year, month, d = year+1, time.January, 1
			continue
		}
		if time.Month(next) != month {
			month, d = time.Month(next), 1
		}
		if time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Unix() >= limit {
			break
		}
		if d, found := c.daysOf(year, month).from(d); found {
			return year, month, d, true
		}
		month, d = month+1, 1
	}
	return 0, 0, 0, false
}

func (c *calendar) hasYear(year int) bool {
	if c.anyYear {
		return year <= maxYear
	}
	y := year - minYear
	return year >= minYear && year <= maxYear && c.years[y/64].has(y%64)
}

func (c *calendar) hasDay(year int, month time.Month, d int) bool {
	return c.hasYear(year) && c.months.has(int(month)) && c.daysOf(year, month).has(d)
}

// daysOf are the days of a month that match by number and by day of the week.
func (c *calendar) daysOf(year int, month time.Month) set {
	first := int(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday())
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	week := (c.weekdays>>first | c.weekdays<<(7-first)) & 0x7f // bit 0 is the first of the month
	weeks := week | week<<7 | week<<14 | week<<21 | week<<28
	return c.days & (weeks << 1) & (1<<(length+1) - 1)
}

// stretch says whether the calendar matches u and if so, a time behind u up to
// which, exclusive, it matches all seconds; it may match more.
func (c *calendar) stretch(u int64, zone *time.Location) (int64, bool) {
	p := periodAt(u, zone)
	w := u + p.offset
	year, month, d := time.Unix(w, 0).UTC().Date()
	midnight := floorDiv(w, day) * day
	clock := int(w - midnight)
	h, m, s := clock/hour, clock/minute%60, clock%60
	if !c.seconds.has(s) || !c.minutes.has(m) || !c.hours.has(h) || !c.hasDay(year, month, d) {
		return 0, false
	}
	var until int64
	switch {
	case !c.seconds.full(60):
		until = w + int64(c.seconds.gap(s)-s)
	case !c.minutes.full(60):
		until = midnight + int64(h*hour+c.minutes.gap(m)*minute)
	case !c.hours.full(24):
		until = midnight + int64(c.hours.gap(h)*hour)
	default:
		until = midnight + int64(c.daysOf(year, month).gap(d)-d)*day
	}
	return min(until-p.offset, p.end), true
}
