package cli

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// watched watches signals that come after the given times.
func watched(t *testing.T, after ...time.Duration) (stops, aborts int) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		signals, done := make(chan os.Signal), make(chan struct{})
		go watchSignals(signals, done, func() { stops++ }, func(os.Signal) { aborts++ })
		for _, d := range after {
			time.Sleep(d)
			signals <- syscall.SIGTERM
		}
		close(done)
		synctest.Wait()
	})
	return stops, aborts
}

func TestTheFirstSignalStopsInOrder(t *testing.T) {
	if stops, aborts := watched(t, 0); stops != 1 || aborts != 0 {
		t.Errorf("%d stops, %d aborts", stops, aborts)
	}
}

func TestASignalThatArrivesTwiceIsOne(t *testing.T) {
	if stops, aborts := watched(t, 0, time.Millisecond, 500*time.Millisecond); stops != 1 || aborts != 0 {
		t.Errorf("%d stops, %d aborts", stops, aborts)
	}
}

func TestASignalAfterASecondEndsAtOnce(t *testing.T) {
	if stops, aborts := watched(t, time.Hour, time.Second); stops != 1 || aborts != 1 {
		t.Errorf("%d stops, %d aborts", stops, aborts)
	}
}
