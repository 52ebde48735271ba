package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the top of the repository, seen from this package.
const root = "../.."

// document is one Markdown file.
type document struct {
	path   string // from the top of the repository, with slashes
	spans  []text // what stands in backticks within a line
	links  []text // targets of links
	blocks []block
	heads  map[string]bool // anchors of the headings
}

// text is a piece of a document and the line it stands in.
type text struct {
	value string
	line  int
}

// block is a fenced block; line is that of its first line of content.
type block struct {
	language string
	lines    []string
	line     int
}

func (d *document) at(line int) string { return fmt.Sprintf("%s:%d", d.path, line) }

// documents reads the documents that the tests of this package are about.
func documents(t *testing.T) []*document {
	t.Helper()
	paths := []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			path, err = filepath.Rel(root, path)
			paths = append(paths, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var read []*document
	for _, path := range paths {
		read = append(read, readDocument(t, path))
	}
	return read
}

func readDocument(t *testing.T, path string) *document {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return parse(path, string(data))
}

var (
	spanPattern = regexp.MustCompile("`([^`]+)`")
	linkPattern = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headPattern = regexp.MustCompile(`^#+ +(.*)$`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// parse reads as much of Markdown as our documents use: fences at the start of a
// line, indented blocks (which are left out), headings, links and spans that do
// not go over the end of a line.
func parse(path, content string) *document {
	d := &document{path: path, heads: make(map[string]bool)}
	var fenced *block
	number := 0
	for line := range strings.Lines(content) {
		number++
		line = strings.TrimRight(line, "\n")
		if language, fence := strings.CutPrefix(line, "```"); fence {
			if fenced != nil {
				d.blocks = append(d.blocks, *fenced)
				fenced = nil
			} else {
				fenced = &block{language: language, line: number + 1}
			}
			continue
		}
		if fenced != nil {
			fenced.lines = append(fenced.lines, line)
			continue
		}
		if strings.HasPrefix(line, "    ") {
			continue
		}
		if head := headPattern.FindStringSubmatch(line); head != nil {
			anchor := notInAnchor.ReplaceAllString(strings.ToLower(head[1]), "")
			d.heads[strings.ReplaceAll(anchor, " ", "-")] = true
		}
		for _, match := range spanPattern.FindAllStringSubmatch(line, -1) {
			d.spans = append(d.spans, text{match[1], number})
		}
		for _, match := range linkPattern.FindAllStringSubmatch(spanPattern.ReplaceAllString(line, ""), -1) {
			d.links = append(d.links, text{match[1], number})
		}
	}
	return d
}
