//go:build unix

package handover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// variable names the ports in the environment of a program that takes over: "grpc=7,http=9" are names with the numbers of the
// open files.
const variable = "PERDURE_PORTS_HANDED_OVER"

// firstOfSystemd is the number of the first file that systemd hands over.
const firstOfSystemd = 3

// Ports are the listening ports of a process.
type Ports struct {
	mu     sync.Mutex
	handed map[string]net.Listener // not taken yet
	given  []port                  // those that Listen has returned
	held   []heldPort
}

type port struct {
	name     string
	listener net.Listener
}

type heldPort struct {
	name string
	file int
}

// Take finds the ports that were handed over to this process, and removes them from the environment. It is to be called
// once, before other files are opened.
func Take() (*Ports, error) {
	p := &Ports{handed: make(map[string]net.Listener)}
	files, err := named(os.Getenv(variable))
	if err != nil {
		return nil, err
	}
	if os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) {
		fromSystemd, err := ofSystemd(os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES"))
		if err != nil {
			return nil, err
		}
		files = append(files, fromSystemd...)
	}
	for _, name := range []string{variable, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name)
	}
	for _, each := range files {
		file := os.NewFile(uintptr(each.file), each.name)
		if file == nil {
			return nil, fmt.Errorf("the port %s that was handed over has the number of no file, %d", each.name, each.file)
		}
		listener, err := net.FileListener(file) // a copy
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("the port %s that was handed over: %w", each.name, err)
		}
		p.handed[each.name] = listener
	}
	return p, nil
}

// named decodes the variable.
func named(value string) (files []heldPort, err error) {
	if value == "" {
		return nil, nil
	}
	for _, part := range strings.Split(value, ",") {
		name, number, ok := strings.Cut(part, "=")
		file, err := strconv.Atoi(number)
		if !ok || err != nil || file < firstOfSystemd {
			return nil, fmt.Errorf("%s has a part %q, which is not NAME=NUMBER", variable, part)
		}
		files = append(files, heldPort{name, file})
	}
	return files, nil
}

// ofSystemd decodes what systemd says of the sockets it hands over. A single one without a name is the gRPC port.
func ofSystemd(count, names string) (files []heldPort, err error) {
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("LISTEN_FDS is %q, which is no number of sockets", count)
	}
	list := strings.Split(names, ":")
	for i := range n {
		name := "grpc"
		if i < len(list) && slices.Contains(Names, list[i]) {
			name = list[i]
		} else if n > 1 {
			return nil, fmt.Errorf("the sockets of systemd are named %q: with several, each needs FileDescriptorName= with one of %s", names, strings.Join(Names, ", "))
		}
		files = append(files, heldPort{name, firstOfSystemd + i})
	}
	return files, nil
}

// Listen returns the port with the name that was handed over, if it listens at the address, or opens one. Port 0 is any
// port.
func (p *Ports) Listen(ctx context.Context, name, address string) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	listener := p.handed[name]
	delete(p.handed, name)
	if listener != nil && !listensAt(listener, address) {
		_ = listener.Close() // the settings have changed
		listener = nil
	}
	if listener == nil {
		var err error
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", address); err != nil {
			return nil, err
		}
	}
	p.given = append(p.given, port{name, listener})
	return listener, nil
}

func listensAt(listener net.Listener, address string) bool {
	at, ok := listener.Addr().(*net.TCPAddr)
	want, err := net.ResolveTCPAddr("tcp", address)
	if !ok || err != nil || want.Port != 0 && want.Port != at.Port {
		return false
	}
	return want.IP.Equal(at.IP) || (want.IP == nil || want.IP.IsUnspecified()) && at.IP.IsUnspecified()
}

// Hold keeps the ports open, whatever becomes of their listeners, until Exec.
func (p *Ports) Hold() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, each := range p.given {
		conn, ok := each.listener.(syscall.Conn)
		if !ok {
			return fmt.Errorf("the port %s cannot be handed over", each.name)
		}
		raw, err := conn.SyscallConn()
		if err != nil {
			return err
		}
		file, copyErr := 0, error(nil)
		err = raw.Control(func(fd uintptr) { file, copyErr = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, firstOfSystemd) })
		if err := errors.Join(err, copyErr); err != nil {
			return fmt.Errorf("the port %s cannot be handed over: %w", each.name, err)
		}
		p.held = append(p.held, heldPort{each.name, file})
	}
	return nil
}

// Exec replaces the program of the process by the one at path, which gets the ports that are held. Args are without the
// name of the program. It returns only if that fails.
func (p *Ports) Exec(path string, args []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	parts := make([]string, len(p.held))
	for i, each := range p.held {
		if _, err := unix.FcntlInt(uintptr(each.file), unix.F_SETFD, 0); err != nil { // stays open
			return fmt.Errorf("the port %s cannot be handed over: %w", each.name, err)
		}
		parts[i] = fmt.Sprintf("%s=%d", each.name, each.file)
	}
	environment := append(os.Environ(), variable+"="+strings.Join(parts, ","))
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, append([]string{path}, args...), environment))
}
