package trace

import (
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2/tree"
	"github.com/charmbracelet/x/ansi"

	"github.com/perdure/perdure/internal/cli/output"
)

// View says how a tree is shown.
type View struct {
	// Folded are the states of child workflows of which only one line is shown.
	Folded map[State]bool
	// Width is how wide lines may be, 0 for any width.
	Width int
	// Now is what the durations of what goes on are counted to.
	Now time.Time
}

// signs are shown before what is in a state.
var signs = map[State]string{
	Scheduled: output.Faint("○"), Running: output.Begun("▷"), Completed: output.Good("✓"), Failed: output.Bad("✗"),
	TimedOut: output.Late("⧖"), Canceled: output.Stopped("⊘"), Terminated: output.Stopped("⊗"),
}

// Render draws the tree.
func (v View) Render(root *Node) string {
	lines := strings.Split(v.tree(root, true).String(), "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, " ")
		if v.Width > 0 {
			line = ansi.Truncate(line, v.Width, "…")
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

func (v View) tree(n *Node, root bool) *tree.Tree {
	folded := !root && v.Folded[n.State] && len(n.Children) > 0
	t := tree.Root(v.line(n, folded)).Enumerator(tree.RoundedEnumerator)
	if folded {
		return t
	}
	for _, child := range n.Children {
		t.Child(v.tree(child, false))
	}
	return t
}

// line is what is shown of a node itself.
func (v View) line(n *Node, folded bool) string {
	parts := []string{signs[n.State], n.Name}
	switch n.Kind {
	case "workflow":
		parts = append(parts, output.Faint(n.WorkflowID))
	case "timer", "update", "signal":
		parts = []string{signs[n.State], n.Kind, n.Name}
	case "nexusOperation":
		parts = []string{signs[n.State], "operation", n.Name}
	}
	if n.Runs > 1 {
		parts = append(parts, fmt.Sprintf("(run %d)", n.Runs))
	}
	if n.Attempt > 1 {
		parts = append(parts, fmt.Sprintf("(attempt %d)", n.Attempt))
	}
	if took := v.took(n); took != "" {
		parts = append(parts, output.Faint(took))
	}
	if folded {
		parts = append(parts, output.Faint(fmt.Sprintf("+%d", len(n.Children))))
	}
	if n.Failure != "" {
		parts = append(parts, output.Bad(strings.ReplaceAll(n.Failure, "\n", " ")))
	}
	return strings.Join(parts, " ")
}

func (v View) took(n *Node) string {
	end := n.Ended
	if n.State.Open() {
		end = v.Now
	}
	if n.Began.IsZero() || end.IsZero() || n.Kind == "signal" {
		return ""
	}
	d := end.Sub(n.Began)
	if d < time.Second {
		return output.Duration(d.Round(time.Millisecond))
	}
	return output.Duration(d.Round(100 * time.Millisecond))
}
