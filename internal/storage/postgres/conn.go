package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectTimeout is how long the making of a connection may take, unless the URL has
	// connect_timeout.
	connectTimeout = 10 * time.Second
	// readConnections are how many connections to a database single reads use, scanConnections
	// how many the scans that take more than one query. Neither waits for the other: a scan may
	// read while it has its connection.
	readConnections = 8
	scanConnections = 4
	// firstWait and lastWait are how long to wait before what has failed is tried again: the
	// time doubles from one to the other. All that waits for a database that is back waits for lastWait
	// and a half at most, and for that once for each thing it does.
	firstWait = 50 * time.Millisecond
	lastWait  = 400 * time.Millisecond
	// pingAfter is how long a connection may not have been used without being tried first when it is. What fails on one
	// that is gone is tried again on another; this keeps that from happening with one after the other.
	pingAfter = 10 * time.Second
	// readPatience is how long a read without a deadline is tried again.
	readPatience = 15 * time.Second
)

// settings are those of every session. Other engines than PostgreSQL do not know all of them, and
// need not.
//
// What is read and written is always found by the primary key, in lists of keys that come as
// arrays, of whose length a plan must not depend: planning costs more than most of the statements,
// and a plan made when a table was small must not read a large one from end to end.
var settings = []string{
	"SET plan_cache_mode = force_generic_plan",
	"SET enable_seqscan = off",
	"SET enable_hashjoin = off",
	"SET enable_mergejoin = off",
	"SET enable_material = off",
	"SET jit = off",
	"SET idle_in_transaction_session_timeout = '60s'",
	"SET statement_timeout = 0",
	"SET lock_timeout = 0",
}

// database is one of the databases that a store is kept in.
type database struct {
	url    string
	config *pgx.ConnConfig
	log    *slog.Logger
	// name is what it is called in messages: without user and password.
	name string
	// asynchronous: its sessions can leave it to later when a transaction is on disk.
	asynchronous bool
	part         int32
	shards       int // with how many the whole store was made

	reads, scans *pgxpool.Pool
	writers      []*writer
}

// parseURL reads the URL of a database. URLs of something else are errors that say so.
func parseURL(text string) (*pgx.ConnConfig, string, error) {
	if scheme, _, is := strings.Cut(text, "://"); is && scheme != "postgres" && scheme != "postgresql" {
		return nil, "", fmt.Errorf("a URL that begins with %q is not one of a PostgreSQL database: it must look like postgres://user:password@host:5432/database", scheme+"://")
	}
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, "", fmt.Errorf("the URL of the database cannot be understood: it must look like postgres://user:password@host:5432/database (%s)", withoutPassword(err, text))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.DialFunc = dialer.DialContext
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = sessionName
	}
	name := fmt.Sprintf("%s:%d/%s", config.Host, config.Port, config.Database)
	if schema := config.RuntimeParams["search_path"]; schema != "" {
		name += " (" + schema + ")"
	}
	return config, name, nil
}

// sessionName is what sessions are called, before the store is known; then the beginning of its id is
// added, unless the URL has another name.
const sessionName = "perdure"

func (d *database) nameSessions(store string) {
	if d.config.RuntimeParams["application_name"] == sessionName {
		d.config.RuntimeParams["application_name"] = sessionsOf(store)
	}
}

func sessionsOf(store string) string { return sessionName + " " + store[:min(8, len(store))] }

// withoutPassword is the text of an error of a URL in which the URL must not be shown.
func withoutPassword(err error, text string) string {
	message := err.Error()
	if u, e := url.Parse(text); e == nil && u.User != nil {
		if password, has := u.User.Password(); has && password != "" {
			message = strings.ReplaceAll(message, password, "xxxxx")
		}
	}
	return message
}

// connect makes a connection with the settings of a session.
func (d *database) connect(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, d.config.Copy())
	if err != nil {
		return nil, err
	}
	if err := d.prepareSession(ctx, conn); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return conn, nil
}

func (d *database) prepareSession(ctx context.Context, conn *pgx.Conn) error {
	limitSilence(conn.PgConn().Conn(), maxSilence)
	_, err := conn.PgConn().Exec(ctx, strings.Join(settings, ";")).ReadAll()
	if codeOf(err) == "" {
		return err
	}
	for _, setting := range settings {
		if _, err := conn.PgConn().Exec(ctx, setting).ReadAll(); err != nil && codeOf(err) == "" {
			return err
		}
	}
	return nil
}

func (d *database) openPools(ctx context.Context) (err error) {
	if d.reads, err = d.pool(ctx, readConnections); err != nil {
		return err
	}
	d.scans, err = d.pool(ctx, scanConnections)
	return err
}

func (d *database) pool(ctx context.Context, size int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	config.ConnConfig = d.config.Copy()
	config.MaxConns = size
	config.MinConns = 0
	config.MaxConnLifetime = time.Hour
	config.MaxConnIdleTime = 5 * time.Minute
	config.AfterConnect = d.prepareSession
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool { return p.IdleDuration > pingAfter }
	return pgxpool.NewWithConfig(ctx, config)
}

func (d *database) close() {
	if d.reads != nil {
		d.reads.Close()
	}
	if d.scans != nil {
		d.scans.Close()
	}
}

// again calls fn until it does not fail for a reason that passes, or ctx ends.
func again(ctx context.Context, fn func() error) error {
	return againOn(ctx, fn, passes)
}

func againOn(ctx context.Context, fn func() error, passes func(error) bool) error {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := fn()
		if err == nil || !passes(err) || ctx.Err() != nil {
			return err
		}
		if pause(ctx, wait) != nil {
			return err
		}
	}
}

// pause waits for about so long, or until ctx ends.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait/2 + rand.N(wait))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// passes reports whether an error is of a kind that passes by itself, or that an operator can
// make pass while nodes wait: the same is worth trying again.
func passes(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	code := codeOf(err)
	if code == "" {
		return lost(err)
	}
	switch code[:2] {
	case "08", // connections
		"25", // read-only: a standby that is not promoted yet
		"28", // passwords that are being changed
		"40", // serialization failures, deadlocks
		"42", // rights and tables that somebody has taken away
		"53", // disk full, out of memory, too many connections
		"55", // locks
		"57", // shut down, cancelled
		"58", // I/O errors
		"72", // snapshot too old
		"XX":
		return true
	}
	return false
}

// lost reports whether an error is of the connection, not of what was asked.
func lost(err error) bool {
	if codeOf(err) != "" {
		return false
	}
	if pgconn.SafeToRetry(err) || pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	if _, is := errors.AsType[*pgconn.ConnectError](err); is {
		return true
	}
	return isNetwork(err)
}
