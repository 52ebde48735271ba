package worker

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestALevelIsMeasuredAsItIsInTheEnd(t *testing.T) {
	var measured atomic.Int64
	l := &level{measure: func(n int64) { measured.Store(n) }}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				l.add(1)
				l.add(-1)
			}
			l.add(1)
		})
	}
	wg.Wait()
	if got := measured.Load(); got != 8 || l.load() != 8 {
		t.Errorf("measured last: %d, the level: %d", got, l.load())
	}
}

func TestALevelThatNobodyMeasuresIsCounted(t *testing.T) {
	var l level
	l.add(2)
	l.add(-1)
	if l.load() != 1 {
		t.Errorf("the level is %d", l.load())
	}
}
