package secured

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// identity is a way to say who one is.
type identity struct {
	// options changes those of a client of the SDK.
	options func(t *testing.T, o *client.Options)
	// environment is that of a command.
	environment func(t *testing.T) []string
}

func token(t *testing.T) string {
	t.Helper()
	text, err := world.issuer.token("orders:write")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var identities = map[string]identity{
	"an API key": {
		func(_ *testing.T, o *client.Options) { o.Credentials = client.NewAPIKeyStaticCredentials(world.worker) },
		func(*testing.T) []string { return []string{"TEMPORAL_API_KEY=" + world.worker} },
	},
	"a certificate": {
		func(t *testing.T, o *client.Options) {
			certificate, err := tls.LoadX509KeyPair(path("client.pem"), path("client.key"))
			if err != nil {
				t.Fatal(err)
			}
			o.Credentials = client.NewMTLSCredentials(certificate)
		},
		func(*testing.T) []string {
			return []string{"TEMPORAL_TLS_CLIENT_CERT_PATH=" + path("client.pem"), "TEMPORAL_TLS_CLIENT_KEY_PATH=" + path("client.key")}
		},
	},
	"a token": {
		func(t *testing.T, o *client.Options) { o.HeadersProvider = bearer(token(t)) },
		func(t *testing.T) []string { return []string{"TEMPORAL_GRPC_META_AUTHORIZATION=Bearer " + token(t)} },
	},
}

// bearer sends a token.
type bearer string

func (b bearer) GetHeaders(context.Context) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// dial makes a client that trusts the server.
func dial(t *testing.T, who func(*testing.T, *client.Options)) (client.Client, error) {
	t.Helper()
	options := client.Options{HostPort: world.address, Namespace: "orders", Logger: log.NewStructuredLogger(quiet),
		ConnectionOptions: client.ConnectionOptions{TLS: &tls.Config{RootCAs: world.authority.pool}}}
	if who != nil {
		who(t, &options)
	}
	c, err := client.Dial(options)
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

func TestWorkflowsRunForWhoeverSaysWhoHeIs(t *testing.T) {
	for name, who := range identities {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := dial(t, who.options)
			if err != nil {
				t.Fatal(err)
			}
			queue := "orders by " + name
			startWorker(t, c, queue)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: queue, TaskQueue: queue}, "greet", "Ada")
			if err != nil {
				t.Fatal(err)
			}
			var greeting string
			if err := run.Get(ctx, &greeting); err != nil || greeting != "hello Ada" {
				t.Errorf("%q, %v", greeting, err)
			}
			environment := who.environment(t)
			if out, err := command(t, environment, "workflow", "result", "--workflow-id", queue); err != nil || !strings.Contains(out, "hello Ada") {
				t.Errorf("the command prints %s, %v", out, err)
			}
			if out, err := command(t, environment, "workflow", "list", "--namespace", "others"); err == nil || !strings.Contains(out, "Request unauthorized") {
				t.Errorf("of another namespace it prints %s, %v", out, err)
			}
		})
	}
}

func TestNobodyElseIsLetIn(t *testing.T) {
	for name, who := range map[string]func(*testing.T, *client.Options){
		"nobody": nil,
		"a key that is none": func(_ *testing.T, o *client.Options) {
			o.Credentials = client.NewAPIKeyStaticCredentials("perdure_nonsense")
		},
		"a key for another namespace": func(_ *testing.T, o *client.Options) {
			o.Credentials = client.NewAPIKeyStaticCredentials(world.foreign)
		},
		"a token of nobody": func(_ *testing.T, o *client.Options) { o.HeadersProvider = bearer("e30.e30.e30") },
	} {
		c, err := dial(t, who)
		if err == nil {
			_, err = c.DescribeWorkflowExecution(t.Context(), "w", "")
		}
		var denied *serviceerror.PermissionDenied
		if !errors.As(err, &denied) && !strings.Contains(err.Error(), "the token is not accepted") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := client.Dial(client.Options{HostPort: world.address, Logger: log.NewStructuredLogger(quiet),
		ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: 5 * time.Second}}); err == nil {
		t.Error("a client without TLS was answered")
	}
	for key, want := range map[string]int{"": http.StatusUnauthorized, world.foreign: http.StatusForbidden, world.operator: http.StatusOK} {
		if status, text := scrape(t, key); status != want {
			t.Errorf("metrics are answered with %d, not %d: %s", status, want, text)
		}
	}
}

// command runs a command of Perdure.
func command(t *testing.T, environment []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(world.binary, args...)
	cmd.Env = append(append(os.Environ(), "TEMPORAL_ADDRESS="+world.address, "TEMPORAL_NAMESPACE=orders", "TEMPORAL_TLS_SERVER_CA_CERT_PATH="+path("ca.pem"),
		"HOME="+world.dir, "XDG_CONFIG_HOME="+world.dir, "NO_COLOR=1"), environment...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// startWorker runs a worker until the end of the test.
func startWorker(t *testing.T, c client.Client, queue string) {
	t.Helper()
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(greet, workflow.RegisterOptions{Name: "greet"})
	w.RegisterWorkflowWithOptions(confide, workflow.RegisterOptions{Name: "confide"})
	w.RegisterActivityWithOptions(say, activity.RegisterOptions{Name: "say"})
	w.RegisterActivityWithOptions(blab, activity.RegisterOptions{Name: "blab"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
}

func greet(ctx workflow.Context, name string) (greeting string, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	err = workflow.ExecuteActivity(ctx, "say", name).Get(ctx, &greeting)
	return greeting, err
}

func say(_ context.Context, name string) (string, error) { return "hello " + name, nil }

// confide has a secret in all that a workflow can have it in.
func confide(ctx workflow.Context, secret string) (string, error) {
	if err := workflow.SetQueryHandler(ctx, "ask", func(string) (string, error) { return secret, nil }); err != nil {
		return "", err
	}
	if err := workflow.SetUpdateHandler(ctx, "tell", func(_ workflow.Context, more string) (string, error) { return more, nil }); err != nil {
		return "", err
	}
	if err := workflow.UpsertMemo(ctx, map[string]any{"memo": secret}); err != nil {
		return "", err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: time.Minute, Summary: secret,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Millisecond, MaximumAttempts: 2}})
	_ = workflow.ExecuteActivity(ctx, "blab", secret).Get(ctx, nil) // it fails
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{Memo: map[string]any{"memo": secret}})
	if err := workflow.ExecuteChildWorkflow(child, "greet", secret).Get(ctx, nil); err != nil {
		return "", err
	}
	workflow.GetSignalChannel(ctx, "go on").Receive(ctx, nil)
	return "", temporal.NewApplicationError("the workflow says "+secret, "Blab", secret)
}

func blab(ctx context.Context, secret string) error {
	activity.RecordHeartbeat(ctx, secret)
	return temporal.NewApplicationError("the activity says "+secret, "Blab", secret)
}

// propagator sends a secret in a header.
type propagator struct{ secret string }

func (p propagator) Inject(_ context.Context, w workflow.HeaderWriter) error { return p.write(w) }
func (p propagator) InjectFromWorkflow(_ workflow.Context, w workflow.HeaderWriter) error {
	return p.write(w)
}

func (p propagator) Extract(ctx context.Context, _ workflow.HeaderReader) (context.Context, error) {
	return ctx, nil
}

func (p propagator) ExtractToWorkflow(ctx workflow.Context, _ workflow.HeaderReader) (workflow.Context, error) {
	return ctx, nil
}

func (p propagator) write(w workflow.HeaderWriter) error {
	payload, err := converter.GetDefaultDataConverter().ToPayload(p.secret)
	if err == nil {
		w.Set("secret", payload)
	}
	return err
}
