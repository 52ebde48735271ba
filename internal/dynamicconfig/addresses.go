package dynamicconfig

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// AddressRule allows the addresses that the pattern describes, in which * is any
// text.
type AddressRule struct {
	Pattern       string
	AllowInsecure bool // http as well as https

	host *regexp.Regexp
}

// Addresses are what may be called from the server.
type Addresses []AddressRule

// Allow says why the URL may not be called, nil if it may. The first rule for its host
// decides.
func (a Addresses) Allow(u *url.URL) error {
	for _, rule := range a {
		if !rule.host.MatchString(u.Host) {
			continue
		}
		if u.Scheme != "https" && !rule.AllowInsecure {
			return fmt.Errorf("invalid url: callback address does not allow insecure connections: %v", u)
		}
		return nil
	}
	return fmt.Errorf("invalid url: url does not match any configured callback address: %v", u)
}

func newAddressRule(pattern string, allowInsecure bool) (AddressRule, error) {
	if pattern == "" {
		return AddressRule{}, errors.New("there is no field Pattern")
	}
	host, err := wildcards(pattern)
	return AddressRule{pattern, allowInsecure, host}, err
}

var addresses = parser[Addresses]{
	name: "list",
	parse: func(v any) (Addresses, error) {
		items, ok := v.([]any)
		if !ok {
			return nil, fmt.Errorf("%v is not a list of {Pattern, AllowInsecure}", v)
		}
		var rules Addresses
		for _, item := range items {
			f, err := toFields(item)
			if err != nil {
				return nil, err
			}
			var pattern string
			insecure := false
			if err := errors.Join(
				take(f, "Pattern", text, &pattern),
				take(f, "AllowInsecure", boolean, &insecure),
				f.rest(),
			); err != nil {
				return nil, err
			}
			rule, err := newAddressRule(pattern, insecure)
			if err != nil {
				return nil, err
			}
			rules = append(rules, rule)
		}
		return rules, nil
	},
	format: func(a Addresses) string {
		items := make([]string, 0, len(a))
		for _, rule := range a {
			items = append(items, fmt.Sprintf("{Pattern: %q, AllowInsecure: %v}", rule.Pattern, rule.AllowInsecure))
		}
		return "[" + strings.Join(items, ", ") + "]"
	},
}
