package output

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Column is one column of a table.
type Column struct {
	Name string
	// Shrinks says that values may be cut where the terminal is too narrow for the
	// table. What people copy, such as ids, must not be.
	Shrinks bool
	// Right aligns numbers.
	Right bool
	// Width is the least width, for tables that are printed row by row.
	Width int
}

// Col is a column whose values are always whole.
func Col(name string) Column { return Column{Name: name} }

// Shrinks is a column whose values may be cut on a narrow terminal.
func Shrinks(name string) Column { return Column{Name: name, Shrinks: true} }

// Number is a column of numbers.
func Number(name string) Column { return Column{Name: name, Right: true} }

// narrowest is how many characters of a value are left when a column shrinks.
const narrowest = 8

// columnGap is between columns.
const columnGap = "  "

// Table is a table that is printed page by page; each is as wide as its values. In JSON
// it prints nothing.
type Table struct {
	p       *Printer
	columns []Column
	begun   bool
}

// Table begins a table. Nothing is printed before the first rows.
func (p *Printer) Table(columns ...Column) *Table { return &Table{p: p, columns: columns} }

// Rows prints a page of rows, under a header if it is the first.
func (t *Table) Rows(rows ...[]any) {
	if t.p.JSON() || len(rows) == 0 {
		return
	}
	cells := make([][]string, len(rows))
	for i, row := range rows {
		cells[i] = make([]string, len(row))
		for j, value := range row {
			cells[i][j] = strings.ReplaceAll(t.p.Text(value), "\n", " ")
		}
	}
	widths := t.widths(cells)
	if !t.begun {
		t.begun = true
		names := make([]string, len(t.columns))
		for i, c := range t.columns {
			names[i] = headingStyle.Render(c.Name)
		}
		t.line(names, widths)
	}
	for _, row := range cells {
		t.line(row, widths)
	}
}

// widths are as wide as the widest values, less what the terminal does not have.
func (t *Table) widths(cells [][]string) []int {
	widths := make([]int, len(t.columns))
	total := 0
	for i, c := range t.columns {
		widths[i] = max(c.Width, lipgloss.Width(c.Name))
		for _, row := range cells {
			widths[i] = max(widths[i], lipgloss.Width(row[i]))
		}
		total += widths[i] + len(columnGap)
	}
	if t.p.width == 0 {
		return widths
	}
	for i := len(widths) - 1; i >= 0 && total > t.p.width; i-- {
		if least := max(narrowest, lipgloss.Width(t.columns[i].Name)); t.columns[i].Shrinks && widths[i] > least {
			shrunk := max(least, widths[i]-(total-t.p.width))
			total -= widths[i] - shrunk
			widths[i] = shrunk
		}
	}
	return widths
}

func (t *Table) line(cells []string, widths []int) {
	var b strings.Builder
	for i, cell := range cells {
		cell = ansi.Truncate(cell, widths[i], "…")
		padding := strings.Repeat(" ", widths[i]-lipgloss.Width(cell))
		b.WriteString(columnGap)
		if t.columns[i].Right {
			b.WriteString(padding + cell)
		} else {
			b.WriteString(cell + padding)
		}
	}
	t.p.Printf("%s", strings.TrimRight(b.String(), " "))
}
