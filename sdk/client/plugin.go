package client

import iclient "github.com/perdure/perdure/sdk/internal/client"

type (
	// Plugin configures clients, and is called when they connect. Embed [PluginBase] in
	// implementations; temporal.NewSimplePlugin makes one of functions. One that is also a
	// worker.Plugin is a plugin of the workers of the client, too.
	Plugin = iclient.Plugin

	// PluginBase does nothing but go on.
	PluginBase = iclient.PluginBase

	// PluginConfigureClientOptions is what Plugin.ConfigureClient is called with.
	PluginConfigureClientOptions = iclient.PluginConfigureClientOptions

	// PluginNewClientOptions is what Plugin.NewClient is called with.
	PluginNewClientOptions = iclient.PluginNewClientOptions
)
