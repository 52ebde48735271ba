package envconfig

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// ClientConfigFromTOMLOptions are the options of [ClientConfig.FromTOML].
type ClientConfigFromTOMLOptions struct {
	// Strict makes keys that are not known an error.
	Strict bool
	// AdditionalProfileFields, unless it is nil, is filled with the keys of profiles that
	// are not known and their values, by profile and key: a program that rewrites the
	// file can keep them.
	AdditionalProfileFields map[string]map[string]any
}

// ClientConfigToTOMLOptions are the options of [ClientConfig.ToTOML].
type ClientConfigToTOMLOptions struct {
	// OverrideIndent is how nested tables are indented. The default is two spaces.
	OverrideIndent *string
	// AdditionalProfileFields are written with the profiles, by profile and key. Keys
	// that profiles have themselves are an error.
	AdditionalProfileFields map[string]map[string]any
}

// The form of profiles in a file.
type (
	fileConfig struct {
		Profiles map[string]fileProfile `toml:"profile"`
	}
	fileProfile struct {
		Address   string            `toml:"address,omitempty"`
		Namespace string            `toml:"namespace,omitempty"`
		APIKey    string            `toml:"api_key,omitempty"`
		TLS       *fileTLS          `toml:"tls,omitempty"`
		Codec     *fileCodec        `toml:"codec,omitempty"`
		GRPCMeta  map[string]string `toml:"grpc_meta,omitempty"`
		Authority string            `toml:"authority,omitempty"`
	}
	fileTLS struct {
		Disabled                bool   `toml:"disabled,omitempty"`
		ClientCertPath          string `toml:"client_cert_path,omitempty"`
		ClientCertData          string `toml:"client_cert_data,omitempty"`
		ClientKeyPath           string `toml:"client_key_path,omitempty"`
		ClientKeyData           string `toml:"client_key_data,omitempty"`
		ServerCACertPath        string `toml:"server_ca_cert_path,omitempty"`
		ServerCACertData        string `toml:"server_ca_cert_data,omitempty"`
		ServerName              string `toml:"server_name,omitempty"`
		DisableHostVerification bool   `toml:"disable_host_verification,omitempty"`
	}
	fileCodec struct {
		Endpoint string `toml:"endpoint,omitempty"`
		Auth     string `toml:"auth,omitempty"`
	}
)

// profileKeys are the keys of a profile that have a meaning: the tags of fileProfile.
var profileKeys = map[string]bool{
	"address": true, "namespace": true, "api_key": true, "tls": true, "codec": true, "grpc_meta": true, "authority": true,
}

// profileTable is the table of the file that profiles are in.
const profileTable = "profile"

// FromTOML replaces all profiles by those of a file's content.
func (c *ClientConfig) FromTOML(b []byte, options ClientConfigFromTOMLOptions) error {
	var file fileConfig
	metadata, err := toml.Decode(string(b), &file)
	if err != nil {
		return err
	}
	unknown := metadata.Undecoded()
	if options.Strict && len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, key := range unknown {
			names[i] = key.String()
		}
		return fmt.Errorf("key(s) unrecognized: %s", strings.Join(names, ", "))
	}
	if options.AdditionalProfileFields != nil && len(unknown) > 0 {
		if err := collectAdditional(b, options.AdditionalProfileFields); err != nil {
			return err
		}
	}
	c.Profiles = make(map[string]*ClientConfigProfile, len(file.Profiles))
	for name, p := range file.Profiles {
		c.Profiles[name] = p.profile()
	}
	return nil
}

// collectAdditional notes the keys of profiles that are not known.
func collectAdditional(b []byte, additional map[string]map[string]any) error {
	var file struct {
		Profiles map[string]map[string]any `toml:"profile"`
	}
	if _, err := toml.Decode(string(b), &file); err != nil {
		return err
	}
	for name, fields := range file.Profiles {
		for key, value := range fields {
			if profileKeys[key] {
				continue
			}
			if additional[name] == nil {
				additional[name] = make(map[string]any)
			}
			additional[name][key] = value
		}
	}
	return nil
}

// ToTOML is the content of a file with the profiles.
func (c *ClientConfig) ToTOML(options ClientConfigToTOMLOptions) ([]byte, error) {
	file := fileConfig{Profiles: make(map[string]fileProfile, len(c.Profiles))}
	for name, p := range c.Profiles {
		file.Profiles[name] = p.file()
	}
	var content any = file
	if len(options.AdditionalProfileFields) > 0 {
		tables, err := withAdditional(file, options.AdditionalProfileFields)
		if err != nil {
			return nil, err
		}
		content = tables
	}
	var out bytes.Buffer
	encoder := toml.NewEncoder(&out)
	if options.OverrideIndent != nil {
		encoder.Indent = *options.OverrideIndent
	}
	if err := encoder.Encode(content); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// withAdditional is the file as tables, with additional keys in them.
func withAdditional(file fileConfig, additional map[string]map[string]any) (map[string]any, error) {
	var encoded bytes.Buffer
	if err := toml.NewEncoder(&encoded).Encode(file); err != nil {
		return nil, err
	}
	tables := make(map[string]any)
	if _, err := toml.Decode(encoded.String(), &tables); err != nil {
		return nil, err
	}
	profiles, ok := tables[profileTable].(map[string]any)
	if !ok {
		profiles = make(map[string]any)
		tables[profileTable] = profiles
	}
	for name, fields := range additional {
		profile, ok := profiles[name].(map[string]any)
		if !ok {
			profile = make(map[string]any)
			profiles[name] = profile
		}
		for key, value := range fields {
			if profileKeys[key] {
				return nil, fmt.Errorf("additional field %q of profile %q is a field that profiles have: set it in the profile", key, name)
			}
			profile[key] = value
		}
	}
	return tables, nil
}

func (f fileProfile) profile() *ClientConfigProfile {
	p := &ClientConfigProfile{
		Address:   f.Address,
		Namespace: f.Namespace,
		APIKey:    f.APIKey,
		GRPCMeta:  normalized(f.GRPCMeta),
		Authority: f.Authority,
	}
	if t := f.TLS; t != nil {
		p.TLS = &ClientConfigTLS{
			Disabled:                t.Disabled,
			ClientCertPath:          t.ClientCertPath,
			ClientCertData:          bytesOrNil(t.ClientCertData),
			ClientKeyPath:           t.ClientKeyPath,
			ClientKeyData:           bytesOrNil(t.ClientKeyData),
			ServerCACertPath:        t.ServerCACertPath,
			ServerCACertData:        bytesOrNil(t.ServerCACertData),
			ServerName:              t.ServerName,
			DisableHostVerification: t.DisableHostVerification,
		}
	}
	if f.Codec != nil {
		p.Codec = &ClientConfigCodec{Endpoint: f.Codec.Endpoint, Auth: f.Codec.Auth}
	}
	return p
}

func (c *ClientConfigProfile) file() fileProfile {
	if c == nil {
		return fileProfile{}
	}
	f := fileProfile{
		Address:   c.Address,
		Namespace: c.Namespace,
		APIKey:    c.APIKey,
		GRPCMeta:  normalized(c.GRPCMeta),
		Authority: c.Authority,
	}
	if t := c.TLS; t != nil {
		f.TLS = &fileTLS{
			Disabled:                t.Disabled,
			ClientCertPath:          t.ClientCertPath,
			ClientCertData:          string(t.ClientCertData),
			ClientKeyPath:           t.ClientKeyPath,
			ClientKeyData:           string(t.ClientKeyData),
			ServerCACertPath:        t.ServerCACertPath,
			ServerCACertData:        string(t.ServerCACertData),
			ServerName:              t.ServerName,
			DisableHostVerification: t.DisableHostVerification,
		}
	}
	if c.Codec != nil {
		f.Codec = &fileCodec{Endpoint: c.Codec.Endpoint, Auth: c.Codec.Auth}
	}
	return f
}

func normalized(meta map[string]string) map[string]string {
	if len(meta) == 0 {
		return nil
	}
	result := make(map[string]string, len(meta))
	for name, value := range meta {
		result[NormalizeGRPCMetaKey(name)] = value
	}
	return result
}

func bytesOrNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}
