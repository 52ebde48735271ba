package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAStoppedServersDataAreReshardedAndVerified(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, "server", "start", "--data-dir", dir, "--port", "0", "-o", "json", "--namespace", "kept")
	before, err := describe(t, p.ready().Address, "kept")
	if err != nil {
		t.Fatal(err)
	}

	for advice, command := range map[string][]string{
		"stop the server that uses it first":                                      {"reshard", "--shards", "64"},
		"make a backup of it ('perdure admin backup') and verify that (--backup)": {"verify"},
	} {
		code, _, stderr := run(t, append(append([]string{"admin"}, command...), "--data-dir", dir)...)
		if code != 1 || !strings.Contains(stderr, advice) {
			t.Errorf("admin %v beside a server: exit code %d\n%s", command, code, stderr)
		}
	}
	p.cmd.Process.Kill()
	<-p.exited

	code, out, stderr := run(t, "admin", "reshard", "--data-dir", dir, "--shards", "64", "-o", "json")
	var resharded struct {
		Outcome         string
		From, To, Pairs int
	}
	if err := json.Unmarshal([]byte(out), &resharded); err != nil || code != 0 {
		t.Fatalf("admin reshard: exit code %d, %q, %v\n%s", code, out, err, stderr)
	}
	if resharded.Outcome != "resharded" || resharded.From != 16 || resharded.To != 64 || resharded.Pairs == 0 {
		t.Errorf("admin reshard: %+v", resharded)
	}
	code, out, stderr = run(t, "admin", "reshard", "--data-dir", dir, "--shards", "7")
	if code != 0 || !strings.Contains(out, "Counts and checksums are equal") {
		t.Errorf("admin reshard: exit code %d, %q\n%s", code, out, stderr)
	}
	code, out, stderr = run(t, "admin", "verify", "--data-dir", dir)
	if code != 0 || !strings.Contains(out, "in 7 shards") || !strings.Contains(out, ": 0 problems") {
		t.Errorf("admin verify: exit code %d, %q\n%s", code, out, stderr)
	}

	p = start(t, "server", "start", "--data-dir", dir, "--port", "0", "-o", "json")
	after, err := describe(t, p.ready().Address, "kept")
	if err != nil || after.NamespaceInfo.Id != before.NamespaceInfo.Id {
		t.Errorf("namespace after the reshardings: %v, %v; before: %v", after, err, before)
	}
}

func TestAdminCommandsFailWithAdvice(t *testing.T) {
	empty, foreign := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "notes.txt"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no directory":         {[]string{"reshard", "--shards", "4"}, 2, "--data-dir is required"},
		"no directory, verify": {[]string{"verify"}, 2, "--data-dir is required"},
		"no number of shards":  {[]string{"reshard", "--data-dir", empty}, 2, "between 1 and 4096"},
		"too many shards":      {[]string{"reshard", "--data-dir", empty, "--shards", "4097"}, 2, "between 1 and 4096"},
		"an empty directory":   {[]string{"reshard", "--data-dir", empty, "--shards", "4"}, 1, "no data of a Perdure server"},
		"a foreign directory":  {[]string{"verify", "--data-dir", foreign}, 1, "notes.txt"},
		"an unknown command":   {[]string{"repair"}, 2, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, append([]string{"admin"}, c.args...)...)
			if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
				t.Errorf("exit code %d, want %d; stdout %q; stderr lacks %q:\n%s", code, c.code, stdout, c.says, stderr)
			}
		})
	}
}
