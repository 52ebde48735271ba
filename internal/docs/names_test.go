package docs

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	enumspb "go.temporal.io/api/enums/v1"
	_ "go.temporal.io/api/operatorservice/v1" // registers its names
	_ "go.temporal.io/api/workflowservice/v1" // registers its names
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/perdure/perdure/internal/cli"
)

// foreign are names that documents may use although nothing here has them.
var foreign = []string{
	// The Temporal CLI and SDK.
	"temporal", "temporal workflow list", "show", "delete", "testsuite.StartDevServer", `ExistingPath: "bin/perdure"`,
	"testsuite", "mocks", "temporalnexus", "contrib/...", "temporal server start-dev", "TEMPORAL_ADDRESS",
	// Answers of gRPC.
	"Unimplemented", "Unavailable", "NOT_SERVING",
	// Go, git and the system.
	"SIGKILL", "-short", "-race", "GOWORK=off", "replace", "protoc", "serviceerror",
	"apt-get install make gcc libc6-dev protobuf-compiler", "staticcheck",
	// HTTP: routes, headers and what is in them.
	"curl", "/openapi.yaml", "/swagger.json", "/api/v1", "?pageSize=10&execution.runId=…",
	`"input": [1, {"a": true}]`, "noPayloadShorthand", "Content-Type: application/json+no-payload-shorthand",
	"?pretty", "a/b", "/namespaces/default/workflows/a%2Fb", "Grpc-Timeout: 5S", "Grpc-Metadata-",
	"Authorization", "http.allowedOrigins", "Origin", "localhost", "frontend.httpAllowedHosts",
	"application/json", "*", "off", "/perdure", "github.com/temporalio/ui-server/v2", "Sec-Fetch-Site",
	// Names of things that a user gives.
	"default", ".", "perdure",
}

func TestWhatStandsInBackticksExists(t *testing.T) {
	r := readTree(t)
	commands := cli.Root()
	for _, d := range documents(t) {
		for _, span := range d.spans {
			if slices.Contains(foreign, span.value) {
				continue
			}
			if err := r.check(commands, span.value); err != nil {
				t.Errorf("%s: `%s`: %v", d.at(span.line), span.value, err)
			}
		}
		for _, block := range d.blocks {
			if block.language != "sh" && block.language != "" {
				continue
			}
			for i, line := range block.lines {
				line, _, _ = strings.Cut(line, "#")
				for command := range strings.SplitSeq(line, "&&") {
					if command = strings.TrimSpace(command); isCommand(command) {
						if err := r.check(commands, command); err != nil {
							t.Errorf("%s: %s: %v", d.at(block.line+i), command, err)
						}
					}
				}
			}
		}
	}
}

func isCommand(s string) bool {
	word, _, _ := strings.Cut(s, " ")
	return slices.Contains([]string{"perdure", "bin/perdure", "make", "go"}, word)
}

var (
	identifier = regexp.MustCompile(`^\pL[\pL\pN_]*(\.\pL[\pL\pN_]*)*(\(\))?$`)
	flagName   = regexp.MustCompile(`^--[a-z][a-z-]*\*?$`)
	fileName   = regexp.MustCompile(`^[\w.{},*-]+\.(go|md|proto|txt|mod|sum|work)$`)
)

// check says what is wrong with a name in a document, if anything.
func (r *tree) check(commands *cobra.Command, name string) error {
	switch words := strings.Fields(name); {
	case isCommand(name) && len(words) > 1:
		switch words[0] {
		case "make":
			return r.checkMake(words[1:])
		case "go":
			for _, word := range words[1:] {
				if local, ok := strings.CutPrefix(word, "./"); ok && local != "..." {
					if err := r.checkPath(local); err != nil {
						return err
					}
				}
			}
			return nil
		default:
			return checkCommand(commands, words[1:])
		}
	case flagName.MatchString(name):
		return checkFlag(commands, name)
	case strings.Contains(name, "/") || fileName.MatchString(name):
		return r.checkPath(name)
	case commandBelow(commands, words):
		return nil
	case identifier.MatchString(name):
		return r.checkIdentifier(strings.TrimSuffix(name, "()"))
	}
	return fmt.Errorf("neither a path nor an identifier nor a command; if it is right, add it to the list of foreign names in internal/docs")
}

func (r *tree) checkMake(words []string) error {
	for _, word := range words {
		if !strings.Contains(word, "=") && !r.targets[word] {
			return fmt.Errorf("the Makefile has no target %s", word)
		}
	}
	return nil
}

// checkPath takes a path from the top of the repository, a file name alone, or an
// import path. {a,b} stands for either and * for anything.
func (r *tree) checkPath(name string) error {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "..."), "/")
	if before, rest, ok := strings.Cut(name, "{"); ok {
		inside, after, _ := strings.Cut(rest, "}")
		for choice := range strings.SplitSeq(inside, ",") {
			if err := r.checkPath(before + choice + after); err != nil {
				return err
			}
		}
		return nil
	}
	local := name
	if strings.HasPrefix(name, module) {
		local = strings.TrimPrefix(strings.TrimPrefix(name, module), "/")
		if local == "" {
			return nil
		}
	}
	among := r.paths
	if !strings.Contains(name, "/") {
		among = r.bases
	}
	if among[local] {
		return nil
	}
	for known := range among {
		if matched, _ := path.Match(local, known); matched {
			return nil
		}
	}
	for imported := range r.imports {
		imported = strings.TrimPrefix(imported, "github.com/") + "/"
		if strings.HasPrefix(imported, strings.TrimPrefix(name, "github.com/")+"/") {
			return nil
		}
	}
	return fmt.Errorf("no such file, folder or package")
}

// checkIdentifier takes a name, Type.Member, package.Name or package.Type.Member
// of the tree's Go code, or a name of the API. What a foreign package has is not
// checked.
func (r *tree) checkIdentifier(name string) error {
	if r.names[name] || isNameOfTheAPI(name) {
		return nil
	}
	parts := strings.Split(name, ".")
	if len(parts) > 1 && r.packages[parts[0]] {
		return nil
	}
	if len(parts) == 3 && r.names[parts[0]+"."+parts[1]] && r.names[parts[1]+"."+parts[2]] {
		return nil
	}
	return fmt.Errorf("not declared in any Go file, and not a name of the API")
}

func isNameOfTheAPI(name string) bool {
	if _, err := enumspb.EventTypeFromString(name); err == nil {
		return true
	}
	if _, err := enumspb.CommandTypeFromString(name); err == nil {
		return true
	}
	return namesOfTheAPI()[name]
}

// namesOfTheAPI are the services, methods, messages and fields of the API.
var namesOfTheAPI = sync.OnceValue(func() map[string]bool {
	names := make(map[string]bool)
	add := func(d protoreflect.Descriptor) {
		names[string(d.Name())] = true
		names[string(d.FullName())] = true
	}
	var addMessages func(protoreflect.MessageDescriptors)
	addMessages = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			add(messages.Get(i))
			for j := range messages.Get(i).Fields().Len() {
				add(messages.Get(i).Fields().Get(j))
			}
			addMessages(messages.Get(i).Messages())
		}
	}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "temporal.api.") {
			return true
		}
		addMessages(file.Messages())
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			add(service)
			for j := range service.Methods().Len() {
				add(service.Methods().Get(j))
			}
		}
		return true
	})
	return names
})

// checkCommand follows the words of a command line down the tree of commands.
func checkCommand(command *cobra.Command, words []string) error {
	for i := 0; i < len(words); i++ {
		word := words[i]
		if strings.HasPrefix(word, "--") {
			name, _, valued := strings.Cut(word, "=")
			flag := findFlag(command, name)
			if flag == nil {
				return fmt.Errorf("%s has no flag %s", command.CommandPath(), name)
			}
			if !valued && flag.NoOptDefVal == "" {
				i++ // its value
			}
			continue
		}
		if !command.HasSubCommands() {
			continue
		}
		sub := child(command, word)
		if sub == nil {
			return fmt.Errorf("%s has no command %s", command.CommandPath(), word)
		}
		command = sub
	}
	return nil
}

// commandBelow reports whether the words are a command without those before it,
// as in `server start` or `start-dev`.
func commandBelow(command *cobra.Command, words []string) bool {
	if len(words) > 0 && child(command, words[0]) != nil && checkCommand(command, words) == nil {
		return true
	}
	return slices.ContainsFunc(command.Commands(), func(sub *cobra.Command) bool { return commandBelow(sub, words) })
}

func child(command *cobra.Command, name string) *cobra.Command {
	for _, sub := range command.Commands() {
		if sub.Name() == name {
			return sub
		}
	}
	return nil
}

func findFlag(command *cobra.Command, name string) *pflag.Flag {
	command.InitDefaultHelpFlag()
	command.InitDefaultVersionFlag()
	name = strings.TrimPrefix(name, "--")
	if flag := command.Flags().Lookup(name); flag != nil {
		return flag
	}
	return command.InheritedFlags().Lookup(name)
}

// checkFlag takes a flag of any command; --ui-* stands for all that begin so.
func checkFlag(command *cobra.Command, name string) error {
	if prefix, all := strings.CutSuffix(name, "*"); all {
		found := false
		command.Flags().VisitAll(func(flag *pflag.Flag) {
			found = found || strings.HasPrefix("--"+flag.Name, prefix)
		})
		if found {
			return nil
		}
	} else if findFlag(command, name) != nil {
		return nil
	}
	for _, sub := range command.Commands() {
		if checkFlag(sub, name) == nil {
			return nil
		}
	}
	return fmt.Errorf("no command has this flag")
}

func TestNamesOfThingsThatAreNotThereAreFound(t *testing.T) {
	r := readTree(t)
	for name, there := range map[string]bool{
		"internal/docs":                      true,
		"internal/cli/{start,version}.go":    true,
		"go.temporal.io/api":                 true,
		"Server.ClientConn":                  true,
		"WorkflowExecutionStarted":           true,
		"perdure server start --port 0":      true,
		"make quick":                         true,
		"--data-dir":                         true,
		"internal/nowhere":                   false,
		"internal/cli/{start,nowhere}.go":    false,
		"github.com/perdure/perdure/nowhere": false,
		"nowhere.go":                         false,
		"Server.Nowhere":                     false,
		"Nowhere":                            false,
		"perdure nowhere":                    false,
		"perdure server start --nowhere":     false,
		"make nowhere":                       false,
		"--nowhere":                          false,
		"go run ./nowhere":                   false,
		"what nobody can tell":               false,
	} {
		if err := r.check(cli.Root(), name); (err == nil) != there {
			t.Errorf("`%s`: %v, there is such a thing: %v", name, err, there)
		}
	}
}
