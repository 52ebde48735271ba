// Package reshard changes the number of shards of a store full of workflows with
// the real binary, kills it again and again while it does so, and checks that
// every workflow is afterwards what it was before.
package reshard

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	workflows = flag.Int("workflows", 1000, "how many workflows there are")
	kills     = flag.Int("kills", 4, "how often to kill the resharding")
	seed      = flag.Uint64("seed", 0, "seed of the moments of the kills; 0: a random one, which is printed")
)

const (
	fewShards, manyShards = 16, 64
	// lateTimers are timers that become due while the server is stopped.
	lateTimers = 20
)

func TestWorkflowsAreTheSameAfterAReshardingThatIsKilledAgainAndAgain(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d, %d workflows, %d kills", *seed, *workflows, *kills)
	p := newPerdure(t)
	c := p.start()
	start := time.Now()
	c.fill(*workflows, lateTimers)
	t.Logf("filled in %v", time.Since(start).Round(time.Millisecond))
	p.stop()
	c = p.start()
	before := c.snapshot(*workflows)
	p.stop()

	r := &resharder{perdure: p, random: rand.New(rand.NewPCG(*seed, 1))}
	r.measure(manyShards)
	r.measure(fewShards)
	for half, shards := range []int{manyShards, fewShards} {
		r.killed((*kills+half)/2, shards)
		c = p.start()
		c.compare(before)
		p.stop()
	}
	t.Logf("killed %d times: %d times the store was whole, %d times in the middle; an earlier run was gone on with %d times",
		*kills, r.whole, r.half, r.resumed)
	p.run("admin", "verify", "--data-dir", p.dataDir)

	c = p.start()
	c.finish(*workflows, lateTimers)
}

// resharder runs 'perdure admin reshard', and kills it.
type resharder struct {
	*perdure
	random *rand.Rand
	// usual is how long a resharding takes that nobody kills.
	usual time.Duration
	// whole and half count what state the kills left the store in.
	whole, half, resumed int
}

// measure reshards in peace and prints the figures.
func (r *resharder) measure(shards int) {
	r.t.Helper()
	cmd := r.command(shards)
	start := time.Now()
	out, err := cmd.Output()
	took := time.Since(start)
	if err != nil {
		r.t.Fatalf("reshard to %d: %v\n%s", shards, err, cmd.Stderr)
	}
	r.usual = max(r.usual, took)
	var info struct{ Pairs, Bytes, DiskBefore, DiskAfter int64 }
	if err := json.Unmarshal(out, &info); err != nil {
		r.t.Fatalf("reshard printed %q: %v", out, err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	r.t.Logf("to %d shards: %v, %d pairs of %.1f MB, %.0f pairs/s, %.0f MB resident at most, %.1f MB on disk before, %.1f after",
		shards, took.Round(time.Millisecond), info.Pairs, float64(info.Bytes)/1e6, float64(info.Pairs)/took.Seconds(),
		float64(usage.Maxrss)/1024, float64(info.DiskBefore)/1e6, float64(info.DiskAfter)/1e6)
}

func (r *resharder) command(shards int) *exec.Cmd {
	cmd := exec.Command(r.binary, "admin", "reshard", "--data-dir", r.dataDir, "--shards", fmt.Sprint(shards), "--output", "json")
	cmd.Stderr = new(strings.Builder)
	return cmd
}

// killed reshards to and fro until it has killed so many reshardings, and then
// to the number of shards.
func (r *resharder) killed(kills, shards int) {
	r.t.Helper()
	target := shards
	for kills > 0 {
		cmd := r.command(target)
		out := new(strings.Builder)
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			r.t.Fatal(err)
		}
		exited := make(chan error, 1)
		go func() { exited <- cmd.Wait() }()
		select {
		case err := <-exited: // too early for the kill
			if err != nil {
				r.t.Fatalf("reshard to %d: %v\n%s", target, err, cmd.Stderr)
			}
			r.note(out.String())
			target = fewShards + manyShards - target
			continue
		case <-time.After(time.Duration(r.random.Int64N(int64(r.usual)))):
		}
		_ = cmd.Process.Kill()
		<-exited
		kills--
		r.look()
	}
	if target != shards { // the last kill was on the way to the other number
		r.note(string(r.run("admin", "reshard", "--data-dir", r.dataDir, "--shards", fmt.Sprint(target), "--output", "json")))
	}
	r.note(string(r.run("admin", "reshard", "--data-dir", r.dataDir, "--shards", fmt.Sprint(shards), "--output", "json")))
}

func (r *resharder) note(out string) {
	var info struct{ Resumed bool }
	if err := json.Unmarshal([]byte(out), &info); err != nil {
		r.t.Fatalf("reshard printed %q: %v", out, err)
	}
	if info.Resumed {
		r.resumed++
	}
}

// look starts a server on what a kill has left: it runs, or says what to do.
func (r *resharder) look() {
	r.t.Helper()
	refusal := r.tryStart()
	if refusal == "" {
		r.whole++
		r.stop()
		return
	}
	if !strings.Contains(refusal, "run 'perdure admin reshard --data-dir") {
		r.t.Fatalf("a server on a store whose resharding was killed says: %s", refusal)
	}
	r.half++
}

// compare checks that every workflow is what it was.
func (c *caller) compare(before map[string]workflowState) {
	c.t.Helper()
	after := c.snapshot(len(before))
	different := 0
	for id, was := range before {
		now := after[id]
		if now == was {
			continue
		}
		if different++; different <= 5 {
			c.t.Errorf("%s has changed:\n%s\nnow:\n%s", id, was, now)
		}
	}
	if different > 0 {
		c.t.Fatalf("%d of %d workflows have changed", different, len(before))
	}
	c.t.Logf("%d workflows describe the same, and have the same histories", len(before))
}

func background() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}
