package cli_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/server"
)

// serveData runs a server on a data directory until it is stopped.
func serveData(t *testing.T, dir string) (address string, stop func()) {
	t.Helper()
	s, err := server.Start(t.Context(), server.Options{DataDir: dir, Listen: net.JoinHostPort("127.0.0.1", "0"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Stop(ctx)
	}
	t.Cleanup(stop)
	return s.Address(), stop
}

// shown are the commands of the blocks of a document that can be run by themselves.
func shown(t *testing.T, path string) (lines []string) {
	t.Helper()
	document, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	inBlock, skip := false, false
	for _, line := range strings.Split(strings.ReplaceAll(string(document), "\\\n", " "), "\n") {
		switch {
		case strings.HasPrefix(line, "<!-- not run -->"):
			skip = true
		case strings.HasPrefix(line, "```"):
			if inBlock = !inBlock; !inBlock {
				skip = false
			}
		case inBlock && !skip && strings.HasPrefix(line, "perdure "):
			lines = append(lines, line)
		}
	}
	return lines
}

func TestTheCommandsOfTheDocumentOnBackupsWork(t *testing.T) {
	root := t.TempDir()
	address, stop := serveData(t, filepath.Join(root, "var/lib/perdure"))
	t.Setenv("TEMPORAL_ADDRESS", address)
	mustRun := func(args ...string) string {
		t.Helper()
		code, out, stderr := runHere(t, args...)
		if code != 0 {
			t.Fatalf("perdure %s\nexit code %d\n%s%s", strings.Join(args, " "), code, out, stderr)
		}
		return out
	}
	mustRun("workflow", "start", "--workflow-id", "kept", "--type", "Order", "--task-queue", "shop")
	lines := shown(t, "../../docs/backup.md")
	if len(lines) < 7 {
		t.Fatalf("%d commands were found", len(lines))
	}
	for _, line := range lines {
		args := words(line)[1:]
		for i, arg := range args {
			if strings.HasPrefix(arg, "/") {
				args[i] = filepath.Join(root, arg)
			}
		}
		mustRun(args...)
	}
	stop()
	address, _ = serveData(t, filepath.Join(root, "var/lib/perdure-restored"))
	t.Setenv("TEMPORAL_ADDRESS", address)
	if out := mustRun("workflow", "describe", "--workflow-id", "kept"); !strings.Contains(out, "kept") {
		t.Errorf("describe on the restored data: %s", out)
	}
	if out := mustRun("workflow", "list"); !strings.Contains(out, "kept") {
		t.Errorf("list on the restored data: %s", out)
	}
}

func TestBackupsAreRefusedWithAdvice(t *testing.T) {
	startServer(t) // in memory
	if code, _, stderr := runHere(t, "admin", "backup", "--to", t.TempDir()); code != 1 || !strings.Contains(stderr, "a server with a data directory can") {
		t.Errorf("of a server in memory: exit code %d\n%s", code, stderr)
	}
	dir := filepath.Join(t.TempDir(), "data")
	address, _ := serveData(t, dir)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"into the data directory":      {[]string{"backup", "--address", address, "--to", filepath.Join(dir, "backups")}, 1, "data directory of the server"},
		"without a directory":          {[]string{"backup", "--address", address}, 2, "--to is required"},
		"restored onto the running":    {[]string{"restore", "--from", t.TempDir(), "--data-dir", dir}, 1, "there is no backup"},
		"restored from nowhere":        {[]string{"restore", "--from", filepath.Join(dir, "nowhere"), "--data-dir", t.TempDir()}, 1, "nowhere"},
		"all backups removed":          {[]string{"backups", "prune", "--dir", t.TempDir(), "--keep", "0"}, 2, "--keep must be at least 1"},
		"verified where there is none": {[]string{"backups", "verify", "--dir", t.TempDir()}, 1, "there is no backup"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, _, stderr := runHere(t, append([]string{"admin"}, c.args...)...); code != c.code || !strings.Contains(stderr, c.says) {
				t.Errorf("exit code %d, want %d; stderr lacks %q:\n%s", code, c.code, c.says, stderr)
			}
		})
	}
}
