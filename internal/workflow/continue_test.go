package workflow

import (
	"testing"
	"time"
)

func TestNextCronTick(t *testing.T) {
	at := func(clock string) time.Time {
		tm, err := time.Parse(time.RFC3339, "2024-01-01T"+clock+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return tm
	}
	for _, tc := range []struct {
		schedule, last, now string
		want                time.Duration
		ok                  bool
	}{
		{"* * * * *", "00:00:10", "00:00:10", 50 * time.Second, true},
		{"* * * * *", "00:00:00", "00:00:00", time.Minute, true},
		{"* * * * *", "00:00:00", "00:00:30", 30 * time.Second, true},
		{"* * * * *", "00:00:00", "05:00:30", 30 * time.Second, true}, // ticks that were missed are skipped
		{"* * * * *", "00:01:00", "00:00:30", 30 * time.Second, true}, // the run before has not begun
		{"@hourly", "00:00:00", "00:59:59.5", time.Second, true},      // rounded up to seconds
		{"@every 10s", "00:00:05", "00:00:07", 8 * time.Second, true}, // counted from the run before
		{"@every 10s", "00:00:05", "03:00:07", 8 * time.Second, true}, // also after a long time
		{"CRON_TZ=Asia/Tokyo 0 9 * * *", "00:00:00", "00:00:00", 24 * time.Hour, true},
		{"0 0 31 2 *", "00:00:00", "00:00:00", 0, false}, // never
		{"nonsense", "00:00:00", "00:00:00", 0, false},
	} {
		t.Run(tc.schedule+" from "+tc.last+" at "+tc.now, func(t *testing.T) {
			got, ok := nextCron(tc.schedule, at(tc.last), at(tc.now))
			if got != tc.want || ok != tc.ok {
				t.Fatalf("next tick is in %v, %v; want %v, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}
