package docs

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestLinksInTheDocumentsLeadSomewhere(t *testing.T) {
	for _, d := range documents(t) {
		for _, link := range d.links {
			if strings.Contains(link.value, "://") {
				continue
			}
			target, anchor, _ := strings.Cut(link.value, "#")
			to := d
			if target != "" {
				target = path.Join(path.Dir(d.path), target)
				if _, err := os.Stat(filepath.Join(root, target)); err != nil {
					t.Errorf("%s: link to %s: there is no %s", d.at(link.line), link.value, target)
					continue
				}
			}
			if anchor == "" {
				continue
			}
			if target != "" {
				to = readDocument(t, target)
			}
			if !to.heads[anchor] {
				t.Errorf("%s: link to %s: %s has no such heading", d.at(link.line), link.value, to.path)
			}
		}
	}
}
