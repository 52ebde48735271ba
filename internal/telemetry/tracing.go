package telemetry

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// TracingOptions say where spans go. The zero value is what the environment says.
//
// The environment is that of OpenTelemetry: OTEL_EXPORTER_OTLP_ENDPOINT and its relatives say where,
// with which headers and certificates; OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG which calls (all,
// unless the caller has decided not to); OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES as what;
// OTEL_BSP_* how spans are gathered; OTEL_SDK_DISABLED=true and OTEL_TRACES_EXPORTER=none turn it off.
type TracingOptions struct {
	// Endpoint is the URL of a collector, such as http://127.0.0.1:4317. It goes before what the
	// environment says. By gRPC if its port is 4317, by HTTP otherwise, unless
	// OTEL_EXPORTER_OTLP_PROTOCOL says so.
	Endpoint string
	// Version is that of the server.
	Version string
	// Getenv is os.Getenv unless a test says otherwise. The exporter reads the environment itself.
	Getenv func(string) string
	// exporter is used in place of one that sends, by tests.
	exporter trace.SpanExporter
}

// StartTracing makes a tracer; nil if nothing says where spans are to go. It does not connect: a
// collector that is not there is told of in the log, and spans are lost.
func StartTracing(ctx context.Context, options TracingOptions) (*Tracer, error) {
	if options.Getenv == nil {
		options.Getenv = os.Getenv
	}
	exporter := options.exporter
	if exporter == nil {
		on, err := options.enabled()
		if err != nil || !on {
			return nil, err
		}
		if exporter, err = options.connect(ctx); err != nil {
			return nil, fmt.Errorf("exporting traces: %w", err)
		}
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attrServiceName.String("perdure"), attrServiceVersion.String(options.Version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describing this server to OpenTelemetry: %w", err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about))
	return newTracer(provider), nil
}

// enabled reports whether spans are to go anywhere.
func (o *TracingOptions) enabled() (bool, error) {
	if strings.EqualFold(o.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := o.Getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "otlp":
		return true, nil
	case "":
		return o.Endpoint != "" || o.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" || o.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "", nil
	default:
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER must be otlp or none, not %q", exporter)
	}
}

// protocol is how spans are sent.
func (o *TracingOptions) protocol() string {
	endpoint := o.Endpoint
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES", "OTEL_EXPORTER_OTLP"} {
		if protocol := o.Getenv(name + "_PROTOCOL"); protocol != "" {
			return protocol
		}
		if endpoint == "" {
			endpoint = o.Getenv(name + "_ENDPOINT")
		}
	}
	if at, err := url.Parse(endpoint); err == nil && at.Port() == "4317" {
		return "grpc"
	}
	return "http/protobuf"
}

// connect makes what sends spans.
func (o *TracingOptions) connect(ctx context.Context) (trace.SpanExporter, error) {
	if o.Endpoint != "" {
		if at, err := url.Parse(o.Endpoint); err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
			return nil, fmt.Errorf("the endpoint must be a URL such as http://127.0.0.1:4317, not %q", o.Endpoint)
		}
	}
	switch protocol := o.protocol(); protocol {
	case "grpc":
		var options []otlptracegrpc.Option
		if o.Endpoint != "" {
			options = append(options, otlptracegrpc.WithEndpointURL(o.Endpoint))
		}
		return otlptrace.New(ctx, otlptracegrpc.NewClient(options...))
	case "http/protobuf":
		var options []otlptracehttp.Option
		if o.Endpoint != "" {
			options = append(options, otlptracehttp.WithEndpointURL(o.Endpoint))
		}
		return otlptrace.New(ctx, otlptracehttp.NewClient(options...))
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL must be grpc or http/protobuf, not %q", protocol)
	}
}
