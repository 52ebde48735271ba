package matching

import "time"

// A meter measures how often something has happened per second, over the last 30 s or
// so. The zero value has measured nothing.
type meter struct {
	counts [meterSlots]int32
	slot   int64 // the time of the latest count, in slots since 1970
	began  time.Time
}

const (
	meterSlot  = 5 * time.Second
	meterSlots = int64(meterSpan/meterSlot) + 1
	meterSpan  = 30 * time.Second
)

func (m *meter) advance(now time.Time) {
	slot := now.UnixNano() / int64(meterSlot)
	if m.began.IsZero() {
		m.began, m.slot = now, slot
	}
	if slot-m.slot >= meterSlots {
		m.counts = [meterSlots]int32{}
		m.slot = slot
	}
	for m.slot < slot {
		m.slot++
		m.counts[m.slot%meterSlots] = 0
	}
}

func (m *meter) add(now time.Time) {
	m.advance(now)
	m.counts[m.slot%meterSlots]++
}

func (m *meter) rate(now time.Time) float32 {
	if m.began.IsZero() {
		return 0
	}
	m.advance(now)
	total := int32(0)
	for _, count := range m.counts {
		total += count
	}
	// The latest slot is not over yet.
	seconds := min(now.Sub(m.began), meterSpan+time.Duration(now.UnixNano()%int64(meterSlot))).Seconds()
	return float32(float64(total) / max(seconds, 1))
}
