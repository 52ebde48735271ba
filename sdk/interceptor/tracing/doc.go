// Package tracing traces clients, workflows, activities and Nexus operations with a tracing library:
// it makes spans of what enters and leaves them, and carries the span of the caller along in
// headers.
//
// Programs take the interceptors of a companion package for their library; those are made here:
// [NewTracingInterceptor]. Unlike that of package interceptor, this one asks the library for spans in
// workflows with the workflow's own context (WorkflowTracer), so that a library can make spans that
// are the same in every replay; and with AddTemporalSpans off it makes none itself, but connects those
// that the program makes.
package tracing
