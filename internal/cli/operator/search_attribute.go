package operator

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

func newSearchAttribute(g *command.Group) *cobra.Command {
	cmd := command.NewParent("search-attribute", "Create, list and remove custom search attributes",
		`Create, list and remove the custom search attributes of a namespace, by which its
workflows can be found.`,
		`  perdure operator search-attribute create --name Customer --type Keyword
  perdure operator search-attribute list`)
	cmd.AddCommand(newSearchAttributeCreate(g), newSearchAttributeList(g), newSearchAttributeRemove(g))
	return cmd
}

func newSearchAttributeCreate(g *command.Group) *cobra.Command {
	var names []string
	types := flags.NewEnums("Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList")
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create search attributes",
		Long:  `Create search attributes. One that exists with the type is left as it is.`,
		Example: `  perdure operator search-attribute create --name Customer --type Keyword
  perdure operator search-attribute create --name Customer --type Keyword --name Amount --type Double`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if len(names) != len(types.Values()) {
				return flags.Usagef("each --name needs its --type: there are %d names and %d types", len(names), len(types.Values()))
			}
			existing, err := s.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: s.Namespace})
			if err != nil {
				return fmt.Errorf("listing the search attributes that there are: %w", err)
			}
			wanted := make(map[string]enumspb.IndexedValueType, len(names))
			for i, name := range names {
				kind := enumspb.IndexedValueType(enumspb.IndexedValueType_shorthandValue[types.Values()[i]])
				if has, ok := existing.GetCustomAttributes()[name]; ok && has != kind {
					return fmt.Errorf("search attribute %s already exists and has different type %v", name, has)
				}
				wanted[name] = kind
			}
			_, err = s.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: s.Namespace, SearchAttributes: wanted})
			if err != nil {
				return fmt.Errorf("creating search attributes: %w", err)
			}
			s.Out.Printf("%s", output.Good("Search attributes have been added"))
			return nil
		}),
	}
	cmd.Flags().StringArrayVar(&names, "name", nil, "name; may be repeated, with a type for each; required")
	cmd.Flags().Var(types, "type", "type: "+types.Choices()+"; required")
	_ = cmd.MarkFlagRequired("name")
	_ = cmd.MarkFlagRequired("type")
	return cmd
}

func newSearchAttributeList(g *command.Group) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List search attributes",
		Long:    `List the search attributes of a namespace: the custom ones and those of the system.`,
		Example: `  perdure operator search-attribute list --namespace orders`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			response, err := s.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: s.Namespace})
			if err != nil {
				return fmt.Errorf("listing search attributes: %w", err)
			}
			var rows [][]any
			for _, kind := range []struct {
				of    string
				types map[string]enumspb.IndexedValueType
			}{{"custom", response.GetCustomAttributes()}, {"system", response.GetSystemAttributes()}} {
				for _, name := range slices.Sorted(maps.Keys(kind.types)) {
					rows = append(rows, []any{name, kind.types[name], kind.of})
				}
			}
			s.Out.Table(output.Col("Name"), output.Col("Type"), output.Col("Of")).Rows(rows...)
			return s.Out.Value(response)
		}),
	}
}

func newSearchAttributeRemove(g *command.Group) *cobra.Command {
	var names []string
	var yes bool
	cmd := &cobra.Command{
		Use:     "remove",
		Short:   "Remove search attributes",
		Long:    `Remove custom search attributes: workflows cannot be found by them any longer.`,
		Example: `  perdure operator search-attribute remove --name Customer`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if err := s.Confirm(fmt.Sprintf("You are about to remove search attribute %q? y/N", names), yes); err != nil {
				return err
			}
			_, err := s.OperatorService().RemoveSearchAttributes(ctx, &operatorservice.RemoveSearchAttributesRequest{Namespace: s.Namespace, SearchAttributes: names})
			if err != nil {
				return fmt.Errorf("removing search attributes: %w", err)
			}
			s.Out.Printf("%s", output.Good("Search attributes have been removed"))
			return nil
		}),
	}
	cmd.Flags().StringArrayVar(&names, "name", nil, "name; may be repeated; required")
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "remove it without asking")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}
