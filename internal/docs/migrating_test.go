package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A program on the Temporal SDK, and its test.
const (
	movingGoMod = `module example.com/shop

go 1.26.0
`
	movingProgram = `package main

import (
	"context"
	"log"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

func Order(ctx workflow.Context, id string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 3},
	})
	var receipt string
	err := workflow.ExecuteActivity(ctx, Charge, id).Get(ctx, &receipt)
	return receipt, err
}

func Charge(ctx context.Context, id string) (string, error) { return "charged " + id, nil }

func main() {
	c, err := client.Dial(envconfig.MustLoadDefaultClientOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	w := worker.New(c, "orders", worker.Options{})
	w.RegisterWorkflow(Order)
	w.RegisterActivity(Charge)
	if err := w.Run(worker.InterruptCh()); err != nil {
		log.Fatal(err)
	}
}
`
	movingTest = `package main

import (
	"testing"

	"go.temporal.io/sdk/testsuite"
)

func TestOrder(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(Charge)
	env.ExecuteWorkflow(Order, "7")
	var receipt string
	if err := env.GetWorkflowResult(&receipt); err != nil || receipt != "charged 7" {
		t.Fatal(receipt, err)
	}
}
`
)

// The commands are those of the page, except that what they clone is this tree.
func TestAProgramMovesToTheSDKByTheCommandsOfThePage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the go command")
	}
	top, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	blocks := readDocument(t, "docs/migrating.md").blocks
	at := slices.IndexFunc(blocks, func(b block) bool { return len(b.lines) > 0 && strings.HasPrefix(b.lines[0], "git clone ") })
	if at < 0 {
		t.Fatal("docs/migrating.md has no block of commands that begins with git clone")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), movingGoMod)
	write(t, filepath.Join(dir, "go.sum"), checksums(t))
	write(t, filepath.Join(dir, "main.go"), movingProgram)
	write(t, filepath.Join(dir, "main_test.go"), movingTest)
	for _, line := range blocks[at].lines[1:] {
		command(t, dir, "sh", "-c", strings.ReplaceAll(line, "../perdure", top))
	}
	command(t, dir, "go", "test", "./...")
	moved, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(moved), "go.temporal.io/sdk") || !strings.Contains(string(moved), sdkModule) {
		t.Errorf("go.mod is\n%s", moved)
	}
}
