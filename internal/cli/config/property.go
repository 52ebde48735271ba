package config

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/sdk/contrib/envconfig"
)

// property reaches one property of a profile.
type property struct {
	get   func() any // nil if it is not set
	set   func(string) error
	clear func()
}

// properties are those that every profile can have, in the order in which they are shown.
var properties = []string{
	"address", "namespace", "api_key", "authority",
	"tls", "tls.disabled", "tls.client_cert_path", "tls.client_cert_data", "tls.client_key_path", "tls.client_key_data",
	"tls.server_ca_cert_path", "tls.server_ca_cert_data", "tls.server_name", "tls.disable_host_verification",
	"codec.endpoint", "codec.auth",
}

// names are the properties that a profile can have, its gRPC headers among them.
func names(p *envconfig.ClientConfigProfile) []string {
	all := slices.Clone(properties)
	for _, key := range slices.Sorted(maps.Keys(p.GRPCMeta)) {
		all = append(all, "grpc_meta."+key)
	}
	return all
}

// find is the property with a name.
func find(p *envconfig.ClientConfigProfile, name string) (property, error) {
	switch name {
	case "address":
		return text(&p.Address), nil
	case "namespace":
		return text(&p.Namespace), nil
	case "api_key":
		return text(&p.APIKey), nil
	case "authority":
		return text(&p.Authority), nil
	case "tls":
		return tls(p), nil
	case "codec", "grpc_meta":
		return property{}, flags.Usagef("--prop %s has properties below it; name one of them", name)
	}
	if key, ok := strings.CutPrefix(name, "grpc_meta."); ok {
		return meta(p, envconfig.NormalizeGRPCMetaKey(key)), nil
	}
	if key, ok := strings.CutPrefix(name, "codec."); ok {
		return codec(p, name, key)
	}
	if key, ok := strings.CutPrefix(name, "tls."); ok {
		return ofTLS(p, name, key)
	}
	return unknown(name)
}

func unknown(name string) (property, error) {
	return property{}, flags.Usagef("unknown property %q: there are %s and grpc_meta.NAME", name, strings.Join(properties, ", "))
}

func text(target *string) property {
	return property{
		get:   func() any { return *target },
		set:   func(value string) error { *target = value; return nil },
		clear: func() { *target = "" },
	}
}

func boolean(target *bool) property {
	return property{
		get: func() any { return *target },
		set: func(value string) error {
			if value != "true" && value != "false" {
				return errors.New("must be 'true' or 'false'")
			}
			*target = value == "true"
			return nil
		},
		clear: func() { *target = false },
	}
}

func data(target *[]byte) property {
	return property{
		get:   func() any { return string(*target) },
		set:   func(value string) error { *target = []byte(value); return nil },
		clear: func() { *target = nil },
	}
}

// tls is whether TLS is on.
func tls(p *envconfig.ClientConfigProfile) property {
	return property{
		get: func() any { return p.TLS != nil },
		set: func(value string) error {
			switch value {
			case "true":
				if p.TLS == nil {
					p.TLS = &envconfig.ClientConfigTLS{}
				}
			case "false":
				p.TLS = nil
			default:
				return errors.New("must be 'true' or 'false'")
			}
			return nil
		},
		clear: func() { p.TLS = nil },
	}
}

func meta(p *envconfig.ClientConfigProfile, key string) property {
	return property{
		get: func() any {
			if value, ok := p.GRPCMeta[key]; ok {
				return value
			}
			return nil
		},
		set: func(value string) error {
			if p.GRPCMeta == nil {
				p.GRPCMeta = map[string]string{}
			}
			p.GRPCMeta[key] = value
			return nil
		},
		clear: func() { delete(p.GRPCMeta, key) },
	}
}

// below makes a property of a part of the profile which is only there once it is set.
func below(present bool, of func() property, add func()) property {
	return property{
		get: func() any {
			if !present {
				return nil
			}
			return of().get()
		},
		set: func(value string) error { add(); return of().set(value) },
		clear: func() {
			if present {
				of().clear()
			}
		},
	}
}

func codec(p *envconfig.ClientConfigProfile, name, key string) (property, error) {
	field := map[string]func() property{
		"endpoint": func() property { return text(&p.Codec.Endpoint) },
		"auth":     func() property { return text(&p.Codec.Auth) },
	}[key]
	if field == nil {
		return unknown(name)
	}
	return below(p.Codec != nil, field, func() {
		if p.Codec == nil {
			p.Codec = &envconfig.ClientConfigCodec{}
		}
	}), nil
}

func ofTLS(p *envconfig.ClientConfigProfile, name, key string) (property, error) {
	field := map[string]func() property{
		"disabled":                  func() property { return boolean(&p.TLS.Disabled) },
		"client_cert_path":          func() property { return text(&p.TLS.ClientCertPath) },
		"client_cert_data":          func() property { return data(&p.TLS.ClientCertData) },
		"client_key_path":           func() property { return text(&p.TLS.ClientKeyPath) },
		"client_key_data":           func() property { return data(&p.TLS.ClientKeyData) },
		"server_ca_cert_path":       func() property { return text(&p.TLS.ServerCACertPath) },
		"server_ca_cert_data":       func() property { return data(&p.TLS.ServerCACertData) },
		"server_name":               func() property { return text(&p.TLS.ServerName) },
		"disable_host_verification": func() property { return boolean(&p.TLS.DisableHostVerification) },
	}[key]
	if field == nil {
		return unknown(name)
	}
	return below(p.TLS != nil, field, func() {
		if p.TLS == nil {
			p.TLS = &envconfig.ClientConfigTLS{}
		}
	}), nil
}
