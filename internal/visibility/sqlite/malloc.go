package sqlite

import (
	"sync"

	"modernc.org/libc"
)

// holdPages keeps pages of the allocator of SQLite mapped. It has one list of pages for each size, and unmaps a page as soon as nothing in it is in
// use. Whenever SQLite balances a tree it allocates some kilobytes and frees them at once, so that each time a page of
// 64 KiB was mapped, faulted in and unmapped, a sixth of the CPU of an index with 300,000 runs. A few bytes in use in a page of each of
// these sizes prevent it.
var holdPages = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	for _, size := range []libc.Tsize_t{4 << 10, 8 << 10, 16 << 10} {
		libc.Xmalloc(tls, size)
	}
})
