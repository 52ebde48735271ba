package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli"
)

// runHere runs a command line that starts nothing, inside the test.
func runHere(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errors strings.Builder
	code = cli.Run(t.Context(), args, nil, &out, &errors)
	return code, out.String(), errors.String()
}

// commands calls visit with the words after "perdure" of every command that help shows.
func commands(visit func(words []string)) {
	var walk func(*cobra.Command, []string)
	walk = func(command *cobra.Command, words []string) {
		visit(words)
		for _, sub := range command.Commands() {
			if !sub.Hidden {
				walk(sub, append(words[:len(words):len(words)], sub.Name()))
			}
		}
	}
	walk(cli.Root(), nil)
}

func TestEveryCommandPrintsTheVersion(t *testing.T) {
	commands(func(words []string) {
		code, out, stderr := runHere(t, append(words, "--version")...)
		if code != 0 || !strings.HasPrefix(out, "perdure ") || stderr != "" {
			t.Errorf("%v --version: exit code %d, %q, stderr %q", words, code, out, stderr)
		}
	})
}

func TestTheVersionIsPrintedAsJSON(t *testing.T) {
	code, out, _ := runHere(t, "version", "-o", "json")
	var version struct{ Version, CompatibleVersion, Go, Platform string }
	if err := json.Unmarshal([]byte(out), &version); code != 0 || err != nil || version.Version == "" || version.CompatibleVersion == "" {
		t.Errorf("version -o json: exit code %d, %q, %v", code, out, err)
	}
}

func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	commands(func(words []string) {
		code, out, stderr := runHere(t, append(words, "--help")...)
		if code != 0 || !strings.Contains(out, "Examples:") || stderr != "" {
			t.Errorf("%v --help: exit code %d, stderr %q:\n%s", words, code, stderr, out)
		}
	})
}
