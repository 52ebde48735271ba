package flow

import (
	"math"
	"strings"

	"github.com/perdure/perdure/sdk/internal/registry"
)

// SignalChannelOptions are options of a signal channel.
type SignalChannelOptions struct {
	// Description is for people to read in the UI.
	Description string
}

// GetSignalChannel returns the channel on which the signals of a name arrive,
// those included that came before the call. Nobody closes it.
func GetSignalChannel(ctx Context, signalName string) ReceiveChannel {
	return GetSignalChannelWithOptions(ctx, signalName, SignalChannelOptions{})
}

// GetSignalChannelWithOptions is GetSignalChannel with options. Those of the
// first call for a name count.
func GetSignalChannelWithOptions(ctx Context, signalName string, options SignalChannelOptions) ReceiveChannel {
	r := enterMutable(ctx).run
	if strings.HasPrefix(signalName, registry.ReservedPrefix) && !strings.HasPrefix(signalName, streamPrefix) {
		panic(registry.ReservedPrefix + " is a reserved prefix")
	}
	if r.signalOptions == nil {
		r.signalOptions = make(map[string]SignalChannelOptions)
	}
	if _, ok := r.signalOptions[signalName]; !ok {
		r.signalOptions[signalName] = options
	}
	return r.signalChannel(signalName)
}

// streamPrefix begins the reserved names that workflow streams, a companion
// library, uses from workflow code.
const streamPrefix = "__temporal_workflow_stream_"

// GetUnhandledSignalNames returns the names of signals that have come and were
// not received, sorted.
func GetUnhandledSignalNames(ctx Context) []string { return runOf(ctx).unhandledSignals() }

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
