package temporal

import "github.com/perdure/perdure/sdk/internal/plugin"

type (
	// SimplePlugin is a plugin for clients, workers and replayers: a client.Plugin and a
	// worker.Plugin.
	SimplePlugin = plugin.SimplePlugin

	// SimplePluginOptions say what a SimplePlugin does. Only Name is required.
	SimplePluginOptions = plugin.SimplePluginOptions

	// SimplePluginRunContextBeforeOptions is what RunContextBefore is called with.
	SimplePluginRunContextBeforeOptions = plugin.SimplePluginRunContextBeforeOptions

	// SimplePluginRunContextAfterOptions is what RunContextAfter is called with.
	SimplePluginRunContextAfterOptions = plugin.SimplePluginRunContextAfterOptions
)

// NewSimplePlugin returns a plugin that does what the options say. Give it to
// client.Options; the workers of the client then have it, too.
func NewSimplePlugin(options SimplePluginOptions) (*SimplePlugin, error) {
	return plugin.NewSimplePlugin(options)
}
