package dynamicconfig

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the list of settings into docs/configuration.md")

func TestTheDocumentListsTheSettings(t *testing.T) {
	const path, begin, end = "../../docs/configuration.md", "<!-- generated: settings -->\n", "<!-- end -->"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the list", path)
	}
	var list strings.Builder
	list.WriteString("```text\n")
	for _, s := range All() {
		fmt.Fprintf(&list, "%s\n    %s\n    %s, default %s", s.Key, s.Doc, s.Type, s.Default)
		if s.Scope != ScopeGlobal {
			fmt.Fprintf(&list, "; by %v", s.Scope)
		}
		list.WriteString("\n\n")
	}
	list.WriteString("```\n")
	want := head + begin + list.String() + end + tail
	if want == string(data) {
		return
	}
	if !*rewrite {
		t.Fatalf("%s does not list the settings as they are: run this test with -rewrite", path)
	}
	if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEverySettingIsDocumentedInSentences(t *testing.T) {
	for _, s := range All() {
		if !strings.HasSuffix(s.Doc, ".") {
			t.Errorf("%s: %q is no sentence", s.Key, s.Doc)
		}
	}
}
