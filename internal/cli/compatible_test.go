package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/perdure/perdure/internal/cli"
)

// temporalCommands lists all commands of the Temporal CLI with their flags, a line for each:
// "workflow start: a flag, another flag/letter". It is recorded with
//
//	TEMPORAL_CLI=path/to/temporal go test ./internal/cli -run TestTheTemporalCLIs
const temporalCommands = "testdata/temporal-commands.txt"

// Reasons for what is not here.
const (
	oldVersioning = "the versioning of workers before there were deployments, which the server does not have"
	logsNothing   = "the command logs nothing"
)

// notOurs are commands, with all below them, and flags, as "command --flag", that are not here on
// purpose, with the reason.
var notOurs = map[string]string{
	"task-queue get-build-id-reachability": oldVersioning,
	"task-queue get-build-ids":             oldVersioning,
	"task-queue update-build-ids":          oldVersioning,
	"task-queue versioning":                oldVersioning,
	"config --log-format":                  logsNothing, "config --log-level": logsNothing,
	"config delete --log-format": logsNothing, "config delete --log-level": logsNothing,
	"env --log-format": logsNothing, "env --log-level": logsNothing,
	"env delete --log-format": logsNothing, "env delete --log-level": logsNothing,
	"env get --log-format": logsNothing, "env get --log-level": logsNothing,
	"env list --log-format": logsNothing, "env list --log-level": logsNothing,
	"env set --log-format": logsNothing, "env set --log-level": logsNothing,
	"server --log-format": "belongs to start and start-dev", "server --log-level": "belongs to start and start-dev",
}

// known reports which entry of notOurs a command or a flag is under, if it is under one.
func known(what string) (entry string, is bool) {
	for entry := range notOurs {
		if what == entry || strings.HasPrefix(what, entry+" ") && !strings.Contains(what, " --") {
			return entry, true
		}
	}
	return "", false
}

func TestTheTemporalCLIsCommandsAndFlagsAreHere(t *testing.T) {
	if temporalCLI != "" && !testing.Short() {
		var lines []string
		walkHelp(t, nil, &lines)
		slices.Sort(lines)
		if err := os.WriteFile(temporalCommands, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(temporalCommands)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for what := range notOurs {
		left[what] = true
	}
	missing := func(what string) {
		entry, is := known(what)
		if !is {
			t.Errorf("there is no %s", what)
		}
		delete(left, entry)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		name, flags, _ := strings.Cut(line, ":")
		cmd := find(cli.Root(), strings.Fields(name))
		if cmd == nil {
			missing(name)
			continue
		}
		for _, flag := range strings.FieldsFunc(flags, func(r rune) bool { return r == ',' || r == ' ' }) {
			long, letter, _ := strings.Cut(flag, "/")
			var ours *pflag.Flag
			for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags(), cmd.InheritedFlags()} {
				if ours == nil {
					ours = set.Lookup(long)
				}
			}
			switch {
			case ours == nil:
				missing(name + " --" + long)
			case letter != "" && ours.Shorthand != letter:
				missing(name + " -" + letter)
			}
		}
	}
	for what := range left {
		t.Errorf("%s is here, or is not there, and needs no reason", what)
	}
}

// find is the command below the root with the words as its path; nil if there is none.
func find(root *cobra.Command, path []string) *cobra.Command {
	cmd := root
	for _, word := range path {
		i := slices.IndexFunc(cmd.Commands(), func(sub *cobra.Command) bool { return sub.Name() == word || sub.HasAlias(word) })
		if i < 0 {
			return nil
		}
		cmd = cmd.Commands()[i]
	}
	return cmd
}

var (
	commandLines = regexp.MustCompile(`(?ms)^Available Commands:\n(.*?)\n\n`)
	flagLines    = regexp.MustCompile(`(?m)^  (?:-(\w), |    )--([\w-]+)`)
)

// walkHelp adds what the Temporal CLI says of a command, and of those below it.
func walkHelp(t *testing.T, path []string, lines *[]string) {
	t.Helper()
	out, err := exec.Command(temporalCLI, append(slices.Clone(path), "--help")...).Output()
	if err != nil {
		t.Fatalf("%v --help: %v", path, err)
	}
	text := string(out)
	if len(path) > 0 {
		var flags []string
		_, described, _ := strings.Cut(text, "\nFlags:\n") // examples have flags, too
		for _, match := range flagLines.FindAllStringSubmatch(described, -1) {
			flag := match[2]
			if flag == "help" {
				continue
			}
			if match[1] != "" {
				flag += "/" + match[1]
			}
			flags = append(flags, flag)
		}
		*lines = append(*lines, fmt.Sprintf("%s: %s", strings.Join(path, " "), strings.Join(flags, ", ")))
	}
	if found := commandLines.FindStringSubmatch(text); found != nil {
		for _, line := range strings.Split(found[1], "\n") {
			if word := strings.Fields(line); len(word) > 0 && word[0] != "help" && word[0] != "completion" {
				walkHelp(t, append(slices.Clone(path), word[0]), lines)
			}
		}
	}
}
