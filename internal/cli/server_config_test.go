package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestServerConfigShowsWhereEachSettingIsFrom(t *testing.T) {
	file := filepath.Join(t.TempDir(), "perdure.yaml")
	if err := os.WriteFile(file, []byte("dataDir: /data\nlisten:\n  port: 7300\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PERDURE_LOG_LEVEL", "debug")
	code, out, stderr := runHere(t, "server", "config", "--config", file, "--ip", "127.0.0.2", "-o", "json")
	var settings []struct {
		Key, From string
		Values    []string
	}
	if err := json.Unmarshal([]byte(out), &settings); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, out, stderr)
	}
	found := map[string]string{}
	for _, s := range settings {
		found[s.Key] = strings.Join(s.Values, ",") + " from " + strings.TrimPrefix(s.From, filepath.Dir(file)+"/")
	}
	for key, want := range map[string]string{
		"dataDir":     "/data from perdure.yaml:1",
		"listen.port": "7300 from perdure.yaml:3",
		"listen.ip":   "127.0.0.2 from --ip",
		"log.level":   "debug from PERDURE_LOG_LEVEL",
		"log.format":  "text from default",
	} {
		if found[key] != want {
			t.Errorf("%s is %q, want %q", key, found[key], want)
		}
	}
	if _, out, _ := runHere(t, "server", "config", "--config", file); !strings.Contains(out, "perdure.yaml:1") {
		t.Errorf("printed as text:\n%s", out)
	}
}

func TestServerConfigFailsAsTheServerWould(t *testing.T) {
	file := filepath.Join(t.TempDir(), "perdure.yaml")
	if err := os.WriteFile(file, []byte("dataDri: /data\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"config", "start"} {
		code, _, stderr := runHere(t, "server", command, "--config", file)
		if code != 1 || !strings.Contains(stderr, "perdure.yaml:1: there is no setting dataDri; did you mean dataDir?") {
			t.Errorf("server %s: exit code %d\n%s", command, code, stderr)
		}
	}
}

func TestServerConfigPrintsAnExampleToBeginWith(t *testing.T) {
	code, out, stderr := runHere(t, "server", "config", "--example")
	want, err := os.ReadFile("../../deploy/perdure.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if code != 0 || out != string(want) {
		t.Errorf("exit code %d, %s\n%s", code, stderr, out)
	}
}
