package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// logged is what the workers of a program log.
var logged = regexp.MustCompile(`(?m)^\d{4}/\d\d/\d\d .* INFO .*\n`)

// A program in these documents is followed by a block with what it prints.
func TestTheProgramsOfTheDocumentsPrintWhatTheDocumentsSay(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the go command")
	}
	for _, name := range []string{"docs/flow.md", "docs/nexus.md", "docs/deployments.md"} {
		t.Run(name, func(t *testing.T) {
			blocks := readDocument(t, name).blocks
			for i, block := range blocks[:len(blocks)-1] {
				if block.language != "go" || block.lines[0] != "package main" {
					continue
				}
				dir := t.TempDir()
				program := filepath.Join(dir, "main.go")
				write(t, program, strings.Join(block.lines, "\n")+"\n")
				build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "program"), program)
				build.Dir = root // in the workspace of this tree, whose packages are compiled already
				if out, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				run := exec.CommandContext(t.Context(), filepath.Join(dir, "program"))
				run.Dir, run.Stderr = dir, os.Stderr
				out, err := run.Output()
				if err != nil {
					t.Fatal(err)
				}
				printed := logged.ReplaceAllString(string(out), "")
				if want := strings.Join(blocks[i+1].lines, "\n") + "\n"; printed != want {
					t.Errorf("it prints\n%s\nand the document says\n%s", printed, want)
				}
				return
			}
			t.Error("there is no program")
		})
	}
}
