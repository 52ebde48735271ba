package client

import (
	"context"
	"errors"
)

// Plugin configures clients, and is called when they connect. Embed PluginBase in
// implementations. One that is also a worker.Plugin is a plugin of the workers of the
// client, too.
type Plugin interface {
	// Name of the plugin, for people and worker heartbeats.
	Name() string

	// ConfigureClient may change the options of a client that is being made.
	ConfigureClient(context.Context, PluginConfigureClientOptions) error

	// NewClient is called in place of making a client. It must call next to go on.
	NewClient(ctx context.Context, options PluginNewClientOptions, next func(context.Context, PluginNewClientOptions) error) error

	mustEmbedClientPluginBase()
}

type (
	// PluginConfigureClientOptions is what Plugin.ConfigureClient is called with.
	PluginConfigureClientOptions struct {
		// ClientOptions may be changed, but for their Plugins.
		ClientOptions *Options
	}

	// PluginNewClientOptions is what Plugin.NewClient is called with.
	PluginNewClientOptions struct {
		// ClientOptions are those that the client is made with.
		ClientOptions Options
		// Lazy says that it connects when it is first used.
		Lazy bool
		// FromExisting is the client.Client whose connection it is to share, nil if it is
		// to have one of its own.
		FromExisting any
	}
)

// PluginBase does nothing but go on. Embed it in implementations of Plugin.
type PluginBase struct{}

// What a plugin needs besides is a name.
var _ Plugin = struct {
	named
	PluginBase
}{}

type named interface{ Name() string }

// ConfigureClient implements Plugin.
func (PluginBase) ConfigureClient(context.Context, PluginConfigureClientOptions) error { return nil }

// NewClient implements Plugin.
func (PluginBase) NewClient(ctx context.Context, options PluginNewClientOptions, next func(context.Context, PluginNewClientOptions) error) error {
	return next(ctx, options)
}

//lint:ignore U1000 it makes the embedding type a Plugin
func (PluginBase) mustEmbedClientPluginBase() {}

// makeThrough has the plugins configure the options, and calls build through them, the
// first outermost.
func makeThrough(ctx context.Context, options PluginNewClientOptions, build func(context.Context, PluginNewClientOptions) (*Client, error)) (*Client, error) {
	plugins := options.ClientOptions.Plugins
	for _, plugin := range plugins {
		if err := plugin.ConfigureClient(ctx, PluginConfigureClientOptions{ClientOptions: &options.ClientOptions}); err != nil {
			return nil, err
		}
	}
	var made *Client
	next := func(ctx context.Context, options PluginNewClientOptions) (err error) {
		made, err = build(ctx, options)
		return err
	}
	for n := len(plugins) - 1; n >= 0; n-- {
		plugin, inner := plugins[n], next
		next = func(ctx context.Context, options PluginNewClientOptions) error {
			return plugin.NewClient(ctx, options, inner)
		}
	}
	if err := next(ctx, options); err != nil {
		if made != nil {
			made.Close()
		}
		return nil, err
	}
	if made == nil {
		return nil, errors.New("client plugin did not call next to build the client")
	}
	return made, nil
}
