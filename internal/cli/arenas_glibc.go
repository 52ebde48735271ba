//go:build linux && cgo

package cli

/*
#include <malloc.h>

static void keep_one_arena(void) {
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
#endif
}
*/
import "C"

import "os"

// keepOneArena has the allocator of C, from which the store takes its block cache and memtables, take all from one arena. By
// itself it makes one for each thread, up to eight for each processor, of which each keeps what is free in it for itself. It must be called before threads
// allocate; MALLOC_ARENA_MAX in the environment, which says the same, goes before.
func keepOneArena() {
	if os.Getenv("MALLOC_ARENA_MAX") == "" {
		C.keep_one_arena()
	}
}
