package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// dropPages gives back the pages of the program itself: descriptors of messages that are registered, tables that the
// runtime checks, code that runs seldom. After the start they are most of what a server has in
// memory. Those that are used again are mapped again, from the page cache, which takes some milliseconds in all. It does not
// matter if it fails.
//
// With evict, the kernel is asked to drop them from the page cache, too, unless other processes have them: what is used
// again is read again, page by page. A file that was written or copied at once is in the page cache in pieces of
// 2 MiB, and the first use of any page maps the whole piece around it.
func dropPages(evict bool) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	mappings, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer mappings.Close()
	for _, m := range unchangedMappings(mappings, program) {
		if evict {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_PAGEOUT)
		}
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

// mapping is a part of the address space.
type mapping struct{ start, end uintptr }

// unchangedMappings are those of the file that cannot be written to and hold what is in the file, as
// smaps (/proc/self/smaps) has it. That a mapping cannot be written to is not enough: the dynamic linker fills in a
// page of addresses and then makes it read-only. Such a page is a copy, which counts as anonymous memory, and
// would be lost.
func unchangedMappings(smaps io.Reader, file string) (unchanged []mapping) {
	var m mapping
	candidate := false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 5 && !strings.HasSuffix(fields[0], ":"):
			// 00400000-02a3c000 r-xp 00000000 fe:00 1234 /usr/local/bin/perdure
			n, _ := fmt.Sscanf(fields[0], "%x-%x", &m.start, &m.end)
			candidate = n == 2 && m.end > m.start && strings.Join(fields[5:], " ") == file && !strings.Contains(fields[1], "w")
		case candidate && len(fields) >= 2 && fields[0] == "Anonymous:" && fields[1] == "0":
			unchanged = append(unchanged, m)
		}
	}
	return unchanged
}
