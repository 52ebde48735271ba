package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheTextsOfErrorsInTroubleshootingAreThoseOfTheCode(t *testing.T) {
	var code strings.Builder
	for _, dir := range []string{"internal", "sdk"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			// Texts that go over several lines are joined.
			code.WriteString(joined.ReplaceAllString(string(data), ""))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	all, texts := code.String(), 0
	d := readDocument(t, "docs/troubleshooting.md")
	for _, block := range d.blocks {
		if block.language != "text" {
			continue
		}
		for i, line := range block.lines {
			texts++
			if !strings.Contains(all, strings.TrimSpace(line)) {
				t.Errorf("%s: no code says %q", d.at(block.line+i), line)
			}
		}
	}
	if texts < 30 {
		t.Errorf("found %d texts", texts)
	}
}

var joined = regexp.MustCompile(`"\s*\+\s*"`)
