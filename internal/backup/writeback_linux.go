package backup

import (
	"os"

	"golang.org/x/sys/unix"
)

// writeBack has the kernel begin to write what was written to the file in the range, and does not wait for it. Without, all of a
// file would go to the disk at its end, and the server's commits would wait behind it.
func writeBack(f *os.File, from, n int64) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	// What it cannot do the sync at the end does.
	_ = conn.Control(func(fd uintptr) { _ = unix.SyncFileRange(int(fd), from, n, unix.SYNC_FILE_RANGE_WRITE) })
}

// forget has the kernel drop the pages of a file that nobody reads soon: they would take the place of the server's.
func forget(f *os.File) {
	if conn, err := f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { _ = unix.Fadvise(int(fd), 0, 0, unix.FADV_DONTNEED) })
	}
}
