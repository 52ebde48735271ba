package differ

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	"github.com/perdure/perdure/test/launch"
)

var (
	seeds      = flag.Int("seeds", 0, "how many lives to compare with the Temporal server of -peer-binary")
	firstSeed  = flag.Uint64("first-seed", 1000, "the first of them")
	onlySeeds  = flag.String("only-seeds", "", "the numbers of the lives to compare, with commas between them, in place of -seeds and -first-seed")
	steps      = flag.Int("steps", 40, "how many steps a life has")
	peerBinary = flag.String("peer-binary", "", "a Temporal server's binary, as test/peer builds it; lives are compared with it")
)

const (
	// runsAlone is how many times a life that differed is played again by itself. What differs
	// because the machine was busy, so that a timer fired or a call ended before something else
	// did, goes as it should in one of them.
	runsAlone = 3
	// atATime is how many of the lives that differed are played again at once.
	atATime = 6
	// shortenedLives is how many lives that differ are shortened: that takes dozens of runs each,
	// and they often have the cause in common.
	shortenedLives = 3
)

// Lives are played beside each other first, as many as -test.parallel says. Those that differ are
// played once more on two servers that have done nothing before, a few at a time, and what differs
// still by itself, on two such servers for each run. A life is identical if it goes the same way on
// both in one of those runs.
func TestALifeOnPerdureGoesAsOnTheTemporalServer(t *testing.T) {
	numbers := seedNumbers(t)
	if len(numbers) == 0 || *peerBinary == "" {
		t.Skip("only with -seeds and -peer-binary; `make differ SEEDS=1000` compares")
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var suspects []uint64
	var played *servers
	t.Run("beside each other", func(t *testing.T) {
		servers := startServers(t, binary)
		played = servers
		t.Run("lives", func(t *testing.T) {
			for _, seed := range numbers {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					t.Parallel()
					theirs, all := servers.compare(t, seed, *steps, nil)
					if len(all) == 0 {
						return
					}
					t.Logf("differs, to be played again:\n%s", sideBySide(theirs, all))
					mu.Lock()
					defer mu.Unlock()
					suspects = append(suspects, seed)
				})
			}
		})
	})
	slices.Sort(suspects)
	suspects, calm := playAgain(t, binary, suspects), len(suspects)
	calm -= len(suspects)
	var table strings.Builder
	differing := 0
	for _, seed := range suspects {
		t.Run(fmt.Sprint("seed ", seed, " by itself"), func(t *testing.T) {
			for run := range runsAlone {
				servers := startServers(t, binary)
				theirs, all := servers.compare(t, seed, *steps, nil)
				switch {
				case len(all) == 0:
					fmt.Fprintf(&table, "  seed %-8d identical when played again by itself, in run %d\n", seed, run+1)
					return
				case run == runsAlone-1:
					differing++
					fmt.Fprintf(&table, "  seed %-8d differs in each of %d runs by itself\n", seed, runsAlone)
					if differing <= shortenedLives {
						theirs, all = servers.shorten(t, seed, theirs, all)
					}
					t.Errorf("differs. The whole script, with what the Temporal server answers:\n  %s\nThe difference:\n%s",
						strings.Join(theirs, "\n  "), sideBySide(theirs, all))
				default:
					servers.stop()
				}
			}
		})
	}
	t.Logf("%d things were done; %d lives ended early, %d never settled", played.steps.Load(), played.ended.Load(), played.unsettled.Load())
	t.Logf("%d lives of %d steps, seeds %d to %d: %d identical at once, %d identical when played again, %d identical when played again by themselves, %d differ\n%s",
		len(numbers), *steps, numbers[0], numbers[len(numbers)-1], len(numbers)-calm-len(suspects), calm, len(suspects)-differing, differing, table.String())
}

// seedNumbers are the numbers of the lives that are to be compared.
func seedNumbers(t *testing.T) (numbers []uint64) {
	for i := range *seeds {
		numbers = append(numbers, *firstSeed+uint64(i))
	}
	if *onlySeeds == "" {
		return numbers
	}
	numbers = nil
	for text := range strings.SplitSeq(*onlySeeds, ",") {
		number, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("-only-seeds: %v", err)
		}
		numbers = append(numbers, number)
	}
	return numbers
}

// playAgain plays lives once more, a few at a time, and returns those that differ again.
func playAgain(t *testing.T, binary string, lives []uint64) (suspects []uint64) {
	if len(lives) < atATime {
		return lives
	}
	t.Run("again", func(t *testing.T) {
		servers := startServers(t, binary)
		var mu sync.Mutex
		var all sync.WaitGroup
		turns := make(chan struct{}, atATime)
		for _, seed := range lives {
			all.Go(func() {
				turns <- struct{}{}
				defer func() { <-turns }()
				if _, differing := servers.compare(t, seed, *steps, nil); len(differing) > 0 {
					mu.Lock()
					defer mu.Unlock()
					suspects = append(suspects, seed)
				}
			})
		}
		all.Wait()
	})
	slices.Sort(suspects)
	return suspects
}

// onePartition is the dynamic configuration of the Temporal server that lives are played on.
const onePartition = "testdata/one-partition.yaml"

// servers are a Temporal server and one of Perdure that lives are compared on.
type servers struct {
	peer, our *grpc.ClientConn
	stop      func()

	// Of the lives that were played: how many never settled, how many ended early, and how many
	// things were done in them.
	unsettled, ended, steps atomic.Int64
}

func startServers(t *testing.T, binary string) *servers {
	t.Helper()
	theirs, err := launch.StartPeer(*peerBinary, "-dynamic-config", onePartition)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := launch.Start(binary)
	if err != nil {
		theirs.Stop()
		t.Fatal(err)
	}
	s := &servers{peer: connect(theirs.Address), our: connect(ours.Address)}
	s.stop = sync.OnceFunc(func() {
		s.peer.Close()
		s.our.Close()
		theirs.Stop()
		ours.Stop()
	})
	t.Cleanup(s.stop)
	return s
}

// compare plays a life on both servers at once. It returns what the Temporal server answered, and where Perdure differs.
func (s *servers) compare(t *testing.T, seed uint64, steps int, leftOut map[int]bool) ([]string, []Difference) {
	var theirs, ours string
	var both sync.WaitGroup
	both.Go(func() { theirs = play(t, s.peer, Life(seed, steps, leftOut)) })
	both.Go(func() { ours = play(t, s.our, Life(seed, steps, leftOut)) })
	both.Wait()
	if strings.Contains(theirs, notSettled) {
		s.unsettled.Add(1)
	}
	s.ended.Add(int64(strings.Count(theirs, cannotGoOn)))
	s.steps.Add(int64(strings.Count(theirs, "\nstep ")))
	return lines(theirs), differences(lines(theirs), lines(ours))
}

// shorten looks for the shortest beginning of a life that differs, without the steps that do not matter.
func (s *servers) shorten(t *testing.T, seed uint64, theirs []string, all []Difference) ([]string, []Difference) {
	from, to := 0, *steps
	for from < to {
		middle := (from + to) / 2
		if t2, d := s.compare(t, seed, middle, nil); len(d) > 0 {
			to, theirs, all = middle, t2, d
		} else {
			from = middle + 1
		}
	}
	leftOut := map[int]bool{}
	for step := to - 1; step > 0 && step > to-25; step-- {
		leftOut[step] = true
		if t2, d := s.compare(t, seed, to, leftOut); len(d) > 0 {
			theirs, all = t2, d
		} else {
			delete(leftOut, step)
		}
	}
	return theirs, all
}
