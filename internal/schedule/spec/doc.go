// Package spec answers when a schedule acts.
//
// Clients describe the times as a schedulepb.ScheduleSpec: calendars written
// as text or as ranges, intervals, cron strings, what is excluded, bounds, a
// time zone, jitter. [Compile] checks one and turns it into a [Spec], which
// knows two things:
//
//   - its canonical form ([Spec.Canonical]): text calendars and cron strings
//     have become ranges and intervals. It is what is stored and described;
//     to compile it again changes nothing.
//   - the first time after a given one ([Spec.Next]).
//
// The package is pure: the same spec, seed and time give the same answer on
// every server that has the same time zone data.
//
// # Which times match
//
// A time matches if any calendar or interval matches it and no exclusion
// does. All have a resolution of one second. A calendar matches if all its
// fields do, day of month and day of week alike (cron's "or" between them is
// not known here). An interval matches the times epoch + n*interval + phase,
// for all whole n.
//
// Calendars speak of the local time of the spec's zone. Whether that time is
// missing or occurs twice is never asked: the search goes through the periods
// in which the zone's offset from UTC is constant, and in each of them looks
// for wall clock times that match. A wall clock time that no period contains
// is skipped; one that two periods contain matches twice.
//
// # What a search costs
//
// In a period, the next match of a calendar is found field by field with bit
// sets, not second by second; a day that does not exist ("February 30") costs
// a look at each year up to 2100, where all calendars end. If a candidate is
// excluded, the search goes on behind the whole stretch the exclusion covers,
// and calendars that one exclusion covers entirely are dropped beforehand.
// Specs remain that match and exclude in turns for decades; their search
// stops at a limit with a [*SearchLimitError] that says how far it came, so
// that the caller may go on from there, later.
package spec
