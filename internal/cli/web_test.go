package cli_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestStartDevHasTheUIAndTheHTTPAPI(t *testing.T) {
	p := start(t, "server", "start-dev", "--port", "0", "--ui-public-path", "/perdure", "--output", "json")
	started := p.ready()
	if status, body := get(t, started.UI+"/namespaces"); status != 200 || !strings.Contains(body, "/perdure/_app/") {
		t.Errorf("%s is answered with %d %s", started.UI, status, body)
	}
	if status, body := get(t, "http://"+started.HTTPAddress+"/api/v1/namespaces/default"); status != 200 || !strings.Contains(body, `"name":"default"`) {
		t.Errorf("%s is answered with %d %s", started.HTTPAddress, status, body)
	}
	if code := p.stop(os.Interrupt); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
}

func TestServersHaveTheUIAndTheHTTPAPIOnlyIfAsked(t *testing.T) {
	for _, args := range [][]string{
		{"server", "start", "--data-dir", filepath.Join(t.TempDir(), "data")},
		{"server", "start-dev", "--headless", "--ui-port", "8233", "--http-port", "off"},
		{"server", "start-dev", "--ui-port", "off", "--http-port", "off"},
	} {
		p := start(t, append(args, "--port", "0", "--output", "json")...)
		if started := p.ready(); started.UI != "" || started.HTTPAddress != "" {
			t.Errorf("%v prints %+v", args, started)
		}
		p.stop(os.Interrupt)
	}
	p := start(t, "server", "start", "--data-dir", filepath.Join(t.TempDir(), "data"), "--ui-port", "0", "--http-port", "0", "--port", "0", "--output", "json")
	started := p.ready()
	if status, _ := get(t, started.UI); status != 200 {
		t.Errorf("%s is answered with %d", started.UI, status)
	}
	if status, _ := get(t, "http://"+started.HTTPAddress+"/system-info"); status != 200 {
		t.Errorf("%s is answered with %d", started.HTTPAddress, status)
	}
}

func TestAPortOfTheUIThatIsTakenIsToldOf(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	code, _, stderr := run(t, "server", "start-dev", "--port", "0", "--ui-port", port)
	if code != 1 || !strings.Contains(stderr, "choose another port with --ui-port") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	code, _, stderr = run(t, "server", "start-dev", "--port", "0", "--ui-port", "70000")
	if code != 2 || !strings.Contains(stderr, "--ui-port must be between 0 and 65535 or off, not 70000") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}
