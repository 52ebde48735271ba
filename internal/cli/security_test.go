package cli_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheCommandsOfTheSecurityPageSecureAServer runs them, one after the other, in an empty
// directory. The server is started in the background and stopped at the end.
func TestTheCommandsOfTheSecurityPageSecureAServer(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("there is no openssl")
	}
	perdure, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -eu\n")
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(document), -1) {
		script.WriteString(block[1])
	}
	const start = "perdure server start --config perdure.yaml\n"
	if !strings.Contains(script.String(), start) {
		t.Fatal("the page starts no server")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	text := strings.Replace(script.String(), start, `
mkfifo started
perdure server start --config perdure.yaml --output json > started 2> log &
server=$!
trap 'kill $server; wait $server' EXIT
head -n 1 < started
`, 1)
	text = strings.ReplaceAll(text, "7233", port) + `
! perdure workflow list --namespace default --api-key "$(cat worker.key)"
! perdure workflow list --namespace orders
! perdure workflow list --namespace orders --api-key perdure_nonsense
perdure workflow start --namespace orders --task-queue q --type W --workflow-id w --api-key "$(cat worker.key)"
perdure admin api-key delete orders-worker --auth-file access.yaml
perdure admin api-key list --auth-file access.yaml
! grep -q -F "$(cat worker.key)" access.yaml log
`
	cmd := exec.Command("sh", "-c", text)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(perdure)+":"+os.Getenv("PATH"), "HOME="+cmd.Dir, "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(cmd.Dir, "log"))
		t.Fatalf("%v\n%s\nlog of the server:\n%s", err, out, log)
	}
	for _, want := range []string{"orders-worker", "temporal-system:admin", "Registered", "Request unauthorized.", "no such API key"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("what is printed lacks %q:\n%s", want, out)
		}
	}
}

func TestAPIKeysAreMadeListedAndDeleted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access.yaml")
	if err := os.WriteFile(file, []byte("# ours\ncertificates:\n  - name: worker\n    roles: [orders:write] # all of them\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	code, out, stderr := runHere(t, "admin", "api-key", "create", "ci", "--auth-file", file, "--role", "orders:write", "--role", "billing:read", "--expires-in", "1d", "-o", "json")
	if code != 0 || !strings.Contains(out, `"perdure_`) {
		t.Fatalf("exit code %d\n%s%s", code, out, stderr)
	}
	if code, _, stderr := runHere(t, "admin", "api-key", "create", "ci", "--auth-file", file, "--role", "orders:write"); code != 1 || !strings.Contains(stderr, "a name of its own") {
		t.Errorf("the same name again: exit code %d\n%s", code, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "# ours") || !strings.Contains(string(text), "# all of them") || !strings.Contains(string(text), "sha256:") || strings.Contains(string(text), "perdure_") {
		t.Errorf("the file is\n%s", text)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v", info.Mode())
	}
	if _, out, _ := runHere(t, "admin", "api-key", "list", "--auth-file", file); !strings.Contains(out, "orders:write, billing:read") {
		t.Errorf("listed:\n%s", out)
	}
	if code, _, stderr := runHere(t, "admin", "api-key", "delete", "ci", "--auth-file", file); code != 0 {
		t.Errorf("delete: exit code %d\n%s", code, stderr)
	}
	if code, _, stderr := runHere(t, "admin", "api-key", "delete", "ci", "--auth-file", file); code != 1 || !strings.Contains(stderr, "no API key") {
		t.Errorf("delete again: exit code %d\n%s", code, stderr)
	}
	for name, args := range map[string][]string{
		"no name":    {"--auth-file", file, "--role", "a:read"},
		"no role":    {"x", "--auth-file", file},
		"a bad role": {"x", "--auth-file", file, "--role", "a:owner"},
		"no file":    {"x", "--role", "a:read"},
	} {
		if code, _, stderr := runHere(t, append([]string{"admin", "api-key", "create"}, args...)...); code != 2 {
			t.Errorf("%s: exit code %d\n%s", name, code, stderr)
		}
	}
}
