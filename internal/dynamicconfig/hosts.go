package dynamicconfig

import (
	"regexp"
	"strings"
)

// Hosts are patterns of the hosts that HTTP requests may be addressed to, in which * is
// any text.
type Hosts []HostPattern

// HostPattern is a pattern of hosts.
type HostPattern struct {
	pattern string
	match   *regexp.Regexp
}

// Match reports whether one of the patterns is that of the host.
func (h Hosts) Match(host string) bool {
	for _, pattern := range h {
		if pattern.match.MatchString(host) {
			return true
		}
	}
	return false
}

// wildcards makes an expression of a pattern in which * is any text.
func wildcards(pattern string) (*regexp.Regexp, error) {
	var expression strings.Builder
	for i, part := range strings.Split(pattern, "*") {
		if i > 0 {
			expression.WriteString(".*")
		}
		expression.WriteString(regexp.QuoteMeta(part))
	}
	return regexp.Compile("^" + expression.String() + "$")
}

var hosts = parser[Hosts]{
	name: "list",
	parse: func(v any) (hosts Hosts, err error) {
		list, err := names.parse(v)
		if err != nil {
			return nil, err
		}
		for _, pattern := range list {
			match, err := wildcards(pattern)
			if err != nil {
				return nil, err
			}
			hosts = append(hosts, HostPattern{pattern, match})
		}
		return hosts, nil
	},
	format: func(h Hosts) string {
		list := make([]string, 0, len(h))
		for _, pattern := range h {
			list = append(list, pattern.pattern)
		}
		return names.format(list)
	},
}
