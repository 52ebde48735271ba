package matching

import (
	"container/heap"
	"math"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// Rates at which the tasks of a queue go out may be limited in two ways: for the whole
// queue, by its configuration or else by its workers (the latest value wins; a worker
// that says nothing does not lift the limit), and for each fairness key, in
// proportion to its weight, by the configuration. Both are token buckets that hold what
// comes in a second. A queue without limits has none of what is in this file.

// Config is what is configured of a queue. It must not be changed.
type Config struct {
	// Rate limits the queue, in tasks per second; nil: not limited.
	Rate *float64
	// KeyRate limits each fairness key of weight 1, in tasks per second; nil: not
	// limited.
	KeyRate *float64
	// Weights are those of fairness keys, in place of what their tasks say.
	Weights map[string]float32
}

// SystemRate is the greatest rate of a queue, in tasks per second.
const SystemRate = 100_000

// LimitSource says where the limit of a queue comes from.
type LimitSource int

// The sources of limits; a better one is further down.
const (
	LimitBySystem LimitSource = iota
	LimitByWorker
	LimitByConfig
)

const (
	// burst is how much of a rate may go out at once.
	burst = time.Second
	// cautious is how long after the start buckets begin empty: what has gone out just
	// before it is not known.
	cautious = time.Minute
	// maxBuckets is how many fairness keys' buckets are kept before those that are full,
	// as new ones are, are thrown away.
	maxBuckets = 2000
)

// bucket is a token bucket.
type bucket struct {
	tokens float64
	at     time.Time // when it had that many
}

// capacity is how many tokens a bucket of the rate holds.
func capacity(rate float64) float64 { return max(1, rate*burst.Seconds()) }

func (b *bucket) fill(rate float64, now time.Time) {
	if elapsed := now.Sub(b.at); elapsed > 0 {
		b.tokens += rate * elapsed.Seconds()
		b.at = now
	}
	b.tokens = min(b.tokens, capacity(rate))
}

// ready is when the bucket has a token, not after now if it has one; never if that is
// in more than a year.
func (b *bucket) ready(rate float64, now time.Time) (at time.Time, never bool) {
	b.fill(rate, now)
	if rate <= 0 {
		return time.Time{}, true
	}
	if b.tokens >= 1-1e-6 { // sums of fractions are not exact
		return now, false
	}
	seconds := (1 - b.tokens) / rate
	if seconds > 365*24*3600 {
		return time.Time{}, true
	}
	return now.Add(time.Duration(math.Ceil(seconds * 1e9))), false
}

// limits are the limits of a queue.
type limits struct {
	config Config
	worker *float64 // of the latest poll that has said one

	whole bucket
	keys  map[string]*bucket

	// retry is when a task may go out that has been held back; zero: none has been, or
	// it may never.
	retry time.Time
	alarm *time.Timer
	// held is when tasks have been held back last.
	held time.Time
}

// rate is the limit of the whole queue, in tasks per second.
func (l *limits) rate() (rate float64, source LimitSource) {
	switch {
	case l == nil:
		return SystemRate, LimitBySystem
	case l.config.Rate != nil:
		rate, source = *l.config.Rate, LimitByConfig
	case l.worker != nil:
		rate, source = *l.worker, LimitByWorker
	default:
		return SystemRate, LimitBySystem
	}
	if rate >= SystemRate {
		return SystemRate, LimitBySystem
	}
	return rate, source
}

// newBucket is the bucket of a rate that has just been limited.
func (q *queue) newBucket(rate float64, now time.Time) bucket {
	b := bucket{at: now}
	if now.Sub(q.m.started) >= cautious {
		b.tokens = capacity(rate)
	}
	return b
}

// setWorkerRate takes the rate of a poll.
func (q *queue) setWorkerRate(rate float64, now time.Time) {
	if !(rate > 0) { // not "<= 0": it may be no number
		rate = 0
	}
	if q.limits != nil && q.limits.worker != nil && *q.limits.worker == rate {
		return
	}
	q.changeLimits(now, func(l *limits) { l.worker = &rate })
}

// setConfig takes what is configured.
func (q *queue) setConfig(config Config, now time.Time) {
	if q.limits == nil && config.Rate == nil && config.KeyRate == nil && len(config.Weights) == 0 {
		return
	}
	q.changeLimits(now, func(l *limits) {
		if config.KeyRate == nil || l.config.KeyRate == nil {
			l.keys = nil
		}
		l.config = config
	})
}

func (q *queue) changeLimits(now time.Time, change func(*limits)) {
	if q.limits == nil {
		q.limits = &limits{}
	}
	l := q.limits
	before, source := l.rate()
	if source != LimitBySystem {
		l.whole.fill(before, now)
	}
	change(l)
	switch after, to := l.rate(); {
	case to == LimitBySystem:
	case source == LimitBySystem:
		l.whole = q.newBucket(after, now)
	case l.whole.tokens == capacity(before):
		l.whole.tokens = capacity(after) // what was full stays full
	default:
		l.whole.tokens = min(l.whole.tokens, capacity(after))
	}
	for _, level := range q.levels {
		if level != nil {
			level.release(now, true) // their times may be others now
		}
	}
	q.match()
}

// mayGo reports whether the limit of the whole queue lets a task go out.
func (q *queue) mayGo(now time.Time) bool {
	l := q.limits
	if l == nil {
		return true
	}
	l.retry = time.Time{}
	rate, source := l.rate()
	if source == LimitBySystem {
		return true
	}
	at, never := l.whole.ready(rate, now)
	if never || at.After(now) {
		if len(q.byID) > 0 {
			l.held = now
		}
		if !never {
			l.retryAt(at)
		}
		return false
	}
	return true
}

func (l *limits) retryAt(at time.Time) {
	if l.retry.IsZero() || at.Before(l.retry) {
		l.retry = at
	}
}

// keyRate is the limit of the fairness key, at the weight of the task.
func (q *queue) keyRate(key string, task *entity.Task) float64 {
	return *q.limits.config.KeyRate * float64(q.weight(key, task))
}

// keyBucket is the bucket of a fairness key.
func (q *queue) keyBucket(key string, rate float64, now time.Time) *bucket {
	l := q.limits
	b := l.keys[key]
	if b != nil {
		return b
	}
	if len(l.keys) >= maxBuckets {
		for other, full := range l.keys {
			full.fill(*l.config.KeyRate, now)
			if full.tokens >= capacity(*l.config.KeyRate) {
				delete(l.keys, other)
			}
		}
	}
	if l.keys == nil {
		l.keys = make(map[string]*bucket)
	}
	fresh := q.newBucket(rate, now)
	l.keys[key] = &fresh
	return &fresh
}

// holdBack takes the lane off the turns of its level if the limit of its fairness key
// does not let its next task go out, and reports whether it did.
func (q *queue) holdBack(ln *lane, now time.Time) bool {
	if q.limits == nil || q.limits.config.KeyRate == nil {
		return false
	}
	rate := q.keyRate(ln.key, ln.first.task)
	at, never := q.keyBucket(ln.key, rate, now).ready(rate, now)
	if !never && !at.After(now) {
		return false
	}
	if never {
		at = now.Add(365 * 24 * time.Hour)
	}
	q.limits.held = now
	heap.Remove(&ln.level.turns, ln.index)
	ln.until = at
	heap.Push(&ln.level.held, ln)
	return true
}

// spend counts a task that goes out.
func (q *queue) spend(key string, task *entity.Task, now time.Time) {
	l := q.limits
	if l == nil {
		return
	}
	if _, source := l.rate(); source != LimitBySystem {
		l.whole.tokens--
	}
	if l.config.KeyRate != nil {
		q.keyBucket(key, q.keyRate(key, task), now).tokens--
	}
}

// Unspent says that a task that was polled has not gone out after all, because nobody
// needed it: it does not count.
func (m *Matching) Unspent(task *entity.Task) {
	q := m.locked(queueKey{Queue: inPart(task.Queue, partOf(m.routes(task.Queue), task))})
	if q == nil {
		return
	}
	defer q.mu.Unlock()
	q.giveBack(task)
	q.match()
}

func (q *queue) giveBack(task *entity.Task) {
	if l := q.limits; l != nil {
		_, key := entity.ParseLane(task.Lane)
		l.whole.tokens++
		if b := l.keys[key]; b != nil {
			b.tokens++
		}
	}
}

// release lets lanes take turns again whose time has come, or all.
func (l *level) release(now time.Time, all bool) {
	for l.held.Len() > 0 && (all || !l.held.laneHeap[0].until.After(now)) {
		ln := heap.Pop(&l.held).(*lane)
		ln.until = time.Time{}
		ln.pass = max(ln.pass, l.virtual)
		heap.Push(&l.turns, ln)
	}
}

// heldHeap has the lane at its root whose time comes first.
type heldHeap struct{ laneHeap }

func (h heldHeap) Less(i, j int) bool { return h.laneHeap[i].until.Before(h.laneHeap[j].until) }

// setAlarm sees to it that pollers get what is held back when its time comes.
func (q *queue) setAlarm() {
	l := q.limits
	if l == nil || l.retry.IsZero() || l.alarm != nil || q.dead || q.parked.first == nil {
		return
	}
	m := q.m
	m.lifecycle.Lock()
	defer m.lifecycle.Unlock()
	if m.closed {
		return
	}
	m.goroutines.Add(1)
	l.alarm = time.AfterFunc(max(0, l.retry.Sub(m.now())), func() {
		defer m.goroutines.Done()
		q.mu.Lock()
		defer q.mu.Unlock()
		l.alarm = nil
		q.match()
	})
}

// stopAlarm is called when the queue is unloaded.
func (q *queue) stopAlarm() {
	if l := q.limits; l != nil && l.alarm != nil && l.alarm.Stop() {
		l.alarm = nil
		q.m.goroutines.Done()
	}
}

// readConfig reads what is configured of the queue.
func (q *queue) readConfig() error {
	if q.m.options.Config == nil {
		return nil
	}
	q.mu.Lock()
	q.configured++
	turn := q.configured
	q.mu.Unlock()
	config, err := q.m.options.Config(q.m.ctx, q.key.Queue)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.configured == turn { // else somebody reads who has begun later
		q.setConfig(config, q.m.now())
		q.known = true
	}
	return nil
}

const readingConfig = "Reading the configuration of a task queue"

// Configured says that the configuration of a queue has changed. It holds when
// Configured returns, unless it cannot be read just now.
func (m *Matching) Configured(queue entity.Queue) {
	parts := []string{""}
	if routes := m.routes(queue); routes != nil {
		parts = append(parts, routes.Parts()...)
	}
	for _, part := range parts {
		q := m.locked(queueKey{Queue: inPart(queue, part)})
		if q == nil {
			continue
		}
		q.mu.Unlock()
		if err := q.readConfig(); err != nil {
			m.start(func() { q.insist(readingConfig, q.readConfig) })
		}
	}
}
