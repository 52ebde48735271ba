package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

var (
	// ErrFormat is wrapped by the error of Open when the database holds something that this
	// release cannot work with: another format, other tables, another part of a store.
	ErrFormat = errors.New("what the database holds is not for this release")
	// ErrNoStore is wrapped by the error of OpenStopped when there is no store.
	ErrNoStore = errors.New("there is no store of Perdure in the database")
	// ErrInUse is wrapped by the error of OpenStopped when nodes are alive on the store.
	ErrInUse = errors.New("the store is in use")
	// ErrKeyTooLong is wrapped by the error of a batch with a key of more than MaxKey bytes.
	ErrKeyTooLong = errors.New("postgres store: a key is too long")
	// ErrBatchTooLarge is wrapped by the error of a batch of more than MaxBatchBytes.
	ErrBatchTooLarge = errors.New("postgres store: a batch is too large")
)

const (
	// clockWarning and clockRefusal are how far the clock of this machine may be from that of the
	// database before it is logged, and before the store is not opened.
	clockWarning = 5 * time.Second
	clockRefusal = 10 * time.Minute
)

// explain says what to do about errors that people run into when they connect a node to a
// database.
func explain(err error, d *database) error {
	code := codeOf(err)
	config := d.config
	switch {
	case code == "28P01" || code == "28000":
		return fmt.Errorf("the database %s does not let user %q in: check the user and the password in its URL (%w)", d.name, config.User, err)
	case code == "3D000":
		return fmt.Errorf("there is no database %q on %s:%d: create it (CREATE DATABASE), or check the URL (%w)", config.Database, config.Host, config.Port, err)
	case code == "3F000":
		return fmt.Errorf("the database %s has no schema to make tables in: create that of search_path, or check the URL (%w)", d.name, err)
	case code == "42501":
		return fmt.Errorf("user %q may not make tables in database %s, or use those that are there: let the user own the database, or GRANT what is missing (%w)", config.User, d.name, err)
	case code == "25006":
		return fmt.Errorf("the database %s is read-only: a standby, or one with default_transaction_read_only. Perdure needs the one that is written to (%w)", d.name, err)
	case code == "53300":
		return fmt.Errorf("the database %s has no connections left: raise its max_connections; a node takes up to %d of them (%w)", d.name, ConnectionsPerNode, err)
	case code == "57P03":
		return fmt.Errorf("the database %s is starting or stopping; try again (%w)", d.name, err)
	case code != "":
		return err
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens on %s:%d: is the database running? (%w)", config.Host, config.Port, err)
	case isProtocol(err):
		return fmt.Errorf("what listens on %s:%d does not speak the protocol of PostgreSQL: check host and port (%w)", config.Host, config.Port, err)
	case errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err):
		return fmt.Errorf("the database %s does not answer: check host, port and firewalls (%w)", d.name, err)
	}
	if dns, is := errors.AsType[*net.DNSError](err); is {
		return fmt.Errorf("the host %q of the database is not known: check the URL (%w)", dns.Name, err)
	}
	return err
}

// isProtocol reports whether an error is that of a server that speaks something else.
func isProtocol(err error) bool {
	text := err.Error()
	return strings.Contains(text, "unexpected message") || strings.Contains(text, "unknown message type") || strings.Contains(text, "server refused TLS") ||
		strings.Contains(text, "invalid message") || strings.Contains(text, "invalid body length") || strings.Contains(text, "first record does not look like a TLS handshake") ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// isNetwork reports whether an error is one of the network.
func isNetwork(err error) bool {
	if _, is := errors.AsType[net.Error](err); is {
		return true
	}
	if _, is := errors.AsType[syscall.Errno](err); is {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) ||
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "conn busy")
}

// checkClock compares the clock of this machine with that of the database. The time of shards
// goes on from where the last owner was, so with a clock that is far behind it would stand still.
func checkClock(d *database, theirs time.Time, sent, got time.Time) error {
	ours := sent.Add(got.Sub(sent) / 2)
	apart := ours.Sub(theirs)
	if apart.Abs() <= clockWarning+got.Sub(sent) {
		return nil
	}
	which := "ahead of"
	if apart < 0 {
		which = "behind"
	}
	if apart.Abs() > clockRefusal+got.Sub(sent) {
		return fmt.Errorf("the clock of this machine is %v %s that of the database %s: set both by NTP, and start again", apart.Abs().Round(time.Second), which, d.name)
	}
	d.log.Warn("The clock of this machine is not that of the database: set both by NTP", "database", d.name, "apart", apart.Abs().Round(time.Millisecond), "this_machine_is", which)
	return nil
}
