//go:build linux && cgo

package cli

// The allocator of C, from which the store takes its block cache and memtables, takes all from one arena. By itself it makes one
// for each thread, up to eight for each processor, of which each keeps what is free in it for itself. A thread that has an arena
// keeps it, so this is said before there are threads: Go's runtime makes some before it runs any Go. MALLOC_ARENA_MAX in the
// environment, which says the same, goes before.

/*
#include <malloc.h>
#include <stdlib.h>

static void __attribute__((constructor)) perdure_keep_one_arena(void) {
#ifdef M_ARENA_MAX
	if (getenv("MALLOC_ARENA_MAX") == NULL) {
		mallopt(M_ARENA_MAX, 1);
	}
#endif
}
*/
import "C"
