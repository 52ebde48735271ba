package flags

import (
	"slices"
	"strings"
)

// ProtoEnum makes a flag of an enum of the API. shorthand are its values by their names
// in camel case, as the API's package has them; the first, Unspecified, cannot be chosen.
func ProtoEnum(shorthand map[string]int32) *Enum {
	type choice struct {
		name  string
		value int32
	}
	var choices []choice
	for name, value := range shorthand {
		if value != 0 {
			choices = append(choices, choice{name, value})
		}
	}
	slices.SortFunc(choices, func(a, b choice) int { return int(a.value - b.value) })
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = c.name
	}
	return NewEnum("", names...)
}

// ValueOf is the value of an enum of the API that was chosen, 0 if none was.
func ValueOf[T ~int32](e *Enum, shorthand map[string]int32) T {
	for name, value := range shorthand {
		if strings.EqualFold(name, e.Value()) {
			return T(value)
		}
	}
	return 0
}
