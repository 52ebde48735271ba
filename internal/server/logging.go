package server

import (
	"context"
	"log/slog"
)

// namespaceNames is a slog.Handler that adds the name of the namespace to lines that have its id
// (namespaceId) only.
type namespaceNames struct {
	slog.Handler
	// nameOf is the name of a namespace, or "". It must not wait.
	nameOf func(id string) string
}

// Handle implements slog.Handler.
func (h namespaceNames) Handle(ctx context.Context, record slog.Record) error {
	id, named := "", false
	var look func(slog.Attr) bool
	look = func(attr slog.Attr) bool {
		switch {
		case attr.Key == "namespace":
			named = true
		case attr.Key == "namespaceId":
			id = attr.Value.String()
		case attr.Key == "": // a group that is part of the line
			if value := attr.Value.Resolve(); value.Kind() == slog.KindGroup {
				for _, inner := range value.Group() {
					look(inner)
				}
			}
		}
		return true
	}
	record.Attrs(look)
	if id != "" && !named {
		if name := h.nameOf(id); name != "" {
			record = record.Clone()
			record.AddAttrs(slog.String("namespace", name))
		}
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h namespaceNames) WithAttrs(attrs []slog.Attr) slog.Handler {
	return namespaceNames{h.Handler.WithAttrs(attrs), h.nameOf}
}

// WithGroup implements slog.Handler.
func (h namespaceNames) WithGroup(name string) slog.Handler {
	return namespaceNames{h.Handler.WithGroup(name), h.nameOf}
}
