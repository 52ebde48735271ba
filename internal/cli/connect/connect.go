// Package connect makes the connection of a command to a server: from flags, from
// variables of the environment (TEMPORAL_ADDRESS, …), and from profiles in a
// temporal.toml, in this order of precedence. File and variables are those that all tools
// of the ecosystem read; see package envconfig of the SDK.
package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"

	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/contrib/envconfig"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/log"
)

// Profile are the flags that say which profile is used. They belong to all commands.
type Profile struct {
	Name, ConfigFile        string
	DisableFile, DisableEnv bool
	// Timeout is how long a server may take to answer at first.
	Timeout flags.Duration
}

// ProfileFlags are the names of the flags of Profile.
var ProfileFlags = []string{"profile", "config-file", "disable-config-file", "disable-config-env", "client-connect-timeout"}

// AddTo adds the flags.
func (p *Profile) AddTo(set *pflag.FlagSet) {
	set.StringVar(&p.Name, "profile", "", "profile of the configuration file to use (or TEMPORAL_PROFILE)")
	set.StringVar(&p.ConfigFile, "config-file", "", "configuration file (or TEMPORAL_CONFIG_FILE); temporalio/temporal.toml in the directory of your user's configuration if not given")
	set.BoolVar(&p.DisableFile, "disable-config-file", false, "read no configuration file")
	set.BoolVar(&p.DisableEnv, "disable-config-env", false, "read no variables of the environment that say how to connect")
	set.Var(&p.Timeout, "client-connect-timeout", "how long the server may take to answer at first, such as 10s")
}

// Load reads the profile that the flags choose, with what variables say on top.
func (p *Profile) Load() (envconfig.ClientConfigProfile, error) {
	if p.DisableFile && p.DisableEnv {
		return envconfig.ClientConfigProfile{}, nil
	}
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFilePath:    p.ConfigFile,
		ConfigFileProfile: p.Name,
		DisableFile:       p.DisableFile,
		DisableEnv:        p.DisableEnv,
	})
	if err != nil && p.Name != "" {
		return profile, fmt.Errorf("%w; 'perdure config list' shows the profiles", err)
	}
	return profile, err
}

// ClientOptions are the options of a client by the profile alone.
func (p *Profile) ClientOptions() (client.Options, error) {
	profile, err := p.Load()
	if err != nil {
		return client.Options{}, err
	}
	return profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
}

// Quiet is a logger that logs nothing.
func Quiet() log.Logger { return log.NewStructuredLogger(slog.New(slog.DiscardHandler)) }

// Flags say how to reach a server, for commands that talk to one.
type Flags struct {
	address, authority, namespace, apiKey, identity string
	meta                                            []string

	tls, disableHostVerification bool
	certPath, certData           string
	keyPath, keyData             string
	caPath, caData, serverName   string
	codecEndpoint, codecAuth     string
	codecHeaders                 []string
	logLevel, logFormat          *flags.Enum
	set                          *pflag.FlagSet
	defaultAddress, defaultSpace string
	tlsNames                     []string
}

// AddTo adds the flags.
func (f *Flags) AddTo(set *pflag.FlagSet) {
	f.set = set
	f.defaultAddress, f.defaultSpace = client.DefaultHostPort, client.DefaultNamespace
	set.StringVar(&f.address, "address", f.defaultAddress, "host:port of the server (or TEMPORAL_ADDRESS)")
	set.StringVarP(&f.namespace, "namespace", "n", f.defaultSpace, "namespace (or TEMPORAL_NAMESPACE)")
	set.StringVar(&f.authority, "client-authority", "", "authority of the requests, in place of the address")
	set.StringVar(&f.apiKey, "api-key", "", "API key (or TEMPORAL_API_KEY)")
	set.StringArrayVar(&f.meta, "grpc-meta", nil, "header of the requests, as KEY=VALUE; may be repeated (or TEMPORAL_GRPC_META_*)")
	set.StringVar(&f.identity, "identity", "", "who the history says has asked for something")
	f.addTLS(set)
	set.StringVar(&f.codecEndpoint, "codec-endpoint", "", "URL of a codec server that payloads go through (or TEMPORAL_CODEC_ENDPOINT)")
	set.StringVar(&f.codecAuth, "codec-auth", "", "Authorization header for the codec server (or TEMPORAL_CODEC_AUTH)")
	set.StringArrayVar(&f.codecHeaders, "codec-header", nil, "header for the codec server, as KEY=VALUE; may be repeated")
	f.logLevel = flags.NewEnum("warn", "debug", "info", "warn", "error", "never")
	f.logFormat = flags.NewEnum("text", "text", "json", "pretty")
	set.Var(f.logLevel, "log-level", "least level that is logged to standard error: "+f.logLevel.Choices())
	set.Var(f.logFormat, "log-format", "format of the log: text, pretty (the same) or json")
	for name, variable := range map[string]string{
		"address": "TEMPORAL_ADDRESS", "namespace": "TEMPORAL_NAMESPACE", "api-key": "TEMPORAL_API_KEY", "tls": "TEMPORAL_TLS",
		"tls-disable-host-verification": "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION", "codec-endpoint": "TEMPORAL_CODEC_ENDPOINT", "codec-auth": "TEMPORAL_CODEC_AUTH",
	} {
		fromVariable(set, name, variable)
	}
}

func (f *Flags) addTLS(set *pflag.FlagSet) {
	set.BoolVar(&f.tls, "tls", false, "use TLS; --tls=false does not, even with an API key (or TEMPORAL_TLS)")
	text := func(target *string, name, usage, variable string) {
		set.StringVar(target, name, "", usage+" (or "+variable+")")
		fromVariable(set, name, variable)
		f.tlsNames = append(f.tlsNames, name)
	}
	text(&f.certPath, "tls-cert-path", "file of the client's certificate", "TEMPORAL_TLS_CLIENT_CERT_PATH")
	text(&f.certData, "tls-cert-data", "the client's certificate, as PEM", "TEMPORAL_TLS_CLIENT_CERT_DATA")
	text(&f.keyPath, "tls-key-path", "file of the client's key", "TEMPORAL_TLS_CLIENT_KEY_PATH")
	text(&f.keyData, "tls-key-data", "the client's key, as PEM", "TEMPORAL_TLS_CLIENT_KEY_DATA")
	text(&f.caPath, "tls-ca-path", "file of the certificates that the server's must be signed by", "TEMPORAL_TLS_SERVER_CA_CERT_PATH")
	text(&f.caData, "tls-ca-data", "these certificates, as PEM", "TEMPORAL_TLS_SERVER_CA_CERT_DATA")
	text(&f.serverName, "tls-server-name", "whom the server's certificate is for, in place of the host in the address", "TEMPORAL_TLS_SERVER_NAME")
	set.BoolVar(&f.disableHostVerification, "tls-disable-host-verification", false, "take any certificate of the server (or TEMPORAL_TLS_DISABLE_HOST_VERIFICATION)")
}

// Target is where a command has connected to.
type Target struct {
	Address, Namespace, Identity string
	given                        bool // the address, by a flag, a variable or a profile
}

// Dial connects, and returns once the server has answered.
func (f *Flags) Dial(ctx context.Context, p *Profile) (client.Client, Target, error) {
	options, target, err := f.Options(p)
	if err != nil {
		return nil, target, err
	}
	if timeout := time.Duration(p.Timeout); timeout > 0 {
		options.ConnectionOptions.GetSystemInfoTimeout = timeout
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, target, f.explain(err, target)
	}
	return c, target, nil
}

// Options are the options of the client that the flags, variables and files ask for.
func (f *Flags) Options(p *Profile) (client.Options, Target, error) {
	profile, err := p.Load()
	if err != nil {
		return client.Options{}, Target{}, err
	}
	if err := f.apply(&profile); err != nil {
		return client.Options{}, Target{}, err
	}
	target := Target{
		Address:   cmp.Or(profile.Address, f.defaultAddress),
		Namespace: cmp.Or(profile.Namespace, f.defaultSpace),
		Identity:  cmp.Or(f.identity, identity()),
		given:     profile.Address != "",
	}
	options, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return options, target, err
	}
	options.HostPort, options.Namespace, options.Identity = target.Address, target.Namespace, target.Identity
	options.Logger = log.NewStructuredLogger(f.logger())
	if profile.Codec != nil && profile.Codec.Endpoint != "" {
		intercept, err := f.codec(profile.Codec, target.Namespace)
		if err != nil {
			return options, target, err
		}
		options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(intercept))
	}
	return options, target, nil
}

// apply sets what flags say over what the profile says.
func (f *Flags) apply(profile *envconfig.ClientConfigProfile) error {
	changed := f.set.Changed
	if changed("address") {
		profile.Address = f.address
	}
	if changed("namespace") {
		profile.Namespace = f.namespace
	}
	if changed("api-key") {
		profile.APIKey = f.apiKey
	}
	if changed("client-authority") {
		profile.Authority = f.authority
	}
	meta, err := flags.KeyValues("grpc-meta", f.meta)
	if err != nil {
		return err
	}
	for key, value := range meta {
		if profile.GRPCMeta == nil {
			profile.GRPCMeta = map[string]string{}
		}
		profile.GRPCMeta[envconfig.NormalizeGRPCMetaKey(key)] = value
	}
	f.applyTLS(profile)
	if f.codecEndpoint != "" {
		if profile.Codec == nil {
			profile.Codec = &envconfig.ClientConfigCodec{}
		}
		profile.Codec.Endpoint = f.codecEndpoint
	}
	if f.codecAuth != "" && profile.Codec != nil {
		profile.Codec.Auth = f.codecAuth
	}
	return nil
}

func (f *Flags) applyTLS(profile *envconfig.ClientConfigProfile) {
	if f.set.Changed("tls") && !f.tls {
		profile.TLS = &envconfig.ClientConfigTLS{Disabled: true}
		return
	}
	wanted := f.tls || f.disableHostVerification
	for _, name := range f.tlsNames {
		wanted = wanted || f.set.Changed(name)
	}
	if !wanted {
		return
	}
	if profile.TLS == nil {
		profile.TLS = &envconfig.ClientConfigTLS{}
	}
	t := profile.TLS
	t.Disabled = false
	// A path takes the place of data from elsewhere, and the other way round.
	either := func(path *string, data *[]byte, newPath, newData string) {
		if newPath != "" || newData != "" {
			*path, *data = newPath, []byte(newData)
		}
	}
	either(&t.ClientCertPath, &t.ClientCertData, f.certPath, f.certData)
	either(&t.ClientKeyPath, &t.ClientKeyData, f.keyPath, f.keyData)
	either(&t.ServerCACertPath, &t.ServerCACertData, f.caPath, f.caData)
	t.ServerName = cmp.Or(f.serverName, t.ServerName)
	t.DisableHostVerification = t.DisableHostVerification || f.disableHostVerification
}

// codec makes the interceptor that sends the payloads of all calls through a codec
// server.
func (f *Flags) codec(codec *envconfig.ClientConfigCodec, namespace string) (grpc.UnaryClientInterceptor, error) {
	headers, err := flags.KeyValues("codec-header", f.codecHeaders)
	if err != nil {
		return nil, err
	}
	return converter.NewPayloadCodecGRPCClientInterceptor(converter.PayloadCodecGRPCClientInterceptorOptions{
		Codecs: []converter.PayloadCodec{converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
			Endpoint: strings.ReplaceAll(codec.Endpoint, "{namespace}", namespace),
			ModifyRequest: func(request *http.Request) error {
				request.Header.Set("X-Namespace", namespace)
				for name, value := range headers {
					request.Header.Set(name, value)
				}
				if codec.Auth != "" {
					request.Header.Set("Authorization", codec.Auth)
				}
				return nil
			},
		})},
	})
}

func (f *Flags) logger() *slog.Logger {
	if f.logLevel.Value() == "never" {
		return slog.New(slog.DiscardHandler)
	}
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.logLevel.Value())) // the choices are levels
	options := &slog.HandlerOptions{Level: level}
	if f.logFormat.Value() == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// identity is who runs the command, as histories show it.
func identity() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return "perdure-cli:" + name + "@" + host
}

// explain says what to do about a server that does not answer.
func (f *Flags) explain(err error, target Target) error {
	var unavailable *serviceerror.Unavailable
	var deadline *serviceerror.DeadlineExceeded
	if !errors.As(err, &unavailable) && !errors.As(err, &deadline) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	advice := "start one with 'perdure server start-dev', or say where it is with --address or TEMPORAL_ADDRESS"
	if target.given {
		advice = "check the address, and whether the server there wants TLS (--tls) or wants none"
	}
	// The SDK says what to do, too, but not with flags.
	cause, _, _ := strings.Cut(err.Error(), " (no server is running")
	return &unreachable{text: fmt.Sprintf("no server answers at %s: %s\n(%s)", target.Address, advice, cause), err: err}
}

// unreachable is an error with a text of its own.
type unreachable struct {
	text string
	err  error
}

func (u *unreachable) Error() string { return u.text }
func (u *unreachable) Unwrap() error { return u.err }
