package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The modules are set up with the commands of the README, whose ../perdure is
// replaced with this tree. Whatever else is needed is in the module cache, since
// this tree needs it; the checksums come along, so nothing is fetched.
func TestTheProgramsOfTheDocumentsCompileInAModuleOfTheirOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the go command")
	}
	readme := readDocument(t, "README.md")
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	replaceSDK, replaceServer := replacements(t, readme, top)
	programs := 0
	for _, block := range slices.Concat(readme.blocks, readDocument(t, "docs/start.md").blocks, readDocument(t, "docs/migrating.md").blocks) {
		if block.language != "go" {
			continue
		}
		programs++
		program := strings.Join(block.lines, "\n") + "\n"
		t.Run(fmt.Sprint("program ", programs), func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "main.go"), program)
			write(t, filepath.Join(dir, "go.sum"), checksums(t))
			command(t, dir, "go", "mod", "init", "example.com/hello")
			command(t, dir, replaceSDK...)
			if strings.Contains(program, `"`+module+`"`) {
				command(t, dir, replaceServer...)
			}
			command(t, dir, "go", "list", "-mod=mod", "-export", ".") // compiles, and links nothing
		})
	}
	if programs < 3 {
		t.Errorf("found %d programs", programs)
	}
}

// replacements are the two commands of the README that edit go.mod.
func replacements(t *testing.T, readme *document, top string) (sdk, server []string) {
	t.Helper()
	for _, block := range readme.blocks {
		for _, line := range block.lines {
			line, _, _ = strings.Cut(line, "#")
			if !strings.HasPrefix(line, "go mod edit -replace") {
				continue
			}
			words := strings.Fields(strings.ReplaceAll(line, "=../perdure", "="+top))
			if strings.Contains(line, "/sdk=") {
				sdk = words
			} else {
				server = words
			}
		}
	}
	if sdk == nil || server == nil {
		t.Fatal("README.md lacks the two lines \"go mod edit -replace ...\"")
	}
	return sdk, server
}

// checksums joins the go.sum files of the product.
func checksums(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, file := range []string{"go.sum", "sdk/go.sum", "go.work.sum"} {
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, dir string, words ...string) {
	t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
}
