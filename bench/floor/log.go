package main

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

// syncLog is the least that durability takes: an append of 4 KB to a file, and fdatasync. Calls that come while the disk is
// busy share the next append. The file is filled ahead, so that a sync writes data and nothing else, and is used from its
// beginning again when it is full. What is in it means nothing.
type syncLog struct {
	fd   int
	page []byte
	at   int64 // guarded by writing

	writing   sync.Mutex
	mu        sync.Mutex
	gathering chan struct{} // closed when those who have come are on disk; nil if nobody has
}

const (
	logPage = 4 << 10
	logSize = 64 << 20
)

// openLog makes a log in the directory. The file is gone when the process is.
func openLog(dir string) (*syncLog, error) {
	file, err := os.CreateTemp(dir, "floor")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	for range logSize >> 20 {
		if _, err := file.Write(make([]byte, 1<<20)); err != nil {
			return nil, err
		}
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	l := &syncLog{page: make([]byte, logPage)}
	for i := range l.page {
		l.page[i] = byte(i)
	}
	l.fd, err = syscall.Dup(int(file.Fd()))
	return l, err
}

// sync returns when an append that has begun after the call is on disk. Without a log it returns at once.
func (l *syncLog) sync() {
	if l == nil {
		return
	}
	l.mu.Lock()
	done, first := l.gathering, l.gathering == nil
	if first {
		done = make(chan struct{})
		l.gathering = done
	}
	l.mu.Unlock()
	if !first {
		<-done
		return
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	l.gathering = nil
	l.mu.Unlock()
	if err := l.append(); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
	close(done)
}

func (l *syncLog) append() error {
	if _, err := syscall.Pwrite(l.fd, l.page, l.at); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	if err := syscall.Fdatasync(l.fd); err != nil {
		return fmt.Errorf("sync the log: %w", err)
	}
	l.at = (l.at + logPage) % logSize
	return nil
}
