//go:build linux

package launch

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// Postgres is a PostgreSQL of a test's own, made of the programs that are installed, which can be
// stopped and started. It ends with this process.
type Postgres struct {
	// Port is where it listens, on 127.0.0.1, for the user "postgres" with the password "secret".
	Port int

	dir      string
	settings []string
	owner    *syscall.Credential // nil: this user
	cmd      *exec.Cmd
}

// StartPostgres makes and starts one, with settings as "name=value", whose files are in a directory
// below dir.
func StartPostgres(dir string, settings ...string) (*Postgres, error) {
	p := &Postgres{settings: settings}
	var err error
	if p.dir, err = os.MkdirTemp(dir, "postgres"); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 { // PostgreSQL does not run as root
		nobody, err := user.Lookup("nobody")
		if err != nil {
			return nil, err
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		p.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(p.dir, uid, gid); err != nil {
			return nil, err
		}
	}
	if p.Port, err = FreePort(); err != nil {
		return nil, err
	}
	password := filepath.Join(p.dir, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o644); err != nil {
		return nil, err
	}
	initdb, err := p.program("initdb", "-D", p.data(), "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256",
		"--pwfile="+password, "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if err != nil {
		return nil, err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return p, p.Start()
}

// FreePort is a port of the loopback interface that nobody listens on just now.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// program is a program of PostgreSQL: Debian keeps them out of the path.
func (p *Postgres) program(name string, args ...string) (*exec.Cmd, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		if len(found) == 0 {
			return nil, fmt.Errorf("%s is not installed: apt-get install postgresql", name)
		}
		slices.Sort(found)
		path = found[len(found)-1]
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner, Pdeathsig: syscall.SIGQUIT}
	return cmd, nil
}

// Start starts it, again after Stop, and waits until it answers.
func (p *Postgres) Start() (err error) {
	args := []string{"-D", p.data(), "-k", p.dir, "-p", strconv.Itoa(p.Port), "-c", "listen_addresses=127.0.0.1"}
	for _, setting := range p.settings {
		args = append(args, "-c", setting)
	}
	if p.cmd, err = p.program("postgres", args...); err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		ready, err := p.program("pg_isready", "-q", "-h", p.dir, "-p", strconv.Itoa(p.Port))
		if err == nil && ready.Run() == nil {
			return nil
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			return errors.Join(fmt.Errorf("PostgreSQL does not answer:\n%s", text), err)
		}
	}
}

// Stop stops it: SIGINT breaks off what is under way, SIGQUIT is a crash.
func (p *Postgres) Stop(signal os.Signal) {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Signal(signal)
	_ = p.cmd.Wait()
	p.cmd = nil
}

// Remove stops it and removes its files.
func (p *Postgres) Remove() {
	p.Stop(syscall.SIGQUIT)
	_ = os.RemoveAll(p.dir)
}
