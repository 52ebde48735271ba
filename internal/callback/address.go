package callback

import "net/url"

// address is what has a circuit breaker: a host that is called on behalf of a namespace.
type address struct{ namespace, scheme, host string }

// addressOf is the address of a callback's URL.
func addressOf(namespace, callbackURL string) address {
	a := address{namespace: namespace}
	if u, err := url.Parse(callbackURL); err == nil {
		a.scheme, a.host = u.Scheme, u.Host
	}
	return a
}

// String is the address as it is in the URL, without its path.
func (a address) String() string { return a.scheme + "://" + a.host }
