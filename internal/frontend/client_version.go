package frontend

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/metadata"
)

// CompatibleVersion is the version of the Temporal server whose behaviour this
// server has. It is what GetSystemInfo reports, because clients decide by it
// what they may ask for, and what a client's supported-server-versions is held
// against.
const CompatibleVersion = "1.32.0"

// The headers in which clients say who they are.
const (
	headerClientName       = "client-name"
	headerClientVersion    = "client-version"
	headerSupportedServers = "supported-server-versions"
)

// Names of clients that more is known of than their versions.
const (
	clientCLI = "temporal-cli"
	clientUI  = "temporal-ui"
)

// supportedClients are the clients known by name, with the first version of each
// that is no longer understood. Clients of other names pass.
var supportedClients = map[string]string{
	"temporal-go":         "<2.0.0",
	"temporal-java":       "<2.0.0",
	"temporal-php":        "<2.0.0",
	"temporal-typescript": "<2.0.0",
	clientCLI:             "<2.0.0",
	"temporal-server":     "<2.0.0",
	clientUI:              "<3.0.0",
	"Nexus-go-sdk":        "<2.0.0",
}

// checkClientVersion refuses clients that this server does not understand, and
// those that say that they do not understand it. A client that says nothing
// passes.
func (i *interceptor) checkClientVersion(ctx context.Context) error {
	c := clientVersion{header(ctx, headerClientName), header(ctx, headerClientVersion), header(ctx, headerSupportedServers)}
	if last := i.lastClient.Load(); last != nil && *last == c {
		return nil
	}
	if err := c.check(); err != nil {
		return err
	}
	i.lastClient.Store(&c)
	return nil
}

// clientVersion is what a client says of itself.
type clientVersion struct{ name, version, servers string }

func (c *clientVersion) check() error {
	name, version, servers := c.name, c.version, c.servers
	if name != "" && version != "" {
		if supported, known := supportedClients[name]; known {
			v, err := parseVersion(version)
			if err != nil {
				return serviceerror.NewInvalidArgumentf("Unable to parse client version: %v", err)
			}
			if ok, _ := inRange(v, supported); !ok {
				return serviceerror.NewClientVersionNotSupported(truncateText(version, 100), name, supported)
			}
		}
	}
	if servers == "" {
		return nil
	}
	own, _ := parseVersion(CompatibleVersion)
	ok, err := inRange(own, servers)
	if err != nil {
		return serviceerror.NewInvalidArgumentf("Unable to parse supported server versions: %v", err)
	}
	if !ok {
		return serviceerror.NewServerVersionNotSupported(CompatibleVersion, truncateText(servers, 100))
	}
	return nil
}

// header returns the first value of a header of the call, or "".
func header(ctx context.Context, name string) string {
	if values := metadata.ValueFromIncomingContext(ctx, name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// version is a semantic version. Build metadata does not matter and is dropped.
type version struct {
	number     [3]uint64
	prerelease string
}

func parseVersion(text string) (version, error) {
	var v version
	if len(text) > 100 {
		return v, fmt.Errorf("version is longer than 100 bytes")
	}
	core, _, _ := strings.Cut(text, "+")
	core, v.prerelease, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return v, fmt.Errorf("version %q is not of the form MAJOR.MINOR.PATCH", text)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return v, fmt.Errorf("version %q: %q is not a number", text, part)
		}
		v.number[i] = n
	}
	return v, nil
}

// compare orders versions; a prerelease comes before its release. Prereleases of
// one version are ordered as text, which is all that a range here asks of them.
func (v version) compare(w version) int {
	for i := range v.number {
		if v.number[i] != w.number[i] {
			if v.number[i] < w.number[i] {
				return -1
			}
			return 1
		}
	}
	switch {
	case v.prerelease == w.prerelease:
		return 0
	case v.prerelease == "":
		return 1
	case w.prerelease == "":
		return -1
	}
	return strings.Compare(v.prerelease, w.prerelease)
}

// inRange reports whether v is in a range such as ">=1.0.0 <2.0.0 || 3.1.0":
// comparisons that all hold, or another such group.
func inRange(v version, text string) (bool, error) {
	if len(text) > 1000 {
		return false, fmt.Errorf("range is longer than 1000 bytes")
	}
	within := false
	for group := range strings.SplitSeq(text, "||") {
		terms := strings.Fields(group)
		if len(terms) == 0 {
			return false, fmt.Errorf("range %q has an empty part", text)
		}
		all := true
		for _, term := range terms {
			number := strings.TrimLeft(term, "<>=!")
			bound, err := parseVersion(number)
			if err != nil {
				return false, err
			}
			order := v.compare(bound)
			holds := false
			switch operator := term[:len(term)-len(number)]; operator {
			case "", "=", "==":
				holds = order == 0
			case "!", "!=":
				holds = order != 0
			case "<":
				holds = order < 0
			case "<=":
				holds = order <= 0
			case ">":
				holds = order > 0
			case ">=":
				holds = order >= 0
			default:
				return false, fmt.Errorf("unknown operator %q", operator)
			}
			all = all && holds
		}
		within = within || all
	}
	return within, nil
}
