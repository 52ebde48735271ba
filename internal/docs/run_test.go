package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program in these documents is followed by a block with what it prints.
func TestTheProgramsOfTheDocumentsPrintWhatTheDocumentsSay(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the go command")
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	replaceSDK, replaceServer := replacements(t, readDocument(t, "README.md"), top)
	for _, name := range []string{"docs/flow.md", "docs/nexus.md", "docs/deployments.md"} {
		t.Run(name, func(t *testing.T) {
			blocks := readDocument(t, name).blocks
			for i, block := range blocks[:len(blocks)-1] {
				if block.language != "go" || block.lines[0] != "package main" {
					continue
				}
				dir := t.TempDir()
				write(t, filepath.Join(dir, "main.go"), strings.Join(block.lines, "\n")+"\n")
				write(t, filepath.Join(dir, "go.sum"), checksums(t))
				command(t, dir, "go", "mod", "init", "example.com/hello")
				command(t, dir, replaceSDK...)
				command(t, dir, replaceServer...)
				command(t, dir, "go", "build", "-mod=mod", "-o", "program", ".")
				run := exec.CommandContext(t.Context(), filepath.Join(dir, "program"))
				run.Dir, run.Stderr = dir, os.Stderr
				out, err := run.Output()
				if err != nil {
					t.Fatal(err)
				}
				if want := strings.Join(blocks[i+1].lines, "\n") + "\n"; string(out) != want {
					t.Errorf("it prints\n%s\nand the document says\n%s", out, want)
				}
				return
			}
			t.Error("there is no program")
		})
	}
}
