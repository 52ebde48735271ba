package ui

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var pageTime = flag.Duration("patience", time.Minute, "how long a page may take before the test gives up")

// page is a tab of the browser, with what has gone wrong in it.
type page struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	pending  map[network.RequestID]request
	changed  chan struct{} // closed and replaced when something above changes
	problems []string
}

// request is one that the page waits for: what it asks, and the document that asks.
type request struct {
	what     string
	document cdp.LoaderID
}

// openTab opens a tab.
func openTab(t *testing.T) *page {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	p := &page{t: t, ctx: ctx, pending: make(map[network.RequestID]request), changed: make(chan struct{})}
	chromedp.ListenTarget(ctx, p.note)
	if err := chromedp.Run(ctx, network.Enable(), runtime.Enable(), log.Enable()); err != nil {
		t.Fatal(err)
	}
	return p
}

// note takes in what the browser tells of the tab.
func (p *page) note(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		// What is waited for is what the page asks the server, long polls excepted.
		if strings.Contains(e.Request.URL, "/api/v1/") && !strings.Contains(e.Request.URL, "waitNewEvent=true") {
			p.pending[e.RequestID] = request{e.Request.Method + " " + e.Request.URL, e.LoaderID}
		}
	case *cdppage.EventFrameNavigated:
		// Of what the document before has asked, no end need be told.
		if e.Frame.ParentID == "" {
			maps.DeleteFunc(p.pending, func(_ network.RequestID, r request) bool { return r.document != e.Frame.LoaderID })
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			p.problem("%d for %s", e.Response.Status, e.Response.URL)
		}
	case *network.EventLoadingFinished:
		delete(p.pending, e.RequestID)
	case *network.EventLoadingFailed:
		if r, ok := p.pending[e.RequestID]; ok && !e.Canceled {
			p.problem("%s fails: %s", r.what, e.ErrorText)
		}
		delete(p.pending, e.RequestID)
	case *runtime.EventExceptionThrown:
		p.problem("exception: %s", e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			var words []string
			for _, argument := range e.Args {
				words = append(words, string(argument.Value)+argument.Description)
			}
			p.problem("console: %s", strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError {
			p.problem("log: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	default:
		return
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *page) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// open goes to an address of the UI, and waits until it shows the text.
func (p *page) open(path, text string) {
	p.t.Helper()
	p.mu.Lock()
	clear(p.pending)
	p.mu.Unlock()
	if err := chromedp.Run(p.ctx, chromedp.Navigate(site+path)); err != nil {
		p.t.Fatalf("open %s: %v", path, err)
	}
	p.await(text)
}

// visit goes to an address as a link of the UI does, without loading the UI anew, and waits
// until the page before has gone and the new one shows the text. Some addresses the UI sends on to others.
func (p *page) visit(path, text string) {
	p.t.Helper()
	// The router counts its steps in the state of the browser's history. It takes the step once the new
	// page has been loaded, and replaces the old one before the next frame.
	script := fmt.Sprintf(`(() => {
		const app = document.querySelector('#svelte');
		if (!app) { return false; }
		window.stepBefore = JSON.stringify(history.state);
		const link = document.createElement('a');
		link.href = %q;
		app.append(link);
		link.click();
		link.remove();
		return true;
	})()`, path)
	if !p.until(script) {
		p.t.Fatal("the UI is not there")
	}
	if !p.until("window.stepBefore !== JSON.stringify(history.state)") {
		p.t.Fatalf("the page before does not go:\n%s", p.text())
	}
	frames := "new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))"
	await := func(params *runtime.EvaluateParams) *runtime.EvaluateParams { return params.WithAwaitPromise(true) }
	if err := chromedp.Run(p.ctx, chromedp.Evaluate(frames, nil, await)); err != nil {
		p.t.Fatal(err)
	}
	p.await(text)
}

// press clicks on what the selector finds.
func (p *page) press(selector string) {
	p.t.Helper()
	script := fmt.Sprintf(`(() => {
		const found = [...document.querySelectorAll(%q)].find(e => e.getClientRects().length > 0 && !e.disabled);
		if (found) { found.click(); }
		return found != null;
	})()`, selector)
	if !p.until(script) {
		p.t.Fatalf("there is no %s:\n%s", selector, p.text())
	}
	p.idle()
}

// await waits until the page shows the text, and until nothing is being loaded.
func (p *page) await(text string) {
	p.t.Helper()
	script := fmt.Sprintf("document.body != null && document.body.innerText.includes(%q)", text)
	if !p.until(script) {
		p.t.Errorf("the page does not show %q:\n%s", text, p.text())
	}
	p.idle()
}

// until waits until the script is true, and reports whether it came to be. It asks again and again,
// as a page may be replaced by another at any time.
func (p *page) until(script string) bool {
	for deadline := time.Now().Add(*pageTime); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		var is bool
		if err := chromedp.Run(p.ctx, chromedp.Evaluate(script, &is)); err == nil && is {
			return true
		}
	}
	return false
}

// click clicks on what can be clicked on and has the text.
func (p *page) click(text string) {
	p.t.Helper()
	script := fmt.Sprintf(`(() => {
		const found = [...document.querySelectorAll('button, a, [role=menuitem], [role=option], [role=tab], label')].filter(e =>
			e.innerText.trim() === %q && e.getClientRects().length > 0 && !e.disabled && e.getAttribute('aria-disabled') !== 'true');
		if (found.length) { found.at(-1).click(); }
		return found.length > 0;
	})()`, text)
	if !p.until(script) {
		p.t.Fatalf("there is nothing to click on with %q:\n%s", text, p.text())
	}
	p.idle()
}

// fill writes the text into the field that the selector finds, as its user does: in place of
// what is there. Fields for payloads are editors, of which the selector finds the text.
func (p *page) fill(selector, text string) {
	p.t.Helper()
	script := fmt.Sprintf(`(() => {
		const found = [...document.querySelectorAll(%q)].find(e => e.getClientRects().length > 0 && !e.disabled);
		if (!found) { return false; }
		found.focus();
		if (found.select) { found.select(); } else { document.execCommand('selectAll'); }
		return document.activeElement === found;
	})()`, selector)
	if !p.until(script) {
		p.t.Fatalf("there is no field %s:\n%s", selector, p.text())
	}
	if err := chromedp.Run(p.ctx, input.InsertText(text), chromedp.Evaluate("document.activeElement.blur()", nil)); err != nil {
		p.t.Fatal(err)
	}
	p.idle()
}

// confirm presses the button by which the dialog with the id does what it is for.
func (p *page) confirm(dialog string) {
	p.t.Helper()
	p.press("#" + dialog + " [data-testid=confirm-modal-button]")
}

// gone waits until the page does not show what the selector finds.
func (p *page) gone(selector string) {
	p.t.Helper()
	if !p.until(fmt.Sprintf("![...document.querySelectorAll(%q)].some(e => e.getClientRects().length > 0)", selector)) {
		p.t.Errorf("%s does not go away:\n%s", selector, p.text())
	}
}

// led waits until the UI has gone to another page by itself, and shows the text there. Who went there first would be
// taken from wherever he goes next.
func (p *page) led(path, text string) {
	p.t.Helper()
	if !p.until(fmt.Sprintf("location.pathname === %q", path)) {
		p.t.Fatalf("the UI does not go to %s:\n%s", path, p.text())
	}
	p.await(text)
}

// idle waits until nothing is being loaded.
func (p *page) idle() {
	p.t.Helper()
	timeout := time.After(*pageTime)
	for {
		p.mu.Lock()
		pending, changed := len(p.pending), p.changed
		p.mu.Unlock()
		if pending == 0 {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			p.mu.Lock()
			loading := fmt.Sprint(p.pending)
			p.mu.Unlock()
			p.t.Fatal("still loading:", loading)
		}
	}
}

// text is what the page shows.
func (p *page) text() (text string) {
	_ = chromedp.Run(p.ctx, chromedp.Evaluate("document.body.innerText", &text))
	return text
}

// take returns what has gone wrong since the last time.
func (p *page) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	problems := p.problems
	p.problems = nil
	return problems
}

// check fails the test for what has gone wrong since the last time.
func (p *page) check() {
	p.t.Helper()
	for _, problem := range p.take() {
		p.t.Error(problem)
	}
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// picture writes a picture of the page, if the test was asked for pictures.
func (p *page) picture(name string) {
	p.t.Helper()
	if *screenshots == "" {
		return
	}
	var png []byte
	if err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		p.t.Error(err)
		return
	}
	file := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(name), "-"), "-") + ".png"
	if err := os.WriteFile(filepath.Join(*screenshots, file), png, 0o644); err != nil {
		p.t.Error(err)
	}
}
