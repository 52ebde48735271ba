package client

import "iter"

// pages goes through what the server lists a page at a time. It is not safe for concurrent
// use.
type pages[P, E any] struct {
	name  string // of the iterator, for the panic
	fetch func(token []byte) (page []P, next []byte, err error)
	entry func(P) *E

	page  []P
	token []byte
	begun bool
	err   error
}

func newPages[P, E any](name string, fetch func([]byte) ([]P, []byte, error), entry func(P) *E) *pages[P, E] {
	return &pages[P, E]{name: name, fetch: fetch, entry: entry}
}

// HasNext says whether Next has an entry or an error. Pages may be empty though others
// follow.
func (p *pages[P, E]) HasNext() bool {
	for p.err == nil && len(p.page) == 0 && (!p.begun || len(p.token) > 0) {
		p.page, p.token, p.err = p.fetch(p.token)
		p.begun = true
	}
	return p.err != nil || len(p.page) > 0
}

// Next returns the next entry. After an error there is nothing but that error.
func (p *pages[P, E]) Next() (*E, error) {
	if !p.HasNext() {
		panic(p.name + " Next() called without checking HasNext()")
	}
	if p.err != nil {
		return nil, p.err
	}
	next := p.page[0]
	p.page = p.page[1:]
	return p.entry(next), nil
}

// sequence is pages for those who range over them. Each range begins anew, and ends after
// an error.
func sequence[P, E any](fetch func(token []byte) ([]P, []byte, error), entry func(P) *E) iter.Seq2[*E, error] {
	return func(yield func(*E, error) bool) {
		for p := newPages("", fetch, entry); p.HasNext(); {
			e, err := p.Next()
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
