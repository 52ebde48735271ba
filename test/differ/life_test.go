package differ

import (
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	seeds     = flag.Int("seeds", 0, "how many lives to compare with the server at -peer")
	firstSeed = flag.Uint64("first-seed", 1000, "the first of them")
	steps     = flag.Int("steps", 40, "how many steps a life has")
)

// shortenedLives is how many lives that differ are shortened: that takes dozens of runs each,
// and they often have the cause in common.
const shortenedLives = 3

func TestALifeOnPerdureGoesAsOnTheTemporalServer(t *testing.T) {
	if *seeds == 0 || *peerAddress == "" || *record {
		t.Skip("only with -seeds and -peer; `make differ SEEDS=1000` starts a Temporal server and compares")
	}
	peer := connect(*peerAddress)
	t.Cleanup(func() { peer.Close() })
	var differing atomic.Int32
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			compare := func(steps int, leftOut map[int]bool) ([]string, []Difference) {
				var theirs, ours string
				var both sync.WaitGroup
				both.Go(func() { theirs = play(t, peer, Life(seed, steps, leftOut)) })
				both.Go(func() { ours = play(t, our, Life(seed, steps, leftOut)) })
				both.Wait()
				return lines(theirs), differences(lines(theirs), lines(ours))
			}
			theirs, all := compare(*steps, nil)
			if len(all) == 0 {
				return
			}
			if _, again := compare(*steps, nil); len(again) == 0 {
				t.Logf("differed once and did not again:\n%s", sideBySide(theirs, all))
				return
			}
			if differing.Add(1) > shortenedLives {
				t.Errorf("differs:\n%s", sideBySide(theirs, all))
				return
			}
			// The shortest beginning that differs, without the steps that do not matter.
			from, to := 0, *steps
			for from < to {
				middle := (from + to) / 2
				if t2, d := compare(middle, nil); len(d) > 0 {
					to, theirs, all = middle, t2, d
				} else {
					from = middle + 1
				}
			}
			leftOut := map[int]bool{}
			for step := to - 1; step > 0 && step > to-25; step-- {
				leftOut[step] = true
				if t2, d := compare(to, leftOut); len(d) > 0 {
					theirs, all = t2, d
				} else {
					delete(leftOut, step)
				}
			}
			t.Errorf("differs. The whole script, with what the Temporal server answers:\n%s\nThe difference:\n%s",
				join(theirs), sideBySide(theirs, all))
		})
	}
}

func join(lines []string) string {
	var text string
	for _, line := range lines {
		text += "  " + line + "\n"
	}
	return text
}
