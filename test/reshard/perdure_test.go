package reshard

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// perdure is the real binary and its data directory.
type perdure struct {
	t       *testing.T
	binary  string
	dataDir string
	cmd     *exec.Cmd
	conn    *grpc.ClientConn
}

func newPerdure(t *testing.T) *perdure {
	dir := t.TempDir()
	p := &perdure{t: t, binary: filepath.Join(dir, "perdure"), dataDir: filepath.Join(dir, "data")}
	build := exec.Command("go", "build", "-o", p.binary, "./cmd/perdure")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "GOWORK=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build perdure: %v\n%s", err, out)
	}
	t.Cleanup(p.stop)
	return p
}

// start starts the server and waits until it listens.
func (p *perdure) start() *caller {
	p.t.Helper()
	if refusal := p.tryStart(); refusal != "" {
		p.t.Fatalf("the server did not come up: %s", refusal)
	}
	return &caller{p.t, workflowservice.NewWorkflowServiceClient(p.conn)}
}

// tryStart returns what the server says if it does not start.
func (p *perdure) tryStart() (refusal string) {
	p.t.Helper()
	said := new(strings.Builder)
	p.cmd = exec.Command(p.binary, "server", "start", "--data-dir", p.dataDir, "--port", "0", "--output", "json", "--log-level", "error")
	p.cmd.Stderr = said
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		_ = p.cmd.Wait()
		p.cmd = nil
		return said.String()
	}
	var banner struct{ Address string }
	if err := json.Unmarshal(line, &banner); err != nil {
		p.t.Fatalf("the server printed %q: %v", line, err)
	}
	if p.conn, err = grpc.NewClient(banner.Address, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		p.t.Fatal(err)
	}
	return ""
}

// stop kills the server: what it has not written by then need not be there.
func (p *perdure) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.conn.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// run runs a command to its end, which must be a good one.
func (p *perdure) run(args ...string) []byte {
	p.t.Helper()
	cmd := exec.Command(p.binary, args...)
	said := new(strings.Builder)
	cmd.Stderr = said
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("perdure %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return out
}
