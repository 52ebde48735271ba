package determinism

import "maps"

// Declarations say of functions and variables whether they are deterministic, whatever their code does: true for
// those that are not. Keys are package paths with names, as in
//
//	time.Now
//	example.com/store.Default
//	(example.com/store.Key).String
//	(*example.com/store.Store).Load
type Declarations map[string]bool

// DefaultDeclarations returns what is declared of the standard library.
func DefaultDeclarations() Declarations { return maps.Clone(defaultDeclarations) }

var defaultDeclarations = Declarations{
	"time.Now":   true,
	"time.Sleep": true,
	"os.Stdin":   true,
	"os.Stdout":  true,
	"os.Stderr":  true,
	// The generators of package functions. One that the code has made with a seed is fine.
	"math/rand.globalRand":    true,
	"math/rand/v2.globalRand": true,
	"crypto/rand.Reader":      true,

	// These have caches and settings deep inside that cannot be seen from outside.
	"(reflect.Value).Interface":         false,
	"(*internal/godebug.Setting).Value": false,
	"runtime.Caller":                    false,
	"runtime.SetFinalizer":              false,
	"runtime.AddCleanup":                false,
	// These print maps in the order of their keys.
	"fmt.Append":   false,
	"fmt.Appendf":  false,
	"fmt.Appendln": false,
	"fmt.Errorf":   false,
	"fmt.Sprint":   false,
	"fmt.Sprintf":  false,
	"fmt.Sprintln": false,
	"fmt.Sscan":    false,
	"fmt.Sscanf":   false,
	"fmt.Sscanln":  false,
}
