package workflow_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/perdure/perdure/sdk/contrib/tools/workflowcheck/workflow"
)

func TestEachWorkflowIsReportedWithTheWayToWhatIsNotDeterministic(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), workflow.NewAnalyzer(), "workflows", "helpers")
}

func TestAConfigurationDeclaresFunctionsAndSkipsFiles(t *testing.T) {
	analyzer := workflow.NewAnalyzer()
	for flag, value := range map[string]string{
		"config": filepath.Join(analysistest.TestData(), "config.yaml"), "show-pos": "true", "single-line": "true",
	} {
		if err := analyzer.Flags.Set(flag, value); err != nil {
			t.Fatal(err)
		}
	}
	analysistest.Run(t, analysistest.TestData(), analyzer, "configured")
}

func TestAConfigurationThatMakesNoSenseIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"a key that is not known": "declarations: {}",
		"a pattern that is none":  "skip: ['(']",
		"a value that is none":    "decls: {time.Now: maybe}",
	} {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if workflow.NewAnalyzer().Flags.Set("config", path) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if workflow.NewAnalyzer().Flags.Set("config", filepath.Join(t.TempDir(), "none.yaml")) == nil {
		t.Error("a file that is not there was taken")
	}
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := workflow.NewAnalyzer().Flags.Set("config", empty); err != nil {
		t.Errorf("an empty file was refused: %v", err)
	}
}
