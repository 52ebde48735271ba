package command

import "github.com/perdure/perdure/internal/cli/output"

// WireList is [List] with payloads in JSON as they are on the wire.
func WireList[T any](out *output.Printer, limit int, page func(token []byte) ([]T, []byte, error), table *output.Table, row func(T) []any) error {
	return List(out.OfWire(), limit, page, table, row)
}

// List prints things that the server lists in pages, limit of them at most (0: all): as rows
// of a table, or as a list in JSON.
func List[T any](out *output.Printer, limit int, page func(token []byte) ([]T, []byte, error), table *output.Table, row func(T) []any) error {
	list := out.List()
	defer list.End()
	var token []byte
	for printed := 0; ; {
		items, next, err := page(token)
		if err != nil {
			return err
		}
		if limit > 0 && printed+len(items) > limit {
			items = items[:limit-printed]
		}
		var rows [][]any
		for _, item := range items {
			if out.JSON() {
				if err := list.Add(item); err != nil {
					return err
				}
				continue
			}
			rows = append(rows, row(item))
		}
		table.Rows(rows...)
		printed += len(items)
		if token = next; len(token) == 0 || (limit > 0 && printed >= limit) {
			return nil
		}
	}
}
