// Package postgrestest gives tests a PostgreSQL: one of their own, made in a temporary directory
// from the programs that are installed, or the one that PERDURE_TEST_POSTGRES_URL names.
package postgrestest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Variable names the environment variable with the URL of a database in which tests may make and drop
// schemas. Without it they start a PostgreSQL of their own.
const Variable = "PERDURE_TEST_POSTGRES_URL"

// server is where tests get their schemas. The cluster ends with what refers to it.
type server struct {
	url     string
	cluster *Cluster
}

var shared = sync.OnceValues(func() (server, error) {
	if given := os.Getenv(Variable); given != "" {
		return server{url: given}, nil
	}
	// A power cut is not what most tests are about.
	c, err := start([]string{"fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=400"})
	if err != nil {
		return server{}, err
	}
	return server{c.URL(), c}, nil
})

// URL is that of an empty schema in a database that the tests of this process share. It is dropped
// when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	server, err := shared()
	if err != nil {
		t.Fatalf("a PostgreSQL for tests: %v", err)
	}
	base := server.url
	schema := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	Exec(t, base, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { Exec(t, base, "DROP SCHEMA "+schema+" CASCADE") })
	return With(t, base, "search_path", schema)
}

// With is the URL with another parameter.
func With(t testing.TB, text, parameter, value string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set(parameter, value)
	u.RawQuery = query.Encode()
	return u.String()
}

// admin is a connection for what tests do beside what they test. One for all, as making one costs more
// than most of what it is for.
var admin struct {
	sync.Mutex
	url  string
	conn *pgx.Conn
}

func onAdmin(t testing.TB, url string, fn func(ctx context.Context, conn *pgx.Conn) error) {
	t.Helper()
	ctx := context.Background()
	admin.Lock()
	defer admin.Unlock()
	if admin.conn != nil && (admin.url != url || admin.conn.IsClosed()) {
		_ = admin.conn.Close(ctx)
		admin.conn = nil
	}
	if admin.conn == nil {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			t.Fatalf("connect: %v", err)
		}
		admin.url, admin.conn = url, conn
	}
	if err := fn(ctx, admin.conn); err != nil {
		t.Fatal(err)
	}
}

// Exec carries out statements, separated by semicolons.
func Exec(t testing.TB, url, sql string) {
	t.Helper()
	onAdmin(t, url, func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
		return nil
	})
}

// Text is the answer to a query for one value, as text.
func Text(t testing.TB, url, sql string) (text string) {
	t.Helper()
	onAdmin(t, url, func(ctx context.Context, conn *pgx.Conn) error {
		var value any
		if err := conn.QueryRow(ctx, sql).Scan(&value); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
		text = fmt.Sprint(value)
		return nil
	})
	return text
}
