package flow

import (
	"errors"
	"path"
	"strings"

	"github.com/perdure/perdure/sdk/internal/replay"
)

// maxWaiting is how many coroutines explain tells of.
const maxWaiting = 5

// explain adds to an error that the code has not asked for something where it waits instead.
func (r *run) explain(err error) {
	mismatch, ok := errors.AsType[*replay.NonDeterminismError](err)
	if !ok || !mismatch.AskedForNothing() {
		return
	}
	for stack := range strings.SplitSeq(r.scheduler.Stacks(), "\n\n") {
		if line := userLine(stack); line != "" && len(mismatch.Waiting) < maxWaiting {
			mismatch.Waiting = append(mismatch.Waiting, line)
		}
	}
}

// userLine is the innermost line of workflow code in a stack of a coroutine: a heading, and two lines
// for each frame, the function with its arguments and the file.
func userLine(stack string) string {
	lines := strings.Split(stack, "\n")
	for n := 1; n+1 < len(lines); n += 2 {
		function, file := lines[n], strings.TrimSpace(lines[n+1])
		if replay.IsSDK(function) && !strings.Contains(file, "_test.go:") {
			continue
		}
		if at := strings.LastIndexByte(function, '('); at > 0 {
			function = function[:at]
		}
		file, _, _ = strings.Cut(file, " ")
		return path.Base(function) + " (" + file + ")"
	}
	return ""
}
