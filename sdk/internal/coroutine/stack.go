package coroutine

import (
	"fmt"
	"runtime"
	"strings"
)

// maxStack is the most text kept of one coroutine's stack, in bytes.
const maxStack = 64 << 10

// hidden are the packages whose frames say nothing about the workflow.
var hidden = []string{
	"runtime.",
	"runtime/debug.",
	"iter.",
	"panic(",
	"reflect.",
	"github.com/perdure/perdure/sdk/internal/coroutine.(*",
	"github.com/perdure/perdure/sdk/internal/coroutine.ownStack",
	"github.com/perdure/perdure/sdk/internal/flow.",
	"github.com/perdure/perdure/sdk/internal/registry.",
	"github.com/perdure/perdure/sdk/internal/replay.",
}

// ownStack is the stack of the caller under a heading, without the frames of
// the runtime and of the SDK's own workings.
func ownStack(name, status string) string {
	buf := make([]byte, maxStack)
	buf = buf[:runtime.Stack(buf, false)]
	return "coroutine " + name + " [" + status + "]:\n" + clean(string(buf))
}

// otherStack is the stack of a coroutine that is running elsewhere, found among
// those of all goroutines by the coroutine's address.
func otherStack(c *Coroutine) string {
	buf := make([]byte, 1<<20)
	all := string(buf[:runtime.Stack(buf, true)])
	needle := fmt.Sprintf("coroutine.(*Coroutine).main(%p", c)
	for stack := range strings.SplitSeq(all, "\n\n") {
		if strings.Contains(stack, needle) {
			return "coroutine " + c.name + " [running]:\n" + clean(stack)
		}
	}
	return "coroutine " + c.name + " [running]: stack not found"
}

// clean drops the heading of a runtime stack and every frame, which is two
// lines, that begins with one of the hidden prefixes. When nothing would be
// left it leaves all.
func clean(stack string) string {
	lines := strings.Split(strings.TrimSpace(stack), "\n")
	if len(lines) > 0 {
		lines = lines[1:]
	}
	kept := make([]string, 0, len(lines))
	for i := 0; i+1 < len(lines); i += 2 {
		if !isHidden(lines[i]) {
			kept = append(kept, lines[i], lines[i+1])
		}
	}
	if len(kept) == 0 {
		kept = lines
	}
	return strings.Join(kept, "\n")
}

func isHidden(line string) bool {
	line = strings.TrimPrefix(line, "created by ")
	for _, prefix := range hidden {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}
