package cli

import (
	"os"
	"time"
)

// impatience is how long after the first signal another one means that somebody is
// tired of waiting. Sooner, it is the same one: a terminal signals a group of
// processes, of which one passes it on to the next.
const impatience = time.Second

// watchSignals calls stop at the first signal and abort at one that comes after
// impatience, until done is closed.
func watchSignals(signals <-chan os.Signal, done <-chan struct{}, stop func(), abort func(os.Signal)) {
	var first time.Time
	for {
		select {
		case <-done:
			return
		case s := <-signals:
			switch {
			case first.IsZero():
				first = time.Now()
				stop()
			case time.Since(first) >= impatience:
				abort(s)
				return
			}
		}
	}
}
