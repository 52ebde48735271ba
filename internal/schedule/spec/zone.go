package spec

import (
	"errors"
	"math"
	"time"
	_ "time/tzdata" // zones are known on machines that have no data of their own

	schedulepb "go.temporal.io/api/schedule/v1"
)

// maxZoneData is the largest TZif data, in bytes, well above what any zone on
// Earth needs. It bounds the number of periods that a search goes through.
const maxZoneData = 64 << 10

// loadZone is the zone of a specification's calendars: its TZif data if it
// has any, else what its name says, else UTC.
func loadZone(spec *schedulepb.ScheduleSpec) (*time.Location, error) {
	if data := spec.GetTimezoneData(); data != nil {
		if len(data) > maxZoneData {
			return nil, errors.New("malformed time zone information")
		}
		return time.LoadLocationFromTZData(spec.GetTimezoneName(), data)
	}
	return time.LoadLocation(spec.GetTimezoneName())
}

// period is a time during which a zone's offset from UTC is the same: wall
// clock time is u+offset for all seconds u before end.
type period struct{ offset, end int64 }

// forever is the end of a zone's last period.
const forever = math.MaxInt64

// periodAt is the period that contains u, or a part of it that begins with u.
// Its end is always after u, whatever the zone's data say.
func periodAt(u int64, zone *time.Location) period {
	t := time.Unix(u, 0).In(zone)
	_, offset := t.Zone()
	p := period{offset: int64(offset), end: forever}
	if _, bound := t.ZoneBounds(); !bound.IsZero() {
		p.end = bound.Unix()
	}
	if p.end <= u {
		// Where a zone follows a rule, package time ends all years after 365
		// days, also for times on the 366th. No rule changes clocks in what is
		// left of that day.
		p.end = (floorDiv(u, day) + 1) * day
	}
	return p
}
