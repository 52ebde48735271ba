package cli

import (
	"sync"
	"time"
)

const (
	// startTail is how long after it answers a server may still have to do with its start: the index is opened, and
	// what else is not waited for.
	startTail = 2 * time.Second
	// pagesAge is how long pages of the program that nobody uses stay in memory after that.
	pagesAge = time.Minute
)

// giveBackPages gives back the pages of the program itself that are not used, until the function that it returns
// is called.
func giveBackPages() (stop func()) {
	end := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() {
		timer := time.NewTimer(startTail)
		defer timer.Stop()
		for first := true; ; first = false {
			select {
			case <-timer.C:
				dropPages(first)
				timer.Reset(pagesAge)
			case <-end:
				return
			}
		}
	})
	return func() {
		close(end)
		loop.Wait()
	}
}
