package envconfig

import (
	"os"
	"strings"
)

// EnvLookup is where variables are looked up. [EnvLookupOS] is the environment of the
// process.
type EnvLookup interface {
	// Environ returns all variables, each as name=value, as [os.Environ] does.
	Environ() []string
	// LookupEnv returns the value of a variable and whether it is set, as
	// [os.LookupEnv] does.
	LookupEnv(string) (string, bool)
}

type processEnvironment struct{}

func (processEnvironment) Environ() []string                    { return os.Environ() }
func (processEnvironment) LookupEnv(name string) (string, bool) { return os.LookupEnv(name) }

// EnvLookupOS looks variables up in the environment of the process.
var EnvLookupOS EnvLookup = processEnvironment{}

func environment(env EnvLookup) EnvLookup {
	if env == nil {
		return EnvLookupOS
	}
	return env
}

// The variables that say where to find the rest. Empty is the same as not set for them.
const (
	configFileVariable    = "TEMPORAL_CONFIG_FILE"
	configProfileVariable = "TEMPORAL_PROFILE"

	grpcMetaPrefix = "TEMPORAL_GRPC_META_"
)

// A variable is one that sets a field of a profile.
type variable struct {
	name string
	set  func(c *ClientConfigProfile, value string)
}

var variables = []variable{
	{"TEMPORAL_ADDRESS", func(c *ClientConfigProfile, v string) { c.Address = v }},
	{"TEMPORAL_NAMESPACE", func(c *ClientConfigProfile, v string) { c.Namespace = v }},
	{"TEMPORAL_API_KEY", func(c *ClientConfigProfile, v string) { c.APIKey = v }},
	{"TEMPORAL_CLIENT_AUTHORITY", func(c *ClientConfigProfile, v string) { c.Authority = v }},
	{"TEMPORAL_TLS", func(c *ClientConfigProfile, v string) {
		if on, ok := parseBool(v); ok {
			c.tls().Disabled = !on
		}
	}},
	{"TEMPORAL_TLS_CLIENT_CERT_PATH", func(c *ClientConfigProfile, v string) { c.tls().ClientCertPath = v }},
	{"TEMPORAL_TLS_CLIENT_CERT_DATA", func(c *ClientConfigProfile, v string) { c.tls().ClientCertData = []byte(v) }},
	{"TEMPORAL_TLS_CLIENT_KEY_PATH", func(c *ClientConfigProfile, v string) { c.tls().ClientKeyPath = v }},
	{"TEMPORAL_TLS_CLIENT_KEY_DATA", func(c *ClientConfigProfile, v string) { c.tls().ClientKeyData = []byte(v) }},
	{"TEMPORAL_TLS_SERVER_CA_CERT_PATH", func(c *ClientConfigProfile, v string) { c.tls().ServerCACertPath = v }},
	{"TEMPORAL_TLS_SERVER_CA_CERT_DATA", func(c *ClientConfigProfile, v string) { c.tls().ServerCACertData = []byte(v) }},
	{"TEMPORAL_TLS_SERVER_NAME", func(c *ClientConfigProfile, v string) { c.tls().ServerName = v }},
	{"TEMPORAL_TLS_DISABLE_HOST_VERIFICATION", func(c *ClientConfigProfile, v string) {
		if on, ok := parseBool(v); ok {
			c.tls().DisableHostVerification = on
		}
	}},
	{"TEMPORAL_CODEC_ENDPOINT", func(c *ClientConfigProfile, v string) { c.codec().Endpoint = v }},
	{"TEMPORAL_CODEC_AUTH", func(c *ClientConfigProfile, v string) { c.codec().Auth = v }},
}

// ApplyEnvVars sets the fields of the profile for which a variable is set, empty ones
// included. A nil env is [EnvLookupOS].
func (c *ClientConfigProfile) ApplyEnvVars(env EnvLookup) error {
	env = environment(env)
	for _, v := range variables {
		if value, ok := env.LookupEnv(v.name); ok {
			v.set(c, value)
		}
	}
	for _, entry := range env.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		name, ok := strings.CutPrefix(name, grpcMetaPrefix)
		if !ok {
			continue
		}
		header := NormalizeGRPCMetaKey(name)
		if value == "" {
			delete(c.GRPCMeta, header)
			continue
		}
		if c.GRPCMeta == nil {
			c.GRPCMeta = make(map[string]string)
		}
		c.GRPCMeta[header] = value
	}
	return nil
}

func (c *ClientConfigProfile) tls() *ClientConfigTLS {
	if c.TLS == nil {
		c.TLS = &ClientConfigTLS{}
	}
	return c.TLS
}

func (c *ClientConfigProfile) codec() *ClientConfigCodec {
	if c.Codec == nil {
		c.Codec = &ClientConfigCodec{}
	}
	return c.Codec
}

// parseBool takes fewer words for truth than strconv does: those that the SDKs of all
// languages take.
func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "true":
		return true, true
	case "0", "false":
		return false, true
	}
	return false, false
}
