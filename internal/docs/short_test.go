package docs

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The modules outside the workspace need the peer and are not part of make quick.
func TestWhateverStartsProcessesInATestIsSkippedWhenShort(t *testing.T) {
	for _, dir := range []string{"internal", "sdk", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, "_test.go") {
				return err
			}
			source, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if bytes.Contains(source, []byte("exec"+".Command(")) && !bytes.Contains(source, []byte("testing"+".Short()")) {
				t.Errorf("%s starts a process and does not ask testing.Short; skip its tests then, so that make quick stays quick", file)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
