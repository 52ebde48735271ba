package spec

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"
	schedulepb "go.temporal.io/api/schedule/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// searchLimit is how many calendars, intervals and exclusions one search may
// look at, a fraction of a second's work. A calendar for every minute with half a
// year of them excluded one by one stays below it.
const searchLimit = 1 << 20

// Spec is a compiled specification. It does not change and may be used by
// several goroutines at once.
type Spec struct {
	canonical *schedulepb.ScheduleSpec
	zone      *time.Location
	calendars []calendar
	intervals []interval
	excludes  []calendar
	jitter    time.Duration
	// The first and the last second that may match, in seconds since the
	// epoch, both inclusive.
	first, last int64
}

// Time is a time at which a schedule acts. Its zero value means never.
type Time struct {
	// Nominal is the time that matches the specification, a whole second.
	Nominal time.Time
	// Actual is Nominal and the jitter: when the action is to be taken.
	Actual time.Time
}

// IsZero says whether there is no such time.
func (t Time) IsZero() bool { return t.Nominal.IsZero() }

// SearchLimitError says that a search was given up, because so many times
// that match are excluded. It does not mean that there is no such time.
type SearchLimitError struct {
	// Searched is the time up to which, inclusive, nothing was found.
	Searched time.Time
}

// Error implements error.
func (e *SearchLimitError) Error() string {
	return fmt.Sprintf("schedule spec next-time search exceeded the compute iteration limit: nothing found up to %s", e.Searched.Format(time.RFC3339))
}

// Compile checks a specification and prepares it for searches. The argument
// is not changed or kept; nil is the empty specification, which never
// matches. The texts of errors are those of a Temporal server, to be returned
// to the client behind "Invalid schedule spec: ".
func Compile(spec *schedulepb.ScheduleSpec) (*Spec, error) {
	canonical, err := canonicalize(spec)
	if err != nil {
		return nil, err
	}
	zone, err := loadZone(canonical)
	if err != nil {
		return nil, err
	}
	s := &Spec{
		canonical: canonical,
		zone:      zone,
		jitter:    max(canonical.GetJitter().AsDuration(), 0),
		first:     seconds(canonical.GetStartTime()), // of nil: the epoch
		last:      math.MaxInt64,
	}
	if end := canonical.GetEndTime(); end != nil {
		s.last = seconds(end)
	}
	s.last = min(s.last, time.Date(maxYear+1, time.January, 1, 0, 0, 0, 0, time.UTC).Unix()-1)

	for _, c := range canonical.GetExcludeStructuredCalendar() {
		if compiled, can := compileCalendar(c); can {
			s.excludes = append(s.excludes, compiled)
		}
	}
	for _, c := range canonical.GetStructuredCalendar() {
		if compiled, can := compileCalendar(c); can && !s.excludesAllOf(&compiled) {
			s.calendars = append(s.calendars, compiled)
		}
	}
	for _, i := range canonical.GetInterval() {
		s.intervals = append(s.intervals, compileInterval(i))
	}
	return s, nil
}

// excludesAllOf says whether one exclusion matches whenever c does.
func (s *Spec) excludesAllOf(c *calendar) bool {
	for i := range s.excludes {
		if s.excludes[i].covers(c) {
			return true
		}
	}
	return false
}

// Canonical is the specification without text calendars and cron strings. The
// caller must not change it.
func (s *Spec) Canonical() *schedulepb.ScheduleSpec { return s.canonical }

// Next is the first time after the given one that matches; the zero Time if
// there is none until the specification's end, or until the end of 2100. The
// jitter follows from the seed (any text, usually one that names the
// schedule) and the nominal time, and is smaller than the distance to the
// next time that matches, so that the order of times is kept. The error, if
// any, is a [*SearchLimitError].
func (s *Spec) Next(seed string, after time.Time) (Time, error) {
	u := max(clamp(after.Unix()), s.first-1)
	var room [8]cursor
	cursors := s.cursors(room[:])
	cost := len(s.calendars) + len(s.intervals) + len(s.excludes)
	for budget := searchLimit; ; budget -= cost {
		next := s.nextIncluded(u, s.last+1, cursors)
		if next > s.last {
			return Time{}, nil
		}
		until, excluded := s.excludedUntil(next)
		if !excluded {
			return s.jittered(seed, next), nil
		}
		u = until - 1
		if budget <= 0 {
			return Time{}, &SearchLimitError{Searched: time.Unix(u, 0).UTC()}
		}
	}
}

// Between lists the actual times after start up to and including end, at most
// limit of them. With an error, nothing is listed.
func (s *Spec) Between(seed string, start, end time.Time, limit int) ([]time.Time, error) {
	var times []time.Time
	for after := start; len(times) < limit; {
		next, err := s.Next(seed, after)
		if err != nil {
			return nil, err
		}
		if next.IsZero() || next.Actual.After(end) {
			break
		}
		times = append(times, next.Actual)
		after = next.Actual
	}
	return times, nil
}

// cursor is how far a calendar has been searched: it does not match before at,
// and at is a match or not yet looked at. It keeps a calendar that seldom
// matches from being searched anew for each match of another one.
type cursor struct {
	at    int64
	match bool
}

// cursors are the cursors for a new search, one for each calendar, in room if
// it is large enough.
func (s *Spec) cursors(room []cursor) []cursor {
	n := len(s.calendars)
	if n > len(room) {
		room = make([]cursor, n)
	}
	for i := range n {
		room[i] = cursor{at: math.MinInt64}
	}
	return room[:n]
}

// nextIncluded is the first second after u and before limit that matches a
// calendar or an interval, excluded or not; limit if there is none.
func (s *Spec) nextIncluded(u, limit int64, cursors []cursor) int64 {
	for _, i := range s.intervals {
		limit = min(limit, i.next(u))
	}
	for i := range s.calendars {
		c := &cursors[i]
		if c.at <= u {
			*c = cursor{at: u + 1}
		}
		if !c.match && c.at < limit {
			c.at, c.match = s.calendars[i].from(c.at, limit, s.zone)
		}
		if c.match {
			limit = min(limit, c.at)
		}
	}
	return limit
}

// excludedUntil says whether an exclusion matches u, and the first second
// behind u of which it is not certain that the same exclusion matches it.
func (s *Spec) excludedUntil(u int64) (int64, bool) {
	for i := range s.excludes {
		if until, excluded := s.excludes[i].stretch(u, s.zone); excluded {
			return until, true
		}
	}
	return 0, false
}

// jittered adds the jitter, in whole milliseconds.
func (s *Spec) jittered(seed string, nominal int64) Time {
	t := Time{Nominal: time.Unix(nominal, 0).UTC()}
	t.Actual = t.Nominal
	if s.jitter <= 0 {
		return t
	}
	// The next match bounds the jitter, also if it is excluded or behind the
	// end of the specification.
	bound := s.jitter
	limit := nominal + int64(bound/time.Second) + 1
	var room [8]cursor
	if following := s.nextIncluded(nominal, limit, s.cursors(room[:])); following < limit {
		bound = time.Duration(following-nominal) * time.Second
	}
	var hash xxhash.Digest
	hash.Reset()
	var digits [24]byte
	_, _ = hash.Write(append(strconv.AppendInt(digits[:0], nominal, 10), '/'))
	_, _ = hash.WriteString(seed)
	milliseconds, _ := bits.Mul64(hash.Sum64(), uint64(bound.Milliseconds()))
	t.Actual = t.Nominal.Add(time.Duration(milliseconds) * time.Millisecond)
	return t
}

// seconds are the whole seconds of a timestamp since the epoch.
func seconds(t *timestamppb.Timestamp) int64 {
	return clamp(clamp(t.GetSeconds()) + floorDiv(int64(t.GetNanos()), int64(time.Second)))
}

// clamp limits a time to the years 1 to 9999, which keeps sums of times and
// offsets from overflowing.
func clamp(u int64) int64 {
	const earliest, latest = -62135596800, 253402300799
	return min(max(u, earliest), latest)
}

// floorDiv is a/b, rounded down; b is positive.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// clone copies a specification; never nil.
func clone(spec *schedulepb.ScheduleSpec) *schedulepb.ScheduleSpec {
	if spec == nil {
		return &schedulepb.ScheduleSpec{}
	}
	return proto.CloneOf(spec)
}
