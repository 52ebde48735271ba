package crash

import (
	"context"
	crand "crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

var (
	storeBytes = flag.Int64("store-bytes", 0, "measure a backup of a store of so many bytes beside load; 0: do not")
	turns      = flag.Int("turns", 3, "how often the load is measured, with and without a backup")
	turn       = flag.Duration("turn", 10*time.Second, "how long it is measured each time")
	loadDir    = flag.String("load-dir", "", "where the store and its backups are kept afterwards; empty: nowhere")
	loadSteps  = flag.String("load-steps", "fill,load,restore", "what is done of filling the store, measuring backups beside load, and restoring and verifying the last one; with -load-dir each can be a run of its own, the middle one on a quiet machine")
)

// TestABackupBesideLoad measures; it is run by `make backup-load`.
func TestABackupBesideLoad(t *testing.T) {
	if *storeBytes == 0 {
		t.Skip("-store-bytes is 0")
	}
	dir := *loadDir
	if dir == "" {
		dir = t.TempDir()
	}
	s := newServer(t)
	s.dataDir = filepath.Join(dir, "data")
	for _, step := range strings.Split(*loadSteps, ",") {
		switch step {
		case "fill":
			s.start()
			began := time.Now()
			fillStore(t, dialServer(t, s), *storeBytes)
			t.Logf("%d MB filled in %v", *storeBytes/1e6, time.Since(began).Round(time.Second))
			s.kill()
		case "load":
			measureBackups(t, s, filepath.Join(dir, "backups"))
		case "restore":
			restoreLast(t, s, filepath.Join(dir, "backups"), filepath.Join(dir, "restored"))
		default:
			t.Fatalf("there is no step %q", step)
		}
	}
}

// measureBackups measures the load by turns, with and without a backup. The last backup is made to its end.
func measureBackups(t *testing.T, s *server, backups string) {
	s.start()
	defer s.kill()
	c := dialServer(t, s)
	w := worker.New(c, "load", worker.Options{})
	w.RegisterWorkflow(errand)
	w.RegisterActivity(pause)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	var alone, beside float64
	measureLoad(t, c, 0) // warm
	for i := range *turns {
		without := measureLoad(t, c, i)
		// To a directory of its own: everything is copied.
		to := filepath.Join(backups, fmt.Sprint(i))
		backup := exec.Command(s.binary, "admin", "backup", "--to", to, "--address", s.address)
		started := time.Now()
		if err := backup.Start(); err != nil {
			t.Fatal(err)
		}
		with := measureLoad(t, c, i)
		within := time.Since(started)
		if i < *turns-1 {
			if err := backup.Process.Signal(os.Interrupt); err != nil {
				t.Errorf("the backup was over before the turn was: %v", err)
			}
			_ = backup.Wait()
			_ = os.RemoveAll(to)
		} else if err := backup.Wait(); err != nil {
			t.Fatal(err)
		}
		t.Logf("turn %d: %.0f workflows a second without a backup, %.0f with one (%.0f %%); the backup ran %v, %v of that beside load",
			i, without, with, 100*with/without, time.Since(started).Round(time.Second), within.Round(time.Second))
		alone, beside = alone+without, beside+with
	}
	t.Logf("with a backup: %.1f %% of the workflows a second without", 100*beside/alone)
	if beside < 0.8*alone {
		t.Errorf("a backup takes more than a fifth of the workflows a second")
	}
}

// restoreLast restores the last backup, and verifies all that there is.
func restoreLast(t *testing.T, s *server, backups, restored string) {
	last := filepath.Join(backups, fmt.Sprint(*turns-1))
	for _, args := range [][]string{
		{"admin", "verify", "--data-dir", s.dataDir}, {"admin", "backups", "verify", "--dir", last},
		{"admin", "restore", "--from", last, "--data-dir", restored}, {"admin", "verify", "--data-dir", restored},
	} {
		began := time.Now()
		out, err := s.command(args...)
		if err != nil {
			t.Errorf("%v: %v", args, err)
		}
		t.Logf("perdure %s %s: %v\n%s", args[0], args[1], time.Since(began).Round(100*time.Millisecond), out)
	}
}

// fillStore starts workflows that wait, with inputs that cannot be compressed.
func fillStore(t *testing.T, c client.Client, bytes int64) {
	const each = 20 << 10
	here := time.Now().UnixNano() // another run may have filled it before
	var next atomic.Int64
	var filling sync.WaitGroup
	for range 32 {
		filling.Go(func() {
			input := make([]byte, each)
			for n := next.Add(1); n*each <= bytes && !t.Failed(); n = next.Add(1) {
				_, _ = crand.Read(input)
				if _, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: fmt.Sprintf("filling-%d-%d", here, n), TaskQueue: "nobody"}, "filling", input); err != nil {
					t.Errorf("fill: %v", err)
				}
			}
		})
	}
	filling.Wait()
}

// errand is a workflow of one activity.
func errand(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteActivity(ctx, pause).Get(ctx, nil)
}

func pause(context.Context) error { return nil }

// late reports whether an error is of the end of the turn, whoever has noticed it first.
func late(err error) bool {
	var exceeded *serviceerror.DeadlineExceeded
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &exceeded)
}

// measureLoad runs errands for a turn and returns how many end in a second.
func measureLoad(t *testing.T, c client.Client, round int) float64 {
	ctx, cancel := context.WithTimeout(t.Context(), *turn)
	defer cancel()
	var ended atomic.Int64
	var running sync.WaitGroup
	began := time.Now()
	for range 64 {
		running.Go(func() {
			for ctx.Err() == nil {
				run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "load"}, errand)
				if err == nil {
					err = run.Get(ctx, nil)
				}
				switch {
				case err == nil:
					ended.Add(1)
				case ctx.Err() == nil && !late(err):
					t.Errorf("round %d: %v", round, err)
					return
				}
			}
		})
	}
	running.Wait()
	return float64(ended.Load()) / time.Since(began).Seconds()
}
