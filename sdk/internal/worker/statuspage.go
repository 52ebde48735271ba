package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"time"

	"github.com/perdure/perdure/sdk/internal/logtag"
)

// statusPage serves the status of a worker over HTTP: "/" for people, "/status.json" for
// programs. It is for those who are on the machine, and tells them what is in failures.
type statusPage struct {
	server *http.Server
	url    string
	served chan struct{} // closed when the server has ended
}

// checkStatusAddress fails if an address is not one of this machine alone.
func checkStatusAddress(address string) error {
	if address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("StatusPageAddress %q is not host:port: %w", address, err)
	}
	if !isLoopback(host) {
		return fmt.Errorf("StatusPageAddress %q must be a loopback address: the page shows what fails to everybody who can reach it", address)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// startStatusPage begins to serve, if the options ask for it.
func (w *Worker) startStatusPage() error {
	if w.config.StatusPageAddress == "" {
		return nil
	}
	listener, err := net.Listen("tcp", w.config.StatusPageAddress)
	if err != nil {
		return fmt.Errorf("serving the status page: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.serveStatus)
	mux.HandleFunc("GET /status.json", w.serveStatusJSON)
	page := &statusPage{
		url:    "http://" + listener.Addr().String() + "/",
		served: make(chan struct{}),
		server: &http.Server{
			Handler:           onlyLocal(mux),
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       5 * time.Second,
			WriteTimeout:      10 * time.Second,
			IdleTimeout:       30 * time.Second,
			MaxHeaderBytes:    16 << 10,
		},
	}
	w.page = page
	go func() {
		defer close(page.served)
		if err := page.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			w.logger.Warn("The status page has ended.", logtag.Error, err)
		}
	}()
	w.logger.Info("The worker has a status page.", "URL", page.url)
	return nil
}

// close ends the page. It may be nil.
func (p *statusPage) close() {
	if p != nil {
		_ = p.server.Close()
		<-p.served
	}
}

// onlyLocal serves only requests that are meant for a loopback name: a web site elsewhere could
// have its name lead here.
func onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !isLoopback(host) {
			http.Error(rw, "the status page is served on loopback names only", http.StatusForbidden)
			return
		}
		header := rw.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(rw, r)
	})
}

func (w *Worker) serveStatusJSON(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(rw)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(w.status()) // whoever asked is gone
}

func (w *Worker) serveStatus(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = statusTemplate.Execute(rw, w.status())
}

var statusTemplate = template.Must(template.New("status").Funcs(template.FuncMap{
	"ago": func(t *time.Time, now time.Time) string {
		if t == nil {
			return "never"
		}
		return now.Sub(*t).Round(time.Second).String() + " ago"
	},
	"uptime": func(from, now time.Time) string { return now.Sub(from).Round(time.Second).String() },
	"clock":  func(t time.Time) string { return t.Format(time.DateTime) },
	"mega": func(bytes int64) string {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	},
}).Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.TaskQueue}}: worker</title>
<style>
:root { color-scheme: light dark; --line: #8885; --bad: #c22; }
@media (prefers-color-scheme: dark) { :root { --bad: #f77; } }
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem auto; padding: 0 1rem; max-width: 68rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .2rem 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); }
.id { overflow-wrap: anywhere; min-width: 8rem; }
.t { white-space: nowrap; }
th { font-weight: 600; opacity: .7; white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bad { color: var(--bad); }
.dim { opacity: .7; overflow-wrap: anywhere; }
pre { margin: 0; font: 12px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 12rem; overflow: auto; }
</style>
</head>
<body>
<h1>Worker of task queue {{.TaskQueue}}</h1>
<p><b{{if ne .State "running"}} class="bad"{{end}}>{{.State}}</b> for {{uptime .Started .Time}}, namespace {{.Namespace}}, {{clock .Time}} &middot; <a href="/status.json">JSON</a></p>
<p class="dim">identity {{.Identity}} &middot; build {{.BuildID}} &middot; instance {{.Instance}}</p>

<h2>Polls</h2>
<table>
<tr><th>for</th><th class="n">open</th><th>number</th><th>last task</th><th>errors</th></tr>
{{range .Polls}}<tr><td>{{.Of}}</td><td class="n">{{.Open}}</td><td>{{.Behavior}}</td><td>{{ago .LastTask $.Time}}</td><td>{{if .Error}}<span class="bad">since {{clock .FailingSince}}: {{.Error}}</span>{{end}}</td></tr>
{{end}}</table>

<h2>Slots</h2>
<table>
<tr><th>for</th><th class="n">in use</th><th class="n">of</th><th>supplier</th><th class="n">tasks run</th><th class="n">failed</th></tr>
{{range .Slots}}<tr><td>{{.Of}}</td><td class="n">{{.Used}}</td><td class="n">{{if .Most}}{{.Most}}{{else}}&ndash;{{end}}</td><td>{{.Supplier}}</td><td class="n">{{.Processed}}</td><td class="n{{if .Failed}} bad{{end}}">{{.Failed}}</td></tr>
{{end}}</table>
{{with .Cache}}
<h2>Workflows in memory</h2>
<p>{{.Runs}} of at most {{.Size}}, about {{mega .Bytes}}{{if .MaxBytes}} of at most {{mega .MaxBytes}}{{end}}; {{if .Shared}}shared by all workers of the process{{else}}of this worker alone{{end}}.
{{.Hits}} tasks found their workflow in memory, {{.Misses}} replayed its history.</p>
{{end}}
<h2>Failures</h2>
{{if .Failures}}<p>{{.FailuresTotal}} since the start, the last first.</p>
<table>
<tr><th>when</th><th>what</th><th>type</th><th>workflow</th><th>error</th></tr>
{{range .Failures}}<tr><td class="t">{{clock .Time}}</td><td>{{.What}}</td><td>{{.Type}}</td><td class="id">{{.WorkflowID}}{{if .RunID}}<br><span class="dim">{{.RunID}}</span>{{end}}</td><td><pre>{{.Error}}</pre></td></tr>
{{end}}</table>{{else}}<p>None since the start.</p>{{end}}
</body>
</html>
`))
