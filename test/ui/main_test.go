// Package ui looks at the web UI as its users do: with a browser, which is Chromium without a
// window, and a server that has something of everything to show. A page must
// come up with what it is about, without errors in the browser's console, and
// without a request that fails.
package ui

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/perdure/perdure/test/launch"
)

var (
	running     = flag.String("ui", "", "use the server that runs already: the line of JSON it has printed")
	all         = flag.Bool("all", false, "look at all pages, not at those of namespaces and workflows alone, which takes some minutes")
	screenshots = flag.String("screenshots", "", "directory to write a picture of each page to")
)

// started is the line a server prints once it is up.
type started struct{ Address, UI string }

var (
	// site is the URL of the UI.
	site string
	// browser is the context of a browser that is running.
	browser context.Context
	world   *everything
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		log.Print(err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		log.Print("SKIPPED: there is no chromium")
		return 0, nil
	}
	var server started
	if *running != "" {
		err = json.Unmarshal([]byte(*running), &server)
	} else {
		var stop func()
		server, stop, err = startServer()
		defer stop()
	}
	if err != nil {
		return 0, err
	}
	site = server.UI
	if world, err = create(server.Address); err != nil {
		return 0, fmt.Errorf("filling the server: %w", err)
	}
	defer world.close()

	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1400, 900), chromedp.Flag("disable-background-networking", true), chromedp.Flag("lang", "en"))
	allocator, closeAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	defer closeAllocator()
	var closeBrowser func()
	browser, closeBrowser = chromedp.NewContext(allocator)
	defer closeBrowser()
	if err := chromedp.Run(browser); err != nil {
		return 0, fmt.Errorf("start chromium: %w", err)
	}
	return m.Run(), nil
}

// startServer builds the binary and runs it as a development server.
func startServer() (server started, stop func(), err error) {
	stop = func() {}
	dir, err := os.MkdirTemp("", "perdure-ui")
	if err != nil {
		return server, stop, err
	}
	stop = func() { os.RemoveAll(dir) }
	binary, err := launch.Build(dir)
	if err != nil {
		return server, stop, err
	}
	cmd := exec.Command(binary, append([]string{"server", "start-dev", "--port", "0", "--output", "json"}, serverFlags...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return server, stop, err
	}
	if err := cmd.Start(); err != nil {
		return server, stop, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		os.RemoveAll(dir)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		return server, stop, fmt.Errorf("the server does not say where it is: %w", err)
	}
	return server, stop, json.Unmarshal(line, &server)
}
