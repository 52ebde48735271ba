//go:build linux && (amd64 || arm64)

package pebble

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// directPool makes directLogs and keeps what the last one has left behind for the next. The zero
// value is ready to use.
type directPool struct {
	mu     sync.Mutex
	free   []*aio
	closed bool
}

// open opens the log with the name, of which size bytes are there already, none
// of them worth anything. It returns nil if that is not possible here.
func (p *directPool) open(name string, size int64) *directLog {
	file, err := os.OpenFile(name, os.O_RDWR|syscall.O_DIRECT, 0)
	if err != nil {
		return nil
	}
	request, err := p.get()
	if err != nil {
		_ = file.Close()
		return nil
	}
	f := &directFile{pool: p, file: file, fd: int(file.Fd()), request: request}
	d := &directLog{device: f, buf: request.buffer, filled: size &^ (pageSize - 1)}
	// A file system that does not like direct I/O says so at the first write.
	if d.filled == 0 {
		d.filled = fillStep
		err = f.fill(0, fillStep)
	} else {
		err = f.write(zeroPages()[:pageSize], 0)
	}
	if err != nil {
		_ = f.close()
		return nil
	}
	return d
}

func (p *directPool) get() (*aio, error) {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		request := p.free[n-1]
		p.free = p.free[:n-1]
		p.mu.Unlock()
		return request, nil
	}
	p.mu.Unlock()
	return newAIO()
}

func (p *directPool) put(request *aio) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		request.close()
		return
	}
	p.free = append(p.free, request)
}

// close gives back what is free, and what will be.
func (p *directPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, request := range p.free {
		request.close()
	}
	p.free = nil
}

// zeroPages are fillStep zeros for direct I/O. Nobody writes to them, so they take no memory.
var zeroPages = sync.OnceValue(func() []byte {
	pages, err := mapPages(fillStep)
	if err != nil {
		panic(fmt.Sprintf("pebble store: %d bytes of address space: %v", fillStep, err))
	}
	return pages
})

func mapPages(size int) ([]byte, error) {
	return syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
}

// directFile is a file that was opened for direct I/O.
type directFile struct {
	pool    *directPool
	file    *os.File
	fd      int
	request *aio // nil when closed
	// blocking: asynchronous requests are refused.
	blocking bool
}

var _ directDevice = (*directFile)(nil)

func (f *directFile) write(pages []byte, at int64) error {
	if !f.blocking {
		n, err := f.request.write(f.fd, pages, at)
		switch {
		case err == nil && n == len(pages):
			return nil
		case errors.Is(err, errAIORefused):
			f.blocking = true
		case err != nil:
			return err
		}
	}
	if err := writeAll(f.fd, pages, at); err != nil {
		return err
	}
	return syscall.Fdatasync(f.fd)
}

func (f *directFile) fill(from, to int64) error {
	for from < to {
		n := min(to-from, fillStep)
		if err := writeAll(f.fd, zeroPages()[:n], from); err != nil {
			return err
		}
		from += n
	}
	return syscall.Fdatasync(f.fd)
}

func (f *directFile) close() error {
	if f.request != nil {
		f.pool.put(f.request)
		f.request = nil
	}
	return f.file.Close()
}

func writeAll(fd int, pages []byte, at int64) error {
	for len(pages) > 0 {
		n, err := syscall.Pwrite(fd, pages, at)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return io.ErrShortWrite
		}
		pages, at = pages[n:], at+int64(n)
	}
	return nil
}

// errAIORefused: the kernel does not take asynchronous requests.
var errAIORefused = errors.New("asynchronous I/O is refused")

// aio makes one asynchronous request at a time. Its memory is not Go's, as the kernel uses it
// while no Go code does.
type aio struct {
	context uintptr
	event   *os.File // an eventfd that tells of completions
	conn    syscall.RawConn
	control *controlBlock
	result  *completion
	// buffer is for whoever makes the requests.
	buffer []byte

	memory []byte
}

// controlBlock is struct iocb of the kernel's linux/aio_abi.h, on processors that
// store the low byte first.
type controlBlock struct {
	data     uint64
	key      uint32
	flags    uint32 // RWF_…
	opcode   uint16
	priority int16
	fd       uint32
	buffer   uint64
	bytes    uint64
	offset   int64
	_        uint64
	control  uint32 // IOCB_FLAG_…
	event    uint32 // eventfd
}

// completion is struct io_event.
type completion struct {
	data, object    uint64
	result, result2 int64
}

const (
	opcodeWrite  = 1 // IOCB_CMD_PWRITE
	flagDataSync = 2 // RWF_DSYNC
	controlEvent = 1 // IOCB_FLAG_RESFD
	// eventNonblock and eventCloseOnExec are flags of eventfd.
	eventNonblock, eventCloseOnExec = syscall.O_NONBLOCK, syscall.O_CLOEXEC
)

func newAIO() (*aio, error) {
	fd, _, errno := syscall.Syscall(syscall.SYS_EVENTFD2, 0, eventNonblock|eventCloseOnExec, 0)
	if errno != 0 {
		return nil, errno
	}
	a := &aio{event: os.NewFile(fd, "eventfd")}
	var err error
	if a.conn, err = a.event.SyscallConn(); err == nil {
		a.memory, err = mapPages(pageSize + directBuffer)
	}
	if err != nil {
		a.close()
		return nil, err
	}
	a.control = (*controlBlock)(unsafe.Pointer(&a.memory[0]))
	a.result = (*completion)(unsafe.Pointer(&a.memory[pageSize/2]))
	a.buffer = a.memory[pageSize:]
	*a.control = controlBlock{opcode: opcodeWrite, flags: flagDataSync, control: controlEvent, event: uint32(fd)}
	if _, _, errno := syscall.Syscall(syscall.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&a.context)), 0); errno != 0 {
		a.close()
		return nil, errno
	}
	return a, nil
}

func (a *aio) close() {
	if a.context != 0 {
		_, _, _ = syscall.Syscall(syscall.SYS_IO_DESTROY, a.context, 0, 0) // waits for what is under way
	}
	_ = a.event.Close()
	if a.memory != nil {
		_ = syscall.Munmap(a.memory)
	}
}

// write writes p, which must stay where it is, and returns how much is on stable storage: not all if
// the disk is full.
func (a *aio) write(fd int, p []byte, at int64) (n int, err error) {
	a.control.fd = uint32(fd)
	a.control.buffer, a.control.bytes, a.control.offset = uint64(uintptr(unsafe.Pointer(&p[0]))), uint64(len(p)), at
	submitted := false
	// The runtime notices what happens to the eventfd from before the first call on, and calls
	// again then.
	waiting := a.conn.Read(func(uintptr) bool {
		if !submitted {
			submitted = true
			err = a.submit()
			return err != nil
		}
		return a.completed()
	})
	switch {
	case err != nil:
		return 0, err
	case waiting != nil:
		return 0, fmt.Errorf("waiting for a write: %w", waiting)
	case a.result.result < 0:
		return 0, syscall.Errno(-a.result.result)
	}
	return int(a.result.result), nil
}

func (a *aio) submit() error {
	control := a.control
	for {
		_, _, errno := syscall.Syscall(syscall.SYS_IO_SUBMIT, a.context, 1, uintptr(unsafe.Pointer(&control)))
		switch errno {
		case 0:
			return nil
		case syscall.EINTR:
		case syscall.EAGAIN, syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.EPERM:
			return fmt.Errorf("%w: %w", errAIORefused, errno)
		default:
			return errno
		}
	}
}

// completed reports whether the request is over. It does not block.
func (a *aio) completed() bool {
	var none syscall.Timespec
	n, _, _ := syscall.RawSyscall6(syscall.SYS_IO_GETEVENTS, a.context, 0, 1, uintptr(unsafe.Pointer(a.result)), uintptr(unsafe.Pointer(&none)), 0)
	return n == 1
}
