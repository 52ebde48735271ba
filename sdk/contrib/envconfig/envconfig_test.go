package envconfig_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/perdure/perdure/sdk/contrib/envconfig"
)

// variables is an environment of a test.
type variables map[string]string

func (v variables) Environ() []string {
	var all []string
	for name, value := range v {
		all = append(all, name+"="+value)
	}
	return all
}

func (v variables) LookupEnv(name string) (string, bool) {
	value, ok := v[name]
	return value, ok
}

const full = `
[profile.foo]
address = "file-address"
namespace = "file-namespace"
api_key = "file-key"
authority = "file-authority"
codec = { endpoint = "file-endpoint", auth = "file-auth" }
grpc_meta = { some-heAder1 = "file-1", some-header2 = "file-2", some_heaDer3 = "file-3" }
later = "a key of a later version"

[profile.foo.tls]
disabled = true
client_cert_path = "file-cert"
client_cert_data = "file-cert-data"
client_key_path = "file-key-path"
client_key_data = "file-key-data"
server_ca_cert_path = "file-ca"
server_ca_cert_data = "file-ca-data"
server_name = "file-server"
disable_host_verification = true
`

func fromFile() envconfig.ClientConfigProfile {
	return envconfig.ClientConfigProfile{
		Address: "file-address", Namespace: "file-namespace", APIKey: "file-key", Authority: "file-authority",
		Codec:    &envconfig.ClientConfigCodec{Endpoint: "file-endpoint", Auth: "file-auth"},
		GRPCMeta: map[string]string{"some-header1": "file-1", "some-header2": "file-2", "some-header3": "file-3"},
		TLS: &envconfig.ClientConfigTLS{
			Disabled:       true,
			ClientCertPath: "file-cert", ClientCertData: []byte("file-cert-data"),
			ClientKeyPath: "file-key-path", ClientKeyData: []byte("file-key-data"),
			ServerCACertPath: "file-ca", ServerCACertData: []byte("file-ca-data"),
			ServerName: "file-server", DisableHostVerification: true,
		},
	}
}

func TestEveryKeyOfAProfileIsRead(t *testing.T) {
	got, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFileData: []byte(full), ConfigFileProfile: "foo", EnvLookup: variables{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := fromFile(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestVariablesWinOverTheFile(t *testing.T) {
	got, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		ConfigFileData: []byte(full),
		EnvLookup: variables{
			"TEMPORAL_PROFILE": "foo", "TEMPORAL_ADDRESS": "env-address", "TEMPORAL_NAMESPACE": "env-namespace",
			"TEMPORAL_API_KEY": "env-key", "TEMPORAL_CLIENT_AUTHORITY": "env-authority", "TEMPORAL_TLS": "true",
			"TEMPORAL_TLS_CLIENT_CERT_PATH": "env-cert", "TEMPORAL_TLS_CLIENT_CERT_DATA": "env-cert-data",
			"TEMPORAL_TLS_CLIENT_KEY_PATH": "env-key-path", "TEMPORAL_TLS_CLIENT_KEY_DATA": "env-key-data",
			"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "env-ca", "TEMPORAL_TLS_SERVER_CA_CERT_DATA": "env-ca-data",
			"TEMPORAL_TLS_SERVER_NAME": "env-server", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION": "0",
			"TEMPORAL_CODEC_ENDPOINT": "env-endpoint", "TEMPORAL_CODEC_AUTH": "env-auth",
			"TEMPORAL_GRPC_META_SOME_HEADER2": "env-2", "TEMPORAL_GRPC_META_SOME_HEADER3": "",
			"TEMPORAL_GRPC_META_SOME_HEADER4": "env=4",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := envconfig.ClientConfigProfile{
		Address: "env-address", Namespace: "env-namespace", APIKey: "env-key", Authority: "env-authority",
		Codec:    &envconfig.ClientConfigCodec{Endpoint: "env-endpoint", Auth: "env-auth"},
		GRPCMeta: map[string]string{"some-header1": "file-1", "some-header2": "env-2", "some-header4": "env=4"},
		TLS: &envconfig.ClientConfigTLS{
			ClientCertPath: "env-cert", ClientCertData: []byte("env-cert-data"),
			ClientKeyPath: "env-key-path", ClientKeyData: []byte("env-key-data"),
			ServerCACertPath: "env-ca", ServerCACertData: []byte("env-ca-data"), ServerName: "env-server",
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheFileIsTheOneThatIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.toml")
	if err := os.WriteFile(path, []byte("[profile.default]\naddress = \"here\""), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, request := range map[string]envconfig.LoadClientOptionsRequest{
		"by the program":  {ConfigFilePath: path, EnvLookup: variables{"TEMPORAL_CONFIG_FILE": "elsewhere"}},
		"by the variable": {EnvLookup: variables{"TEMPORAL_CONFIG_FILE": path}},
	} {
		t.Run(name, func(t *testing.T) {
			options, err := envconfig.LoadClientOptions(request)
			if err != nil {
				t.Fatal(err)
			}
			if options.HostPort != "here" {
				t.Errorf("address is %q", options.HostPort)
			}
		})
	}
}

func TestAFileThatIsNotThereHasNoProfiles(t *testing.T) {
	config, err := envconfig.LoadClientConfig(envconfig.LoadClientConfigOptions{ConfigFilePath: filepath.Join(t.TempDir(), "none")})
	if err != nil {
		t.Fatal(err)
	}
	if config.Profiles == nil || len(config.Profiles) != 0 {
		t.Errorf("profiles: %v", config.Profiles)
	}
}

func TestTLSDependsOnTheAPIKeyUnlessTheProfileSays(t *testing.T) {
	for _, test := range []struct {
		name, file        string
		enabled, disabled bool
	}{
		{"a key turns it on", `api_key = "k"`, true, false},
		{"neither leaves it off", `address = "a"`, false, false},
		{"disabled wins over a key", "api_key = \"k\"\ntls = { disabled = true }", false, true},
		{"an empty table turns it on", "tls = {}", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{
				ConfigFileData: []byte("[profile.default]\n" + test.file), EnvLookup: variables{},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := options.ConnectionOptions.TLS != nil; got != test.enabled {
				t.Errorf("TLS is on: %v", got)
			}
			if got := options.ConnectionOptions.TLSDisabled; got != test.disabled {
				t.Errorf("TLS is disabled: %v", got)
			}
		})
	}
}

func TestHeadersAreSentWithCalls(t *testing.T) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{
		DisableFile: true, EnvLookup: variables{"TEMPORAL_GRPC_META_A_B": "c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := options.HeadersProvider.GetHeaders(context.Background())
	if want := map[string]string{"a-b": "c"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("headers %v, %v", got, err)
	}
}

func TestTheCodecIsUsedOnlyWhenAskedFor(t *testing.T) {
	for _, include := range []bool{false, true} {
		options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{
			DisableFile: true, EnvLookup: variables{"TEMPORAL_CODEC_ENDPOINT": "http://localhost"}, IncludeRemoteCodec: include,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := options.DataConverter != nil; got != include {
			t.Errorf("IncludeRemoteCodec %v: a data converter: %v", include, got)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	for _, test := range []struct {
		name    string
		request envconfig.LoadClientOptionsRequest
		want    string
	}{
		{"a profile that is named and not there", envconfig.LoadClientOptionsRequest{ConfigFileProfile: "other"}, `profile "other" not found`},
		{"an unknown key if strict", envconfig.LoadClientOptionsRequest{ConfigFileData: []byte("[profile.default]\nadress = \"a\""), ConfigFileStrict: true}, "profile.default.adress"},
		{"nothing to load from", envconfig.LoadClientOptionsRequest{DisableFile: true, DisableEnv: true}, "nothing to load from"},
		{"two files", envconfig.LoadClientOptionsRequest{ConfigFilePath: "a", ConfigFileData: []byte("b")}, "use one of them"},
		{"not TOML", envconfig.LoadClientOptionsRequest{ConfigFileData: []byte("[")}, "failed parsing config"},
		{"a certificate without a key", envconfig.LoadClientOptionsRequest{ConfigFileData: []byte("[profile.default.tls]\nclient_cert_data = \"x\"")}, "set both or none"},
		{"a path and data", envconfig.LoadClientOptionsRequest{ConfigFileData: []byte("[profile.default.tls]\nserver_ca_cert_data = \"x\"\nserver_ca_cert_path = \"y\"")}, "use one of them"},
		{"a CA that is none", envconfig.LoadClientOptionsRequest{ConfigFileData: []byte("[profile.default.tls]\nserver_ca_cert_data = \"x\"")}, "there is no certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.request.EnvLookup = variables{"TEMPORAL_CONFIG_FILE": filepath.Join(t.TempDir(), "none")}
			_, err := envconfig.LoadClientOptions(test.request)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to contain %q", err, test.want)
			}
		})
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	profile := fromFile()
	config := envconfig.ClientConfig{Profiles: map[string]*envconfig.ClientConfigProfile{"foo": &profile}}
	additional := map[string]map[string]any{"foo": {"later": "kept"}, "bar": {"n": int64(1)}}
	data, err := config.ToTOML(envconfig.ClientConfigToTOMLOptions{AdditionalProfileFields: additional})
	if err != nil {
		t.Fatal(err)
	}
	var read envconfig.ClientConfig
	readAdditional := make(map[string]map[string]any)
	if err := read.FromTOML(data, envconfig.ClientConfigFromTOMLOptions{AdditionalProfileFields: readAdditional}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read.Profiles["foo"], &profile) {
		t.Errorf("got %+v, want %+v", read.Profiles["foo"], &profile)
	}
	if !reflect.DeepEqual(readAdditional, additional) {
		t.Errorf("got %v, want %v", readAdditional, additional)
	}
	_, err = config.ToTOML(envconfig.ClientConfigToTOMLOptions{AdditionalProfileFields: map[string]map[string]any{"foo": {"tls": true}}})
	if err == nil {
		t.Error("a key that profiles have is taken as an additional one")
	}
}
