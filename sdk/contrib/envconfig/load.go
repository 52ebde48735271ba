package envconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/perdure/perdure/sdk/client"
)

// MustLoadDefaultClientOptions is [LoadDefaultClientOptions] that panics where that returns
// an error.
func MustLoadDefaultClientOptions() client.Options {
	options, err := LoadDefaultClientOptions()
	if err != nil {
		panic(err)
	}
	return options
}

// LoadDefaultClientOptions is [LoadClientOptions] without options: everything comes from the
// file and the environment.
func LoadDefaultClientOptions() (client.Options, error) {
	return LoadClientOptions(LoadClientOptionsRequest{})
}

// LoadClientOptionsRequest says where the options of a client come from. The zero value is
// the file and the profile of the package's documentation, with variables on top.
type LoadClientOptionsRequest struct {
	// ConfigFilePath is the file to read. The default is TEMPORAL_CONFIG_FILE, or
	// [DefaultConfigFilePath]. It cannot be set together with ConfigFileData.
	ConfigFilePath string

	// ConfigFileData is the content of a file, in place of one to read.
	ConfigFileData []byte

	// ConfigFileProfile is the profile to use, which must exist. The default is
	// TEMPORAL_PROFILE, which must exist, or [DefaultConfigFileProfile], which need not.
	ConfigFileProfile string

	// ConfigFileStrict makes keys in the file that are not known an error.
	ConfigFileStrict bool

	// DisableFile leaves out files, and the fields above. It cannot be set together with
	// DisableEnv.
	DisableFile bool

	// DisableEnv leaves out the variables that set fields of the profile. Those that name
	// file and profile are still looked at.
	DisableEnv bool

	// IncludeRemoteCodec makes the client's data converter call the profile's codec. See
	// [ToClientOptionsRequest].
	IncludeRemoteCodec bool

	// EnvLookup is where variables are looked up. The default is [EnvLookupOS].
	EnvLookup EnvLookup
}

// LoadClientOptions makes options for a client: [LoadClientConfigProfile] and then
// [ClientConfigProfile.ToClientOptions].
func LoadClientOptions(options LoadClientOptionsRequest) (client.Options, error) {
	profile, err := LoadClientConfigProfile(LoadClientConfigProfileOptions{
		ConfigFilePath:    options.ConfigFilePath,
		ConfigFileData:    options.ConfigFileData,
		ConfigFileProfile: options.ConfigFileProfile,
		ConfigFileStrict:  options.ConfigFileStrict,
		DisableFile:       options.DisableFile,
		DisableEnv:        options.DisableEnv,
		EnvLookup:         options.EnvLookup,
	})
	if err != nil {
		return client.Options{}, err
	}
	return profile.ToClientOptions(ToClientOptionsRequest{IncludeRemoteCodec: options.IncludeRemoteCodec})
}

// LoadClientConfigOptions are the options of [LoadClientConfig]. Its fields mean what those
// of [LoadClientOptionsRequest] mean.
type LoadClientConfigOptions struct {
	// ConfigFilePath is the file to read.
	ConfigFilePath string
	// ConfigFileData is the content of a file, in place of one to read.
	ConfigFileData []byte
	// ConfigFileStrict makes keys in the file that are not known an error.
	ConfigFileStrict bool
	// EnvLookup is where the variable that names the file is looked up.
	EnvLookup EnvLookup
}

// LoadClientConfig reads a configuration file with all its profiles. Variables that set
// fields of profiles are not looked at. A file that does not exist has no profiles.
func LoadClientConfig(options LoadClientConfigOptions) (ClientConfig, error) {
	data := options.ConfigFileData
	switch {
	case len(data) == 0:
		var err error
		if data, err = readFile(options); err != nil {
			return ClientConfig{}, err
		}
	case options.ConfigFilePath != "":
		return ClientConfig{}, errors.New("ConfigFilePath and ConfigFileData are both set, use one of them")
	}
	var config ClientConfig
	if err := config.FromTOML(data, ClientConfigFromTOMLOptions{Strict: options.ConfigFileStrict}); err != nil {
		return ClientConfig{}, fmt.Errorf("failed parsing config: %w", err)
	}
	return config, nil
}

func readFile(options LoadClientConfigOptions) ([]byte, error) {
	path := options.ConfigFilePath
	if path == "" {
		path, _ = environment(options.EnvLookup).LookupEnv(configFileVariable)
	}
	if path == "" {
		path = DefaultConfigFilePath()
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("failed reading the configuration: %w", err)
	}
	return data, nil
}

// LoadClientConfigProfileOptions are the options of [LoadClientConfigProfile]. Its fields
// mean what those of [LoadClientOptionsRequest] mean.
type LoadClientConfigProfileOptions struct {
	// ConfigFilePath is the file to read.
	ConfigFilePath string
	// ConfigFileData is the content of a file, in place of one to read.
	ConfigFileData []byte
	// ConfigFileProfile is the profile to use.
	ConfigFileProfile string
	// ConfigFileStrict makes keys in the file that are not known an error.
	ConfigFileStrict bool
	// DisableFile leaves out files.
	DisableFile bool
	// DisableEnv leaves out the variables that set fields of the profile.
	DisableEnv bool
	// EnvLookup is where variables are looked up.
	EnvLookup EnvLookup
}

// LoadClientConfigProfile reads one profile of a configuration file, and sets the fields for
// which there are variables: [LoadClientConfig] and then
// [ClientConfigProfile.ApplyEnvVars].
func LoadClientConfigProfile(options LoadClientConfigProfileOptions) (ClientConfigProfile, error) {
	if options.DisableFile && options.DisableEnv {
		return ClientConfigProfile{}, errors.New("DisableFile and DisableEnv are both set, so there is nothing to load from")
	}
	var profile ClientConfigProfile
	if !options.DisableFile {
		found, err := loadProfile(options)
		if err != nil {
			return ClientConfigProfile{}, err
		}
		if found != nil {
			profile = *found
		}
	}
	if !options.DisableEnv {
		if err := profile.ApplyEnvVars(options.EnvLookup); err != nil {
			return ClientConfigProfile{}, fmt.Errorf("unable to apply environment variables: %w", err)
		}
	}
	return profile, nil
}

// loadProfile returns the profile of the file, nil if it is not there and need not be.
func loadProfile(options LoadClientConfigProfileOptions) (*ClientConfigProfile, error) {
	config, err := LoadClientConfig(LoadClientConfigOptions{
		ConfigFilePath:   options.ConfigFilePath,
		ConfigFileData:   options.ConfigFileData,
		ConfigFileStrict: options.ConfigFileStrict,
		EnvLookup:        options.EnvLookup,
	})
	if err != nil {
		return nil, err
	}
	name := options.ConfigFileProfile
	if name == "" {
		name, _ = environment(options.EnvLookup).LookupEnv(configProfileVariable)
	}
	if name == "" {
		return config.Profiles[DefaultConfigFileProfile], nil
	}
	if profile := config.Profiles[name]; profile != nil {
		return profile, nil
	}
	return nil, fmt.Errorf("profile %q not found in the configuration", name)
}

// DefaultConfigFilePath is the file that is read when nothing names another:
// temporalio/temporal.toml in the directory of [os.UserConfigDir]. It is empty if there
// is no such directory.
func DefaultConfigFilePath() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "temporalio", "temporal.toml")
}
