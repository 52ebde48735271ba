package secured

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
)

var quiet = slog.New(slog.DiscardHandler)

func TestWhatUsersTrustTheServerWithIsReadByNobodyElse(t *testing.T) {
	secret := "secret" + rand.Text()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	theToken := token(t)
	c, err := dial(t, func(_ *testing.T, o *client.Options) {
		o.HeadersProvider = bearer(theToken)
		o.ContextPropagators = []workflow.ContextPropagator{propagator{secret}}
	})
	if err != nil {
		t.Fatal(err)
	}
	startWorker(t, c, "confidences")
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "confidence", TaskQueue: "confidences", Memo: map[string]any{"first": secret},
		StaticSummary: secret, StaticDetails: secret}, "confide", secret)
	if err != nil {
		t.Fatal(err)
	}
	update, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{WorkflowID: "confidence", UpdateName: "tell", Args: []any{secret}, WaitForStage: client.WorkflowUpdateStageCompleted})
	if err != nil {
		t.Fatal(err)
	}
	if err := update.Get(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.QueryWorkflow(ctx, "confidence", "", "ask", secret); err != nil {
		t.Fatal(err)
	}
	if err := c.SignalWorkflow(ctx, "confidence", "", "go on", secret); err != nil {
		t.Fatal(err)
	}
	if err := run.Get(ctx, nil); err == nil || !strings.Contains(err.Error(), secret) {
		t.Fatalf("the workflow does not tell its user: %v", err)
	}
	if err := c.CompleteActivity(ctx, []byte(secret), secret, nil); err == nil {
		t.Error("a token of a task that is none was taken")
	}
	// Somebody else asks.
	other, err := dial(t, func(_ *testing.T, o *client.Options) {
		o.Credentials = client.NewAPIKeyStaticCredentials(world.foreign)
	})
	if err == nil {
		_, err = other.DescribeWorkflowExecution(ctx, "confidence", "")
	}
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("somebody else is told %v", err)
	}

	_, metrics := scrape(t, world.operator)
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(world.traces.text(), "RespondWorkflowTaskCompleted"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("there are no traces")
		}
	}
	if !strings.Contains(metrics, `namespace="orders"`) || world.log.text() == "" {
		t.Fatal("there are no metrics, or there is no log")
	}
	for name, hidden := range map[string]string{
		"a payload": secret, "the token of a caller": theToken, "the API key of a worker": world.worker, "the API key of the operator": world.operator, "the API key of somebody else": world.foreign,
	} {
		encoded := base64.StdEncoding.EncodeToString([]byte(hidden))
		for place, text := range map[string]string{"the log": world.log.text(), "the metrics": metrics, "the traces": world.traces.text()} {
			for _, form := range []string{hidden, encoded, strings.TrimPrefix(hidden, "perdure_")} {
				if i := strings.Index(text, form); i >= 0 {
					t.Errorf("%s is in %s: %s", name, place, text[max(0, i-300):min(len(text), i+100)])
				}
			}
		}
	}
}
