package postgres

import (
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackc/pgx/v5"

	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
)

// Machines do not go away in a test, so it looks at what the kernel was told.
func TestADatabaseWhoseMachineIsGoneIsNotWaitedForLong(t *testing.T) {
	c := postgrestest.Start(t, "fsync=off", "autovacuum=off")
	s := open(t, c.TCP("postgres", "secret", "postgres"))
	options := func(conn *pgx.Conn) (limit, probed time.Duration) {
		raw, err := conn.PgConn().Conn().(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.Control(func(fd uintptr) {
			get := func(option int) time.Duration {
				value, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option)
				if err != nil {
					t.Error(err)
				}
				return time.Duration(value)
			}
			limit = get(unix.TCP_USER_TIMEOUT) * time.Millisecond
			probed = get(unix.TCP_KEEPIDLE)*time.Second + get(unix.TCP_KEEPINTVL)*get(unix.TCP_KEEPCNT)*time.Second
		})
		return limit, probed
	}
	reading, err := s.dbs[0].reads.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Release()
	if limit, probed := options(reading.Conn()); limit != maxSilence || probed != 6*time.Second {
		t.Errorf("a connection for reads is over after %v, or %v without an answer", limit, probed)
	}
	w := newWriter(s, s.dbs[0], 9)
	t.Cleanup(w.disconnect)
	// A writer whose tries have failed because they take long has patience.
	for _, stall := range []time.Duration{stallTimeout, 10 * stallTimeout} {
		w.disconnect()
		w.stall = stall
		if err := w.connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		if limit, probed := options(w.conn); limit != stall+2*time.Second || probed != 6*time.Second {
			t.Errorf("a connection of a writer whose tries may stall for %v is over after %v, or %v without an answer", stall, limit, probed)
		}
	}
}
