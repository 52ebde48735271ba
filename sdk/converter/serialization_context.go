package converter

// SerializationContext says whose payloads are being converted. It is a
// [WorkflowSerializationContext], an [ActivitySerializationContext] or a
// [NexusSerializationContext].
//
// Converters and codecs can use it, for instance, to choose a key per tenant; it is
// the same when a payload is decoded as when it was encoded.
type SerializationContext interface {
	isSerializationContext()
}

// WorkflowSerializationContext is the context of a workflow's own payloads: its
// arguments and result, signals, queries, updates, memo.
type WorkflowSerializationContext struct {
	// Namespace where the workflow runs, which may be another than the client's.
	Namespace string
	// WorkflowID is the workflow's id.
	WorkflowID string
}

func (WorkflowSerializationContext) isSerializationContext() {}

// ActivitySerializationContext is the context of an activity's payloads: its
// arguments, result, heartbeats and failures.
type ActivitySerializationContext struct {
	// Namespace where the activity runs.
	Namespace string
	// WorkflowID is the workflow that scheduled it, empty if none did.
	WorkflowID string
	// WorkflowType is the name of that workflow, empty if there is none.
	WorkflowType string
	// ActivityType is the name of the activity.
	ActivityType string
	// TaskQueue is the activity's task queue.
	TaskQueue string
	// IsLocal tells whether the activity is a local activity.
	IsLocal bool
}

func (ActivitySerializationContext) isSerializationContext() {}

// NexusSerializationContext is the context of a Nexus operation's payloads and failures:
// the input, which callers encode and handlers decode; the result, but for one that comes
// later, from an asynchronous operation, which its handler encodes as what it is then, a
// workflow's result for instance.
type NexusSerializationContext struct {
	// Endpoint is the name of the Nexus endpoint.
	Endpoint string
	// Service is the name of the Nexus service.
	Service string
	// Operation is the name of the operation.
	Operation string
}

func (NexusSerializationContext) isSerializationContext() {}

// DataConverterWithSerializationContext is implemented by data converters that
// depend on the context.
type DataConverterWithSerializationContext interface {
	// WithSerializationContext returns a data converter for the context. It must not
	// change the receiver and must not return nil.
	WithSerializationContext(SerializationContext) DataConverter
}

// PayloadCodecWithSerializationContext is implemented by codecs that depend on the
// context.
type PayloadCodecWithSerializationContext interface {
	// WithSerializationContext returns a codec for the context. It must not change
	// the receiver and must not return nil.
	WithSerializationContext(SerializationContext) PayloadCodec
}

// FailureConverterWithSerializationContext is implemented by failure converters that
// depend on the context.
type FailureConverterWithSerializationContext interface {
	// WithSerializationContext returns a failure converter for the context. It must
	// not change the receiver and must not return nil.
	WithSerializationContext(SerializationContext) FailureConverter
}

// WithDataConverterSerializationContext returns dc for the context, or dc itself if
// it does not depend on it. It panics if dc returns nil.
func WithDataConverterSerializationContext(dc DataConverter, ctx SerializationContext) DataConverter {
	c, ok := dc.(DataConverterWithSerializationContext)
	if !ok {
		return dc
	}
	bound := c.WithSerializationContext(ctx)
	if bound == nil {
		panic("DataConverterWithSerializationContext.WithSerializationContext must not return nil")
	}
	return bound
}

// WithFailureConverterSerializationContext returns fc for the context, or fc itself
// if it does not depend on it. It panics if fc returns nil.
func WithFailureConverterSerializationContext(fc FailureConverter, ctx SerializationContext) FailureConverter {
	c, ok := fc.(FailureConverterWithSerializationContext)
	if !ok {
		return fc
	}
	bound := c.WithSerializationContext(ctx)
	if bound == nil {
		panic("FailureConverterWithSerializationContext.WithSerializationContext must not return nil")
	}
	return bound
}
