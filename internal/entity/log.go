package entity

import "log/slog"

// LogValue says in a log which entity is meant: its kind, the id of its namespace, and its id
// under a name by which people look for it.
func (k Key) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, 3)
	attrs = append(attrs, slog.String("kind", k.Kind.String()))
	if k.Namespace != "" {
		attrs = append(attrs, slog.String("namespaceId", k.Namespace))
	}
	if k.ID != "" {
		attrs = append(attrs, slog.String(k.Kind.idName(), k.ID))
	}
	return slog.GroupValue(attrs...)
}

// Attr has the line of a log be about the entity: LogValue, in the line itself.
func (k Key) Attr() slog.Attr { return slog.Attr{Value: k.LogValue()} }

// idName is what the id of an entity of the kind is called in logs.
func (k Kind) idName() string {
	word := k.String()
	switch {
	case k == KindTaskQueue:
		return word
	case k.Global(), len(word) == 1: // the latter of a later version
		return "id"
	}
	return word + "Id"
}

// LogValue says in a log which task is meant.
func (t *Task) LogValue() slog.Value {
	return slog.GroupValue(t.Entity.Attr(), slog.String("runId", t.RunID), slog.String("taskQueue", t.Queue.Name), slog.Int64("eventId", t.EventID))
}
