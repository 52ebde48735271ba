package registry

import "maps"

// aliases are the explicit names that functions were registered under. A nil
// *aliases has none and takes none.
type aliases struct {
	byFunction map[string]string // qualified function name to registered name
	byName     map[string]shortName
}

// shortName is a function's name without its package.
type shortName struct {
	function   string // the qualified name
	registered string
	// ambiguous is set when functions of several packages have this name: to
	// choose one of them would be a guess.
	ambiguous bool
}

func newAliases() *aliases {
	return &aliases{byFunction: make(map[string]string), byName: make(map[string]shortName)}
}

func (a *aliases) clone() *aliases {
	if a == nil {
		return nil
	}
	return &aliases{byFunction: maps.Clone(a.byFunction), byName: maps.Clone(a.byName)}
}

// add notes that fn was registered as name. Of several names of one function the
// last one counts.
func (a *aliases) add(fn any, name string) {
	if a == nil {
		return
	}
	function, short := qualifiedName(fn), FunctionName(fn)
	a.byFunction[function] = name
	known, exists := a.byName[short]
	a.byName[short] = shortName{
		function:   function,
		registered: name,
		ambiguous:  exists && (known.ambiguous || known.function != function),
	}
}

// of is the name that fn itself was registered under.
func (a *aliases) of(fn any) (string, bool) {
	if a == nil {
		return "", false
	}
	name, ok := a.byFunction[qualifiedName(fn)]
	return name, ok
}

// ofShortName is the name under which the only function called name was
// registered.
func (a *aliases) ofShortName(name string) (string, bool) {
	if a == nil {
		return "", false
	}
	known, ok := a.byName[name]
	return known.registered, ok && !known.ambiguous
}
