package config_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/config"
)

var rewrite = flag.Bool("rewrite", false, "write the reference in docs/configuration.md and deploy/perdure.yaml anew")

const example = "../../deploy/perdure.yaml"

// hold compares a file with what it should be.
func hold(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err == nil && string(got) == want {
		return
	}
	if !*rewrite {
		t.Fatalf("%s is not what the declarations make: run this test with -rewrite (%v)", path, err)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheExampleHasAllSettings(t *testing.T) {
	hold(t, example, config.New(config.Production).Example())
}

func TestTheDocumentListsTheSettings(t *testing.T) {
	const path, begin, end = "../../docs/configuration.md", "<!-- generated: server -->\n", "<!-- end of server -->"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the list", path)
	}
	hold(t, path, head+begin+"```text\n"+config.New(config.Production).Reference()+"```\n"+end+tail)
}

func TestTheExampleIsTakenWithAndWithoutItsComments(t *testing.T) {
	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	commented := string(data)
	var bare []string
	for _, line := range strings.Split(commented, "\n") {
		if before, after, ok := strings.Cut(line, "#"); ok && !strings.HasPrefix(after, " ") {
			line = before + after
		}
		bare = append(bare, line)
	}
	for name, text := range map[string]string{"with": commented, "without": strings.Join(bare, "\n")} {
		c, _, err := load(t, config.Production, text, nil, "--data-dir", "x")
		if err != nil {
			t.Fatalf("%s comments: %v", name, err)
		}
		for _, s := range c.Settings() {
			if got := strings.Join(s.Values(), ", "); s.Key != "dataDir" && got != s.Default {
				t.Errorf("%s comments %s is %q, the default is %q", name, s.Key, got, s.Default)
			}
		}
	}
}

func TestEverySettingIsDescribedByAPhrase(t *testing.T) {
	for _, kind := range []config.Kind{config.Production, config.Development} {
		for _, s := range config.New(kind).Settings() {
			if s.Doc == "" || strings.HasSuffix(s.Doc, ".") {
				t.Errorf("%s: %q is no phrase", s.Key, s.Doc)
			}
		}
	}
}
