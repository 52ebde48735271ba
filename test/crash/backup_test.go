package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

var (
	backupKills  = flag.Int("backup-kills", 4, "how often to kill the server while it makes backups")
	backupChecks = flag.Int("backup-checks", 2, "how many of the backups to restore and look into")
)

// stamps is how many signals a letter waits for.
const stamps = 3

// letter is a workflow that ends when it has got its stamps.
func letter(ctx workflow.Context, id string) (string, error) {
	for range stamps {
		workflow.GetSignalChannel(ctx, "stamp").Receive(ctx, nil)
	}
	return "sent " + id, nil
}

// acknowledgement is what of a letter the server has acknowledged, and when its client knew.
type acknowledgement struct {
	id, runID string
	started   time.Time
	stamped   []time.Time
	ended     time.Time // zero: that was not seen
}

type post struct {
	mu      sync.Mutex
	letters []*acknowledgement
}

// send starts a letter, stamps it and waits for its end, as far as the server lets it.
func (p *post) send(ctx context.Context, c client.Client, id string) {
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: "post"}, letter, id)
	if err != nil {
		return
	}
	a := &acknowledgement{id: id, runID: run.GetRunID(), started: time.Now()}
	p.mu.Lock()
	p.letters = append(p.letters, a)
	p.mu.Unlock()
	for range stamps {
		if c.SignalWorkflow(ctx, id, "", "stamp", nil) != nil {
			return
		}
		p.mu.Lock()
		a.stamped = append(a.stamped, time.Now())
		p.mu.Unlock()
	}
	if run.Get(ctx, nil) == nil {
		p.mu.Lock()
		a.ended = time.Now()
		p.mu.Unlock()
	}
}

func (p *post) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.letters)
}

func (p *post) await(t *testing.T, more int) {
	t.Helper()
	want := p.count() + more
	for deadline := time.Now().Add(patience); p.count() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no more than %d letters were acknowledged after %v", p.count(), patience)
		}
	}
}

func dialServer(t *testing.T, s *server) client.Client {
	t.Helper()
	connect := grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
		Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}})
	c, err := client.Dial(client.Options{HostPort: s.address, Logger: quiet{}, ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{connect}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func postOffice(t *testing.T, c client.Client) {
	t.Helper()
	w := worker.New(c, "post", worker.Options{WorkerStopTimeout: time.Second})
	w.RegisterWorkflow(letter)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
}

func TestBackupsOfAServerThatIsKilledHaveWhatWasAcknowledgedBefore(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d, %d kills", *seed, *backupKills)
	random := rand.New(rand.NewPCG(*seed, 2))
	s := newServer(t)
	s.start()
	c := dialServer(t, s)
	postOffice(t, c)
	var sent post
	load, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	for i := range *loops {
		running.Go(func() {
			for n := 0; load.Err() == nil; n++ {
				sent.send(load, c, fmt.Sprintf("letter-%d-%d", i, n))
			}
		})
	}
	backups := filepath.Join(t.TempDir(), "backups")
	took := time.Second
	for kill := range *backupKills {
		sent.await(t, *loops)
		begun := time.Now()
		backup := exec.Command(s.binary, "admin", "backup", "--to", backups, "--max-rate", "1", "--address", s.address)
		if err := backup.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- backup.Wait() }()
		if kill%2 == 0 {
			if err := <-ended; err != nil {
				t.Errorf("a backup that nothing disturbed: %v", err)
			}
			took = time.Since(begun)
			sent.await(t, random.IntN(*loops))
			s.kill()
		} else {
			time.Sleep(time.Duration(random.Int64N(int64(took))))
			s.kill()
			_ = backup.Process.Kill()
			<-ended
		}
		s.start()
	}
	stop()
	running.Wait()
	s.kill()
	if out, err := s.command("admin", "verify", "--data-dir", s.dataDir); err != nil {
		t.Errorf("the data after the kills: %v\n%s", err, out)
	}

	whole, unfinished := wholeBackups(t, backups)
	if len(whole) < *backupKills/2 {
		t.Fatalf("%d backups are whole after %d kills", len(whole), *backupKills)
	}
	t.Logf("%d letters, %d backups whole, %d left unfinished", len(sent.letters), len(whole), unfinished)
	random.Shuffle(len(whole)-1, func(i, j int) { whole[i], whole[j] = whole[j], whole[i] }) // the last stays
	for i := range min(*backupChecks, len(whole)) {
		checkBackup(t, s, whole[len(whole)-1-i], sent.letters, i == 0)
	}
}

// wholeBackups are the directories of the backups that are finished, the oldest first.
func wholeBackups(t *testing.T, dir string) (whole []string, unfinished int) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		switch {
		case strings.HasSuffix(entry.Name(), ".partial"):
			unfinished++
		case entry.IsDir():
			whole = append(whole, filepath.Join(dir, entry.Name()))
		}
	}
	return whole, unfinished
}

// command runs the binary to its end.
func (s *server) command(args ...string) (string, error) {
	out, err := exec.Command(s.binary, args...).CombinedOutput()
	return string(bytes.TrimSpace(out)), err
}

// beside returns a server of the same binary with a port and a directory of its own.
func (s *server) beside(dataDir string) *server {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer listener.Close()
	other := &server{t: s.t, binary: s.binary, dataDir: dataDir, address: listener.Addr().String()}
	s.t.Cleanup(other.kill)
	return other
}

// checkBackup restores a backup and looks for what was acknowledged before its time. If it is to go on, all letters that are
// open there are brought to their end.
func checkBackup(t *testing.T, s *server, backup string, letters []*acknowledgement, goOn bool) {
	var manifest struct{ Time time.Time }
	data, err := os.ReadFile(filepath.Join(backup, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(data, &manifest)
	}
	if err != nil || manifest.Time.IsZero() {
		t.Fatalf("the manifest of %s: %v", backup, err)
	}
	restored := filepath.Join(t.TempDir(), "restored")
	for _, args := range [][]string{
		{"admin", "backups", "verify", "--dir", backup}, {"admin", "verify", "--backup", backup},
		{"admin", "restore", "--from", backup, "--data-dir", restored}, {"admin", "verify", "--data-dir", restored},
	} {
		if out, err := s.command(args...); err != nil {
			t.Fatalf("perdure %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	other := s.beside(restored)
	other.start()
	c := dialServer(t, other)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	before := 0
	queue := make(chan *acknowledgement)
	var checking sync.WaitGroup
	for range 8 {
		checking.Go(func() {
			for a := range queue {
				a.check(ctx, t, c, manifest.Time)
			}
		})
	}
	for _, a := range letters {
		if a.started.Before(manifest.Time) {
			before++
			queue <- a
		}
	}
	close(queue)
	checking.Wait()
	if before == 0 {
		t.Errorf("nothing was acknowledged before the backup %s", backup)
	}
	t.Logf("%s: %d letters were acknowledged before, none is missing", filepath.Base(backup), before)
	if !goOn || t.Failed() {
		return
	}
	postOffice(t, c)
	for _, a := range letters {
		if !a.started.Before(manifest.Time) {
			continue
		}
		for range stamps {
			_ = c.SignalWorkflow(ctx, a.id, a.runID, "stamp", nil) // most have ended
		}
		var result string
		if err := c.GetWorkflow(ctx, a.id, a.runID).Get(ctx, &result); err != nil || result != "sent "+a.id {
			t.Errorf("%s goes on and ends with %q, %v", a.id, result, err)
			return
		}
	}
}

// check looks at a letter in data of a time.
func (a *acknowledgement) check(ctx context.Context, t *testing.T, c client.Client, at time.Time) {
	d, err := c.DescribeWorkflowExecution(ctx, a.id, a.runID)
	if err != nil {
		t.Errorf("%s was started before the backup and is not in it: %v", a.id, err)
		return
	}
	status := d.WorkflowExecutionInfo.Status
	if !a.ended.IsZero() && a.ended.Before(at) && status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		t.Errorf("%s had ended before the backup, where it is %v", a.id, status)
	}
	want, got := 0, 0
	for _, stamped := range a.stamped {
		if stamped.Before(at) {
			want++
		}
	}
	for it := c.GetWorkflowHistory(ctx, a.id, a.runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); {
		event, err := it.Next()
		if err != nil {
			t.Errorf("history of %s: %v", a.id, err)
			return
		}
		if event.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
			got++
		}
	}
	if got < want || got > stamps {
		t.Errorf("%s had %d stamps before the backup, where it has %d", a.id, want, got)
	}
}
