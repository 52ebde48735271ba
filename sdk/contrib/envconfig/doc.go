// Package envconfig makes the options of a client from a configuration file and the
// environment, so that the same program runs on a laptop, in CI and in production without
// flags of its own:
//
//	c, err := client.Dial(envconfig.MustLoadDefaultClientOptions())
//
// File and variables are those that the Temporal command line tool and the SDKs of other
// languages read. The file is TOML and has profiles:
//
//	[profile.default]
//	address = "localhost:7233"
//	namespace = "default"
//
//	[profile.production]
//	address = "workflows.internal:7233"
//	namespace = "orders"
//	api_key = "..."
//	authority = "workflows"
//	grpc_meta = { team = "payments" }
//	codec = { endpoint = "https://codec.internal", auth = "Bearer ..." }
//
//	[profile.production.tls]
//	disabled = false
//	client_cert_path = "client.pem"    # or client_cert_data, with the PEM text itself
//	client_key_path = "client.key"     # or client_key_data
//	server_ca_cert_path = "ca.pem"     # or server_ca_cert_data
//	server_name = "workflows.internal"
//	disable_host_verification = false
//
// # Which file, which profile
//
// The file is, in this order: what the program says, TEMPORAL_CONFIG_FILE, and
// temporalio/temporal.toml in the directory of [os.UserConfigDir]. It need not exist. The
// profile is what the program says, or TEMPORAL_PROFILE, and must exist then; else it is
// "default", which need not.
//
// # Variables
//
// Variables that are set win over the file, even if they are empty.
//
//	TEMPORAL_ADDRESS           TEMPORAL_TLS_CLIENT_CERT_PATH, _DATA
//	TEMPORAL_NAMESPACE         TEMPORAL_TLS_CLIENT_KEY_PATH, _DATA
//	TEMPORAL_API_KEY           TEMPORAL_TLS_SERVER_CA_CERT_PATH, _DATA
//	TEMPORAL_CLIENT_AUTHORITY  TEMPORAL_TLS_SERVER_NAME
//	TEMPORAL_CODEC_ENDPOINT    TEMPORAL_TLS_DISABLE_HOST_VERIFICATION
//	TEMPORAL_CODEC_AUTH        TEMPORAL_TLS
//	TEMPORAL_GRPC_META_<NAME>
//
// TEMPORAL_TLS and TEMPORAL_TLS_DISABLE_HOST_VERIFICATION are 1, 0, true or false; anything
// else is passed over. TEMPORAL_GRPC_META_SOME_NAME sets the gRPC header some-name, or
// removes it if it is empty.
package envconfig
