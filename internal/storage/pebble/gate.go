package pebble

import "sync"

// gate counts the reads under way, so that Close can wait for them. It is no
// RWMutex because a read may begin within another (the visitor of a scan may
// call Get) while Close already waits, and must not wait for that in turn.
type gate struct {
	mu    sync.Mutex
	empty sync.Cond // L is &mu
	count int
	err   error // non-nil once shut
}

// enter lets a read in, or returns the error the gate was shut with.
func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	g.count++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count--
	if g.count == 0 && g.err != nil {
		g.empty.Broadcast()
	}
}

// shut lets no more reads in. It does not wait.
func (g *gate) shut(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = err
	}
}

// wait returns when the reads that were let in have left. The gate must be shut.
func (g *gate) wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.count > 0 {
		g.empty.Wait()
	}
}
