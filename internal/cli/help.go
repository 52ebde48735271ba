package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/perdure/perdure/internal/cli/command"
)

// helpWidth is how wide help is: as the terminal, but no wider than what is good to
// read; 80 columns where there is none.
func helpWidth() int {
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 0 {
		return min(max(width, 60), 120)
	}
	return 80
}

// usage prints how a command is used: its commands, its flags, and last the flags that
// it has in common with others.
func usage(cmd *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND [flags]\n", cmd.CommandPath())
	}
	if !cmd.HasAvailableSubCommands() || cmd.Flags().Lookup("reason") != nil {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	writeCommands(&b, cmd)
	width := helpWidth()
	if local := cmd.LocalFlags(); local.HasAvailableFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", local.FlagUsagesWrapped(width))
	}
	inherited := inheritedFlags(cmd)
	if inherited.HasAvailableFlags() {
		fmt.Fprintf(&b, "\nFlags of many commands:\n%s", inherited.FlagUsagesWrapped(width))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nRun '%s COMMAND --help' to learn more about a command.\n", cmd.CommandPath())
	}
	_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
	return err
}

func writeCommands(b *strings.Builder, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	write := func(title, group string) {
		fmt.Fprintf(b, "\n%s\n", title)
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.GroupID == group {
				fmt.Fprintf(b, "  %-*s %s\n", sub.NamePadding()+1, sub.Name(), sub.Short)
			}
		}
	}
	for _, group := range cmd.Groups() {
		write(group.Title, group.ID)
	}
	if !cmd.AllChildCommandsHaveGroup() {
		title := "Commands:"
		if len(cmd.Groups()) > 0 {
			title = "Other commands:"
		}
		write(title, "")
	}
}

// inheritedFlags are the flags of the commands above that mean something to this one.
func inheritedFlags(cmd *cobra.Command) *pflag.FlagSet {
	set := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	top := cmd
	for top.HasParent() && top.Parent().HasParent() {
		top = top.Parent()
	}
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if top.GroupID != groupServer || !slices.Contains(command.ClientFlags(), f.Name) {
			set.AddFlag(f)
		}
	})
	return set
}
