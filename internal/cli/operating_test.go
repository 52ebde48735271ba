package cli_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/contrib/envconfig"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// walk are the commands of the first part of docs/operating.md, made into a script. The server is started in the background. Before
// the commands with a schedule it waits for a worker, and before those of backups until the worker has done its work.
func walk(t *testing.T) string {
	t.Helper()
	document, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	part, _, found := strings.Cut(string(document), "## Start, stop, start anew\n")
	if !found {
		t.Fatal("the page has no second part")
	}
	var script strings.Builder
	script.WriteString("set -eu\nexport NO_COLOR=1\nawait() { while [ ! -e $1 ]; do sleep 0.02; done; }\n")
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(part, -1) {
		switch text := block[1]; {
		case strings.Contains(text, "perdure schedule create"):
			script.WriteString("touch client-ready; await worker-ready\n" + text + "touch scheduled; await worker-done\n")
		default:
			script.WriteString(text)
		}
	}
	const start = "perdure server start --config perdure.yaml\n"
	if !strings.Contains(script.String(), start) {
		t.Fatal("the page starts no server")
	}
	text := strings.Replace(script.String(), start, `
mkfifo started
perdure server start --config perdure.yaml --output json > started 2> log &
server=$!
trap 'kill $server; wait $server' EXIT
head -n 1 < started
`, 1)
	for _, port := range []string{"7233", "8233", "9090"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, free, _ := net.SplitHostPort(listener.Addr().String())
		defer listener.Close() // until all are found
		text = strings.ReplaceAll(text, port, free)
	}
	return text
}

func TestTheCommandsOfTheOperatingPageLeadToAServerThatIsSecuredBackedUpAndWatched(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	for _, tool := range []string{"openssl", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s", tool)
		}
	}
	perdure, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	script := walk(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(perdure)+":"+os.Getenv("PATH"), "HOME="+cmd.Dir)
	cmd.WaitDelay = 5 * time.Second
	worked := make(chan error, 1)
	go func() {
		err := workHere(ctx, t, cmd.Dir, script)
		if err != nil {
			cancel()
		}
		worked <- err
	}()
	out, err := cmd.CombinedOutput()
	cancel()
	if workErr := <-worked; err != nil || workErr != nil {
		log, _ := os.ReadFile(filepath.Join(cmd.Dir, "log"))
		t.Fatalf("%v; the worker: %v\n%s\nlog of the server:\n%s", err, workErr, out, log)
	}
	for _, want := range []string{"nightly", "Completed", "perdure_ready 1", "0 problems", "restored to restored"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("what is printed lacks %q:\n%s", want, out)
		}
	}
}

// workHere is a worker with the connection that the script has exported, until the workflow of the schedule has ended.
func workHere(ctx context.Context, t *testing.T, dir, script string) error {
	await := func(name string) error {
		for {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				return nil
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	if err := await("client-ready"); err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(dir, "worker.key"))
	if err != nil {
		return err
	}
	address := regexp.MustCompile(`TEMPORAL_ADDRESS=(\S+)`).FindStringSubmatch(script)
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: variables{
		"TEMPORAL_ADDRESS": address[1], "TEMPORAL_TLS_SERVER_CA_CERT_PATH": filepath.Join(dir, "ca.pem"),
		"TEMPORAL_NAMESPACE": "orders", "TEMPORAL_API_KEY": strings.TrimSpace(string(key)),
	}, DisableFile: true})
	if err != nil {
		return err
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return err
	}
	defer c.Close()
	ended := make(chan string, 1)
	w := worker.New(c, "orders", worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, customer string) error {
		ended <- workflow.GetInfo(ctx).WorkflowExecution.ID
		return nil
	}, workflow.RegisterOptions{Name: "Order"})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	if err := os.WriteFile(filepath.Join(dir, "worker-ready"), nil, 0o600); err != nil {
		return err
	}
	select {
	case id := <-ended:
		if err := c.GetWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
			return err
		}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return os.WriteFile(filepath.Join(dir, "worker-done"), nil, 0o600)
}

// variables are an environment.
type variables map[string]string

func (v variables) Environ() (all []string) {
	for name, value := range v {
		all = append(all, name+"="+value)
	}
	return all
}

func (v variables) LookupEnv(name string) (string, bool) { value, ok := v[name]; return value, ok }
