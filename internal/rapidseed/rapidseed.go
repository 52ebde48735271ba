// Package rapidseed makes tests that draw their input at random (pgregory.net/rapid) draw the same each time, so that
// a change is judged by what it changes. A test imports it for its effect:
//
//	import _ "github.com/perdure/perdure/internal/rapidseed"
//
// 'make properties' looks for what nobody has thought of yet: it runs the same tests with other seeds.
package rapidseed

import (
	"flag"

	_ "pgregory.net/rapid" // whose flag it is
)

// The flags of the command line are parsed later, and win.
func init() {
	if err := flag.Set("rapid.seed", "1"); err != nil {
		panic(err)
	}
}
