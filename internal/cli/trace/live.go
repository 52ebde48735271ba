package trace

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
)

// redrawn is how often the durations of what goes on are drawn anew.
const redrawn = 200 * time.Millisecond

// Live shows the tree on a terminal while it follows the workflow. What is shown last is
// taken away again: whoever calls it prints the tree as it is in the end.
func (t *Trace) Live(ctx context.Context, terminal *os.File, profile colorprofile.Profile, view View) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	clock := time.NewTicker(redrawn)
	defer clock.Stop()
	t.tick = clock.C
	screen := &screen{}
	program := tea.NewProgram(screen, tea.WithContext(ctx), tea.WithOutput(terminal), tea.WithInput(nil),
		tea.WithColorProfile(profile), tea.WithoutSignalHandler())
	followed := make(chan error, 1)
	go func() {
		// The tree is drawn by the goroutine that changes it; the screen gets what is drawn.
		drawn := time.Time{}
		err := t.Follow(ctx, func() {
			if now := time.Now(); now.Sub(drawn) >= 50*time.Millisecond {
				drawn, view.Now = now, now
				program.Send(picture(view.Render(t.Root)))
			}
		})
		followed <- err
		program.Send(picture(""))
		program.Quit()
	}()
	_, err := program.Run()
	cancel()
	if failed := <-followed; failed != nil {
		return failed
	}
	if errors.Is(err, tea.ErrProgramKilled) {
		return nil
	}
	return err
}

// picture is what the screen shows.
type picture string

// screen shows the last picture, as much of its end as fits.
type screen struct {
	shown  string
	height int
}

// Init implements tea.Model.
func (s *screen) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (s *screen) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch m := message.(type) {
	case picture:
		s.shown = string(m)
	case tea.WindowSizeMsg:
		s.height = m.Height
	}
	return s, nil
}

// View implements tea.Model.
func (s *screen) View() tea.View {
	lines := strings.Split(s.shown, "\n")
	if s.height > 1 && len(lines) >= s.height {
		lines = lines[len(lines)-s.height+1:]
	}
	return tea.NewView(strings.Join(lines, "\n"))
}
