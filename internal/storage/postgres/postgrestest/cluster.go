package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a PostgreSQL of a test's own, which can be stopped and started. Its superuser is
// "postgres", whom everybody is who comes by its socket, and who has the password "secret" elsewhere.
type Cluster struct {
	dir      string
	settings []string
	port     int
	owner    *syscall.Credential // nil: this user
	guard    *exec.Cmd           // runs it, and ends it with this process
	life     *os.File            // what the guard watches
}

// Start makes and starts one, with settings as "name=value". It is gone when the test ends.
func Start(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	if os.Getenv(Variable) != "" {
		t.Skip("needs a PostgreSQL that it can stop, and " + Variable + " names another")
	}
	c, err := start(settings)
	if err != nil {
		t.Fatalf("a PostgreSQL for tests: %v", err)
	}
	t.Cleanup(func() {
		c.Stop(t, syscall.SIGQUIT)
		_ = os.RemoveAll(c.dir)
	})
	return c
}

func start(settings []string) (*Cluster, error) {
	c := &Cluster{settings: settings}
	var err error
	if c.dir, err = os.MkdirTemp("", "perdure-postgres"); err != nil {
		return nil, err
	}
	if err := c.init(); err != nil {
		_ = os.RemoveAll(c.dir)
		return nil, err
	}
	if err := c.run(); err != nil {
		_ = os.RemoveAll(c.dir)
		return nil, err
	}
	return c, nil
}

// program finds a program of PostgreSQL: Debian keeps them out of the path.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return "", fmt.Errorf("%s is not installed: apt-get install postgresql, or set %s to the URL of a database", name, Variable)
	}
	slices.Sort(found)
	return found[len(found)-1], nil
}

// init makes the files. PostgreSQL does not run as root, so root lets somebody else own them.
func (c *Cluster) init() error {
	initdb, err := program("initdb")
	if err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			return err
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		c.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(c.dir, uid, gid); err != nil {
			return err
		}
	}
	password := filepath.Join(c.dir, "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o644); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.port = listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	out, err := c.command(initdb, "-D", c.data(), "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile="+password,
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.owner, Setpgid: true}
	return cmd
}

// watch runs PostgreSQL until it ends, or nobody holds the other end of file descriptor 3 any more, and
// then kills it and takes its files away: no test has to think of that.
const watch = `"$@" </dev/null 3<&- & server=$!
( read end <&3; trap '' TERM; kill -QUIT $server; sleep 1; rm -rf "$DIR" ) & watcher=$!
wait $server
kill $watcher`

// run starts the server and waits until it answers.
func (c *Cluster) run() error {
	postgres, err := program("postgres")
	if err != nil {
		return err
	}
	args := []string{"-c", watch, "watch", postgres, "-D", c.data(), "-k", c.dir, "-p", strconv.Itoa(c.port), "-c", "listen_addresses=127.0.0.1"}
	for _, setting := range c.settings {
		args = append(args, "-c", setting)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	c.guard = c.command("/bin/sh", args...)
	c.guard.Env = append(os.Environ(), "DIR="+c.dir)
	c.guard.ExtraFiles = []*os.File{read}
	c.guard.Stdout, c.guard.Stderr = log, log
	if err := c.guard.Start(); err != nil {
		return err
	}
	_ = read.Close()
	c.life = write
	return c.await()
}

// await waits until the server answers.
func (c *Cluster) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.URL())
		if err == nil {
			return conn.Close(ctx)
		}
		if ctx.Err() != nil {
			text, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("it does not answer: %w\n%s", err, text)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// URL is that of the database "postgres", by the socket.
func (c *Cluster) URL() string {
	return fmt.Sprintf("postgres://postgres@/postgres?host=%s&port=%d", c.dir, c.port)
}

// TCP is the URL of a database by TCP.
func (c *Cluster) TCP(user, password, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s", user, password, c.port, database)
}

// Dir is where its files are, in "data".
func (c *Cluster) Dir() string { return c.dir }

// pid is that of the server, 0 if it is not running.
func (c *Cluster) pid() int {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(first)
	return pid
}

// Stop stops it: SIGINT breaks off what is under way, SIGQUIT is a crash. It does nothing if it is not running.
func (c *Cluster) Stop(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if c.guard == nil {
		return
	}
	if pid := c.pid(); pid != 0 {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	}
	_ = c.guard.Wait()
	_ = c.life.Close()
	c.guard = nil
}

// Restart starts it again after Stop.
func (c *Cluster) Restart(t testing.TB) {
	t.Helper()
	if err := c.run(); err != nil {
		t.Fatalf("start PostgreSQL again: %v", err)
	}
}
