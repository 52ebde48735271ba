// Package opentelemetry traces clients, workflows and activities with OpenTelemetry, and has the SDK
// count and measure with it.
//
//	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{})
//	if err != nil { … }
//	c, err := client.Dial(client.Options{
//		Interceptors:   []interceptor.ClientInterceptor{tracing},
//		MetricsHandler: opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{}),
//	})
//
// The client's workers trace and measure as well. The span of workflow code is in the workflow's
// context (SpanFromWorkflowContext), that of an activity where OpenTelemetry looks for it.
package opentelemetry

// instrumentation is the name under which tracers and meters are asked for where the options have none.
const instrumentation = "temporal-sdk-go"
