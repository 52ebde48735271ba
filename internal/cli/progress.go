package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressEvery is how often a line is printed where there is no terminal.
const progressEvery = 5 * time.Second

// progress shows how far a long command is: as a bar on a terminal, else as a line
// every few seconds. It is for one goroutine.
type progress struct {
	w        io.Writer
	terminal bool

	phase string
	bar   *progressbar.ProgressBar // of phase; nil where there is no terminal
	last  time.Time                // of a line
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(f.Fd())), last: time.Now()}
}

// show shows that done of total bytes of the phase are done. Total may be 0: not
// known.
func (p *progress) show(phase string, done, total int64) {
	if p.terminal {
		p.showBar(phase, done, total)
		return
	}
	if now := time.Now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		if total > 0 {
			fmt.Fprintf(p.w, "%s: %s of %s (%d %%)\n", phase, mebibytes(uint64(done)), mebibytes(uint64(total)), done*100/total)
		} else {
			fmt.Fprintf(p.w, "%s: %s\n", phase, mebibytes(uint64(done)))
		}
	}
}

// count shows that done of total things of the phase are done, as a line every few
// seconds.
func (p *progress) count(phase string, done, total int64) {
	if now := time.Now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintf(p.w, "%s: %d of %d\n", phase, done, total)
	}
}

func (p *progress) showBar(phase string, done, total int64) {
	if total == 0 {
		total = -1 // a spinner
	}
	if p.bar == nil || p.phase != phase {
		p.end()
		p.phase = phase
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetDescription(fmt.Sprintf("%-7s", phase)),
			progressbar.OptionShowBytes(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionUseANSICodes(true),
			progressbar.OptionFullWidth())
	}
	_ = p.bar.Set64(done) // what cannot be shown is not missed
}

// end leaves the bar as it is and goes on in a new line.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Exit()
		fmt.Fprintln(p.w)
		p.bar = nil
	}
}

func mebibytes(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
