package server_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"go.yaml.in/yaml/v3"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/server"
)

// deploy is where the files for running a server are.
const deploy = "../../deploy"

// query is an expression in the language of Prometheus, and where it is.
type query struct{ where, text string }

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deploy, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// dashboardQueries are those of the dashboard, with what Grafana puts in place of its variables.
func dashboardQueries(t *testing.T) (queries []query) {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Definition string } }
	}
	if err := json.Unmarshal(readFile(t, "grafana/perdure.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*", "$namespace", ".*")
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, query{"the dashboard, " + panel.Title, variables.Replace(target.Expr)})
		}
	}
	if len(queries) < 40 || len(dashboard.Templating.List) != 4 {
		t.Fatalf("the dashboard has %d queries and %d variables", len(queries), len(dashboard.Templating.List))
	}
	return queries
}

func alertQueries(t *testing.T) (queries []query) {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(readFile(t, "prometheus/alerts.yaml"), &rules); err != nil {
		t.Fatal(err)
	}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			queries = append(queries, query{"alert " + rule.Alert, rule.Expr})
		}
	}
	if len(queries) < 10 {
		t.Fatalf("there are %d alerts", len(queries))
	}
	return queries
}

var (
	grouping = regexp.MustCompile(`\b(by|without)\s*\(([^)]*)\)`)
	matchers = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|"[^"]*"`)
	words    = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(?`)
	suffix   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// metricsOf are the names of metrics in an expression.
func metricsOf(expression string) (names []string) {
	expression = grouping.ReplaceAllString(expression, "")
	expression = matchers.ReplaceAllString(expression, "")
	for _, word := range words.FindAllString(expression, -1) {
		if !strings.HasSuffix(word, "(") && !slices.Contains([]string{"or", "and", "unless"}, strings.TrimSpace(word)) {
			names = append(names, strings.TrimSpace(word))
		}
	}
	return names
}

// failWorkflowTask has workflow code fail, so that there are metrics of that.
func (b *bench) failWorkflowTask(id string) {
	b.t.Helper()
	b.startWorkflow(id)
	if _, err := b.client.RespondWorkflowTaskFailed(b.ctx(), &workflowservice.RespondWorkflowTaskFailedRequest{
		TaskToken: b.pollWorkflow().GetTaskToken(), Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR}); err != nil {
		b.t.Fatal(err)
	}
}

func TestDashboardAndAlertsAreAboutMetricsThatAServerHas(t *testing.T) {
	b := start(t, observed(server.Options{DataDir: filepath.Join(t.TempDir(), "data")}))
	b.runOrder("w")
	b.failWorkflowTask("v")
	if _, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution("nobody")}); err == nil {
		t.Fatal("a workflow that does not exist is described")
	}
	s := b.scrape()
	// up is Prometheus's own; a limit is not reached here.
	absent := []string{"up", "service_errors_resource_exhausted"}
	for _, q := range append(dashboardQueries(t), alertQueries(t)...) {
		names := metricsOf(q.text)
		if len(names) == 0 {
			t.Errorf("%s is about no metric: %s", q.where, q.text)
		}
		labels := map[string]bool{"le": true, "job": true, "instance": true}
		for _, name := range names {
			family := s[name]
			if base := suffix.ReplaceAllString(name, ""); family == nil && s[base].GetType().String() == "HISTOGRAM" {
				family = s[base]
			}
			if family == nil && !slices.Contains(absent, name) {
				t.Errorf("%s is about %s, which the server does not have", q.where, name)
			}
			for _, m := range family.GetMetric() {
				for _, label := range m.GetLabel() {
					labels[label.GetName()] = true
				}
			}
		}
		for _, group := range grouping.FindAllStringSubmatch(q.text, -1) {
			for label := range strings.SplitSeq(group[2], ",") {
				if label = strings.TrimSpace(label); !labels[label] && !slices.Contains(names, absent[1]) {
					t.Errorf("%s groups by %s, which none of its metrics has", q.where, label)
				}
			}
		}
	}
}

func TestPrometheusUnderstandsDashboardAndAlerts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts promtool")
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	type rule struct{ Record, Expr string }
	var group struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	group.Groups = append(group.Groups, struct {
		Name  string
		Rules []rule
	}{Name: "dashboard"})
	for i, q := range dashboardQueries(t) {
		group.Groups[0].Rules = append(group.Groups[0].Rules, rule{fmt.Sprint("query", i), q.text})
	}
	data, err := yaml.Marshal(group)
	if err != nil {
		t.Fatal(err)
	}
	queries := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(queries, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", queries, filepath.Join(deploy, "prometheus/alerts.yaml")).CombinedOutput()
	if err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), promtool, "check", "config", filepath.Join(deploy, "prometheus/prometheus.yaml")).CombinedOutput()
	if err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

func TestSystemdUnderstandsTheUnits(t *testing.T) {
	if testing.Short() {
		t.Skip("starts systemd-analyze")
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	// It looks for the binary.
	dir := t.TempDir()
	args := []string{"verify"}
	for _, name := range []string{"perdure.service", "perdure-backup.service", "perdure-backup.timer"} {
		unit := filepath.Join(dir, name)
		text := strings.ReplaceAll(string(readFile(t, "systemd/"+name)), "/usr/local/bin/perdure", "/bin/true")
		if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, unit)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}

func TestTheKubernetesExamplesFitTogether(t *testing.T) {
	b := start(t, observed(server.Options{}))
	for _, file := range []string{"kubernetes/perdure.yaml", "kubernetes/cluster.yaml"} {
		t.Run(file, func(t *testing.T) { checkKubernetes(t, b, file) })
	}
}

func checkKubernetes(t *testing.T, b *bench, file string) {
	type port struct {
		Name          string
		ContainerPort int    `yaml:"containerPort"`
		TargetPort    string `yaml:"targetPort"`
	}
	type probe struct {
		HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	}
	type object struct {
		Kind string
		Spec struct {
			Selector    yaml.Node
			ServiceName string `yaml:"serviceName"`
			Ports       []port
			Template    struct {
				Spec struct {
					Containers []struct {
						Ports          []port
						StartupProbe   probe `yaml:"startupProbe"`
						ReadinessProbe probe `yaml:"readinessProbe"`
						LivenessProbe  probe `yaml:"livenessProbe"`
					}
				}
			}
		}
	}
	objects := map[string]object{}
	var services []object
	decoder := yaml.NewDecoder(strings.NewReader(string(readFile(t, file))))
	for {
		var o object
		if decoder.Decode(&o) != nil {
			break
		}
		objects[o.Kind] = o
		if o.Kind == "Service" {
			services = append(services, o)
		}
	}
	container := objects["StatefulSet"].Spec.Template.Spec.Containers
	if len(objects) < 2 || len(container) != 1 {
		t.Fatalf("objects are %v", objects)
	}
	ports := map[string]bool{}
	for _, p := range container[0].Ports {
		ports[p.Name] = true
	}
	for _, service := range services {
		for _, p := range service.Spec.Ports {
			if !ports[p.TargetPort] {
				t.Errorf("a service leads to port %q, which there is not", p.TargetPort)
			}
		}
	}
	for name, p := range map[string]probe{"startup": container[0].StartupProbe, "readiness": container[0].ReadinessProbe, "liveness": container[0].LivenessProbe} {
		if status, _, _ := b.get(p.HTTPGet.Path); !ports[p.HTTPGet.Port] || status != 200 {
			t.Errorf("the %s probe asks %s of port %q, and is answered %d", name, p.HTTPGet.Path, p.HTTPGet.Port, status)
		}
	}
}
