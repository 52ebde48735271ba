package flow

import (
	"fmt"
	"math"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/internal/registry"
)

// SignalChannelOptions say what people see of the signals of a channel.
type SignalChannelOptions struct {
	// Description is for people to read in the UI.
	Description string
}

// GetSignalChannel returns the channel on which the signals of a name arrive,
// those included that came before the call. Nobody closes it.
func GetSignalChannel(ctx Context, signalName string) ReceiveChannel {
	return mutableCalls(ctx).GetSignalChannel(ctx, signalName)
}

// GetSignalChannelWithOptions is GetSignalChannel with options. Those of the
// first call for a name count.
func GetSignalChannelWithOptions(ctx Context, signalName string, options SignalChannelOptions) ReceiveChannel {
	return mutableCalls(ctx).GetSignalChannelWithOptions(ctx, signalName, options)
}

func (o outbound) GetSignalChannel(ctx Context, signalName string) ReceiveChannel {
	return o.GetSignalChannelWithOptions(ctx, signalName, SignalChannelOptions{})
}

func (o outbound) GetSignalChannelWithOptions(_ Context, signalName string, options SignalChannelOptions) ReceiveChannel {
	r := o.mutable()
	if strings.HasPrefix(signalName, registry.ReservedPrefix) && !strings.HasPrefix(signalName, streamPrefix) {
		panic(registry.ReservedPrefix + " is a reserved prefix")
	}
	c := r.signalChannel(signalName)
	if c.signal == nil {
		c.signal = &plainSignal
		if options != plainSignal {
			c.signal = &options
		}
	}
	return c
}

// plainSignal are the options of a signal without any.
var plainSignal SignalChannelOptions

// streamPrefix begins the reserved names that workflow streams, a companion
// library, uses from workflow code.
const streamPrefix = "__temporal_workflow_stream_"

// GetUnhandledSignalNames returns the names of signals that have come and were
// not received, sorted.
func GetUnhandledSignalNames(ctx Context) []string { return runOf(ctx).unhandledSignals() }

// Signal implements replay.Workflow.
func (r *run) Signal(attributes *historypb.WorkflowExecutionSignaledEventAttributes) error {
	if !r.intercepted() {
		return r.deliver(attributes.GetSignalName(), attributes.GetInput())
	}
	ctx, err := r.incoming(r.root, attributes.GetHeader())
	if err != nil {
		return err
	}
	return r.inbound.HandleSignal(ctx, &HandleSignalInput{SignalName: attributes.GetSignalName(), Arg: attributes.GetInput()})
}

// HandleSignal implements WorkflowInboundInterceptor.
func (i inbound) HandleSignal(_ Context, in *HandleSignalInput) error {
	return i.run.deliver(in.SignalName, in.Arg)
}

func (r *run) deliver(signalName string, arg *commonpb.Payloads) error {
	// A signal without arguments is a value as well.
	if !r.signalChannel(signalName).SendAsync(arg) {
		return fmt.Errorf("exceeded channel buffer size for signal: %v", signalName)
	}
	return nil
}

func (r *run) signalChannel(name string) *channel {
	c, ok := r.signals[name]
	if !ok {
		c = newChannel(r.root, name, math.MaxInt)
		r.signals[name] = c
	}
	return c
}

func (r *run) unhandledSignals() []string {
	var names []string
	for _, name := range DeterministicKeys(r.signals) {
		if r.signals[name].Len() > 0 {
			names = append(names, name)
		}
	}
	return names
}
