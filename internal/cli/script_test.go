package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/perdure/perdure/internal/cli"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// A script is a conversation: command lines, and what they print. Each has a server of
// its own, with a worker on the task queue "shop". To record them anew:
//
//	go test ./internal/cli -run TestCommands -rewrite
//	TEMPORAL_CLI=path/to/temporal go test ./internal/cli -run TestJSON -rewrite
//
// The second records what the Temporal CLI prints, which ours is held to.

// startServer starts a server and a worker, and makes the environment lead to it.
func startServer(t *testing.T) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	s, err := server.Start(t.Context(), server.Options{Listen: "127.0.0.1:0", Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Stop(ctx)
	})
	c, err := client.Dial(client.Options{HostPort: s.Address(), Logger: log.NewStructuredLogger(quiet), Identity: "worker"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := worker.New(c, "shop", worker.Options{BuildID: "build-1"})
	w.RegisterWorkflow(Order)
	w.RegisterWorkflow(Cart)
	w.RegisterWorkflow(Parcel)
	w.RegisterWorkflow(Shipment)
	w.RegisterWorkflow(Manual)
	w.RegisterActivity(Charge)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	t.Setenv("TEMPORAL_ADDRESS", s.Address())
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "temporal.toml"))
	t.Setenv("HOME", t.TempDir())
	t.Setenv("NO_COLOR", "1")
}

// Order charges and returns what was ordered; an item of 0 cannot be had.
func Order(ctx workflow.Context, item int) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	if err := workflow.ExecuteActivity(ctx, Charge, item).Get(ctx, nil); err != nil {
		return "", err
	}
	return fmt.Sprintf("item %d", item), nil
}

// Shipment orders, and sends a parcel.
func Shipment(ctx workflow.Context, item int) error {
	for _, child := range []any{Order, Parcel} {
		options := workflow.ChildWorkflowOptions{WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID + "-child"}
		if err := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, options), child, item).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// Manual waits for an activity that no worker does.
func Manual(ctx workflow.Context) (string, error) {
	if err := workflow.SetQueryHandler(ctx, "ready", func() (bool, error) { return true, nil }); err != nil {
		return "", err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{ActivityID: "manual", TaskQueue: "nobody", StartToCloseTimeout: time.Minute})
	var result string
	err := workflow.ExecuteActivity(ctx, Charge, 1).Get(ctx, &result)
	return result, err
}

// Parcel takes no time.
func Parcel(workflow.Context, int) error { return nil }

// Charge takes no money.
func Charge(ctx context.Context, item int) (int, error) {
	if item == 0 {
		return 0, temporal.NewNonRetryableApplicationError("sold out", "SoldOut", nil, item)
	}
	activity.GetLogger(ctx).Debug("charged")
	return item * 10, nil
}

// Cart collects what is signalled, until it is told to check out.
func Cart(ctx workflow.Context) ([]string, error) {
	items := []string{}
	done := false
	if err := workflow.SetQueryHandlerWithOptions(ctx, "items", func() ([]string, error) { return items, nil }, workflow.QueryHandlerOptions{Description: "what is in it"}); err != nil {
		return nil, err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, "add", func(_ workflow.Context, item string) (int, error) {
		items = append(items, item)
		return len(items), nil
	}, workflow.UpdateHandlerOptions{Validator: func(item string) error {
		if item == "" {
			return fmt.Errorf("no item")
		}
		return nil
	}}); err != nil {
		return nil, err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		var item string
		for workflow.GetSignalChannel(ctx, "put").Receive(ctx, &item) {
			items = append(items, item)
		}
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, "checkout").Receive(ctx, nil)
		done = true
	})
	return items, workflow.Await(ctx, func() bool { return done })
}

// words splits a command line as a shell does, as far as quotes go.
func words(line string) []string {
	var found []string
	for _, match := range regexp.MustCompile(`(?:[^\s'"]|'[^']*'|"[^"]*")+`).FindAllString(line, -1) {
		found = append(found, regexp.MustCompile(`'([^']*)'|"([^"]*)"`).ReplaceAllString(match, "$1$2"))
	}
	return found
}

// commandLine is what a case of a script runs: its input, less the name of the binary.
func commandLine(d *datadriven.TestData) (args []string, stdin string) {
	first, rest, _ := strings.Cut(d.Input, "\n")
	return words(first)[1:], rest
}

var (
	uuids     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	relative  = regexp.MustCompile(`\b(now|\d+ \w+ ago|\d+ \w+ from now)\b`)
	since     = regexp.MustCompile(`(?m)^( +\d+  )(\d[\w. ]*?s)( +)([A-Z]\w+)`)
	runTime   = regexp.MustCompile(`(\bRunTime +)\S+`)
	identity  = regexp.MustCompile(`perdure-cli:\S+`)
	sizes     = regexp.MustCompile(`((?:HistorySize|historySizeBytes|StateTransitionCount) +)\d+`)
	addresses = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	sticky    = regexp.MustCompile(`\S+:\(id \d+\)`)
	pointers  = regexp.MustCompile(`0x[0-9a-f]+`)
	times     = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)
	traced    = regexp.MustCompile(`(?m)^([│╰├─ ]*[✓✗▷○⊘⊗⧖] .*?) \d[\d.]*m?s\b`)
	files     = regexp.MustCompile(`/\S+temporal\.(?:toml|yaml)`)
	stacks    = regexp.MustCompile(`(?m)^(\t| +)(/|\.\.|github\.com/).*\n`)
)

// normal takes out of text what differs from run to run.
func normal(text string) string {
	ids := map[string]string{}
	text = uuids.ReplaceAllStringFunc(text, func(id string) string {
		if ids[id] == "" {
			ids[id] = fmt.Sprintf("(id %d)", len(ids)+1)
		}
		return ids[id]
	})
	text = sticky.ReplaceAllString(text, "(sticky)")
	text = pointers.ReplaceAllString(text, "(pointer)")
	text = times.ReplaceAllString(text, "(time)")
	text = relative.ReplaceAllString(text, "(time)")
	text = since.ReplaceAllStringFunc(text, func(line string) string {
		m := since.FindStringSubmatch(line)
		return fmt.Sprintf("%s%-*s%s", m[1], len(m[2])+len(m[3]), "(time)", m[4])
	})
	text = runTime.ReplaceAllString(text, "$1(time)")
	text = traced.ReplaceAllString(text, "$1 (time)")
	text = files.ReplaceAllString(text, "(file)")
	text = identity.ReplaceAllString(text, "(me)")
	text = sizes.ReplaceAllString(text, "${1}(number)")
	text = addresses.ReplaceAllString(text, "(address)")
	return stacks.ReplaceAllString(text, "")
}

func TestCommandsPrintWhatIsRecorded(t *testing.T) {
	datadriven.Walk(t, "testdata/text", func(t *testing.T, path string) {
		startServer(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			args, stdin := commandLine(d)
			var out, errors bytes.Buffer
			code := cli.Run(t.Context(), args, strings.NewReader(stdin), &out, &errors)
			text := out.String() + errors.String()
			if code != 0 {
				text += fmt.Sprintf("(exit code %d)\n", code)
			}
			return normal(text)
		})
	})
}

// temporalCLI is the binary of the Temporal CLI, to record what it prints.
var temporalCLI = os.Getenv("TEMPORAL_CLI")

func TestJSONHasAllThatTheTemporalCLIPrints(t *testing.T) {
	if temporalCLI != "" && testing.Short() {
		t.Skip("starts processes")
	}
	datadriven.Walk(t, "testdata/temporal", func(t *testing.T, path string) {
		startServer(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			args, stdin := commandLine(d)
			if temporalCLI != "" {
				cmd := exec.Command(temporalCLI, args...)
				cmd.Stdin = strings.NewReader(stdin)
				out, err := cmd.Output()
				return recorded(t, out, err != nil)
			}
			var out, errors bytes.Buffer
			code := cli.Run(t.Context(), args, strings.NewReader(stdin), &out, &errors)
			ours := recorded(t, out.Bytes(), code != 0)
			if lacking := lacks(d.Expected, ours); lacking != "" {
				return fmt.Sprintf("%s\nours:\n%s\n%s", lacking, ours, errors.String())
			}
			return d.Expected
		})
	})
}

// recorded is JSON, without what differs from run to run, and whether the command failed.
func recorded(t *testing.T, out []byte, failed bool) string {
	t.Helper()
	text := ""
	if len(bytes.TrimSpace(out)) > 0 {
		var value any
		if err := json.Unmarshal(out, &value); err != nil {
			t.Fatalf("not JSON: %v\n%s", err, out)
		}
		encoded, err := json.MarshalIndent(stripped("", value), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		text = string(encoded) + "\n"
	}
	if failed {
		text += "(failed)\n"
	}
	return text
}

// volatile are fields whose values are not compared.
var volatile = regexp.MustCompile(`(?i)(runid|times?|identity|requestid|taskid|historysize\w*|duration\w*|updateid|binarychecksum|buildid|sdkname|sdkversion|stacktrace|lastaccesstime|serverversion|instancekey|sequencingeventid|^id|transitioncount|expirationtime|rate|deletednamespace)$`)

// stripped is a JSON value whose volatile parts are replaced.
func stripped(name string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range maps.Clone(value) {
			delete(value, key)
			value[uuids.ReplaceAllString(key, "(id)")] = stripped(key, inner)
		}
	case []any:
		for i, inner := range value {
			value[i] = stripped(name, inner)
		}
	case nil:
	default:
		if volatile.MatchString(name) {
			return "(" + name + ")"
		}
		if text, ok := value.(string); ok {
			return uuids.ReplaceAllString(text, "(id)")
		}
	}
	return value
}

// lacks says what of theirs is not in ours. Ours may have more fields, as it is made with a
// newer API.
func lacks(theirs, ours string) string {
	if strings.HasSuffix(theirs, "(failed)\n") != strings.HasSuffix(ours, "(failed)\n") {
		return "one has failed, not the other"
	}
	var a, b any
	_ = json.Unmarshal([]byte(strings.TrimSuffix(theirs, "(failed)\n")), &a)
	_ = json.Unmarshal([]byte(strings.TrimSuffix(ours, "(failed)\n")), &b)
	return lacksValue("", a, b)
}

func lacksValue(path string, theirs, ours any) string {
	switch theirs := theirs.(type) {
	case map[string]any:
		object, ok := ours.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %v, not an object", path, ours)
		}
		for key, value := range theirs {
			inner, ok := object[key]
			if !ok {
				return fmt.Sprintf("%s.%s is missing", path, key)
			}
			if problem := lacksValue(path+"."+key, value, inner); problem != "" {
				return problem
			}
		}
	case []any:
		list, ok := ours.([]any)
		if !ok || len(list) != len(theirs) {
			return fmt.Sprintf("%s is %v, not a list of %d", path, ours, len(theirs))
		}
		for i := range theirs {
			if problem := lacksValue(fmt.Sprintf("%s[%d]", path, i), theirs[i], list[i]); problem != "" {
				return problem
			}
		}
	default:
		if !reflect.DeepEqual(theirs, ours) {
			return fmt.Sprintf("%s is %v, not %v", path, ours, theirs)
		}
	}
	return ""
}
