package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/storage/format"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
)

// refusal opens a store that cannot be opened, and returns the error.
func refusal(t *testing.T, opts Options) error {
	t.Helper()
	opts.Logger = slog.New(slog.DiscardHandler)
	s, err := Open(context.Background(), opts)
	if err == nil {
		_ = s.Close()
		t.Fatal("it is opened")
	}
	return err
}

func says(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error lacks %q:\n%v", word, err)
		}
	}
}

func TestWhatIsWrongWithAURLIsSaid(t *testing.T) {
	c := postgrestest.Start(t, "fsync=off", "autovacuum=off")
	postgrestest.Exec(t, c.URL(), "CREATE USER somebody PASSWORD 'right'")
	postgrestest.Exec(t, c.URL(), "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = web.Close() }()
	go func() {
		for {
			conn, err := web.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nThis is no database, and it has a lot to say about that.\r\n"))
			_ = conn.Close()
		}
	}()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	_ = closed.Close()
	for name, test := range map[string]struct {
		url  string
		says []string
	}{
		"wrong password":          {c.TCP("somebody", "wrong", "postgres"), []string{"does not let user \"somebody\" in", "check the user and the password"}},
		"no such database":        {c.TCP("postgres", "secret", "nowhere"), []string{"there is no database \"nowhere\"", "CREATE DATABASE"}},
		"no rights":               {c.TCP("somebody", "right", "postgres"), []string{"\"somebody\" may not make tables", "GRANT"}},
		"another encoding":        {c.TCP("postgres", "secret", "latin"), []string{"LATIN1", "UTF8"}},
		"read-only":               {postgrestest.With(t, c.URL(), "default_transaction_read_only", "on"), []string{"is read-only"}},
		"nobody listens":          {"postgres://somebody:right@" + nobody + "/postgres", []string{"nothing listens on", nobody}},
		"another protocol":        {"postgres://somebody:right@" + web.Addr().String() + "/postgres?sslmode=disable", []string{"does not speak the protocol of PostgreSQL"}},
		"another product's URL":   {"mysql://somebody:right@127.0.0.1/db", []string{"mysql://", "must look like postgres://"}},
		"not a URL":               {"postgres://somebody:right@127.0.0.1:port/db", []string{"cannot be understood"}},
		"a schema that is not":    {postgrestest.With(t, c.URL(), "search_path", "nowhere"), []string{"no schema"}},
		"the same database twice": {c.URL(), []string{"named twice"}},
	} {
		t.Run(name, func(t *testing.T) {
			urls := []string{test.url}
			if strings.Contains(name, "twice") {
				urls = append(urls, test.url)
			}
			err := refusal(t, Options{URLs: urls})
			says(t, err, test.says...)
			if strings.Contains(err.Error(), "right") || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
}

func TestADatabaseOfSomethingElseIsRefusedAndLeftAsItIs(t *testing.T) {
	url := postgrestest.URL(t)
	postgrestest.Exec(t, url, "CREATE TABLE perdure_store (id int4, name text)")
	err := refusal(t, Options{URLs: []string{url}})
	if !errors.Is(err, ErrFormat) {
		t.Errorf("error is %v", err)
	}
}

func TestOtherFormatsAreRefusedWithAdvice(t *testing.T) {
	url := postgrestest.URL(t)
	s := open(t, url)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	present := format.Present().Version()
	for column, text := range map[string]string{
		"format":       fmt.Sprintf("format %d, and this release reads formats up to %d", present+1, present),
		"upgrade_from": fmt.Sprintf("format %d, and this release reads formats from", 1),
		"compatible":   "its tables have version",
	} {
		value := map[string]uint32{"format": present + 1, "upgrade_from": 1, "compatible": 99}[column]
		postgrestest.Exec(t, url, fmt.Sprintf("CREATE TABLE saved AS SELECT * FROM perdure_store; UPDATE perdure_store SET %s = %d", column, value))
		err := refusal(t, Options{URLs: []string{url}})
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error is %v", column, err)
		}
		says(t, err, text)
		postgrestest.Exec(t, url, "DELETE FROM perdure_store; INSERT INTO perdure_store SELECT * FROM saved; DROP TABLE saved")
	}
	_ = open(t, url)
}

func TestTheDatabasesOfAStoreBelongTogether(t *testing.T) {
	a, b, other := postgrestest.URL(t), postgrestest.URL(t), postgrestest.URL(t)
	_ = open(t, a, b).Close()
	_ = open(t, other).Close()
	for name, test := range map[string]struct {
		urls []string
		says string
	}{
		"one is missing":    {[]string{a}, "is spread over 2 databases, and the URLs name 1"},
		"one is of another": {[]string{a, other}, "URLs name 2"},
		"one is empty":      {[]string{a, postgrestest.URL(t)}, "holds none: check the URLs"},
	} {
		t.Run(name, func(t *testing.T) {
			err := refusal(t, Options{URLs: test.urls})
			says(t, err, test.says)
			if !errors.Is(err, ErrFormat) {
				t.Errorf("error is %v", err)
			}
		})
	}
	_ = open(t, b, a) // their order does not matter
}

func TestOneNodeIDCannotOpenAStoreTwice(t *testing.T) {
	url := postgrestest.URL(t)
	_ = open(t, url)
	s, err := Open(context.Background(), Options{URLs: []string{url}, Holder: "a", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	says(t, refusal(t, Options{URLs: []string{url}, Holder: "a"}), `another store is open for the node id "a"`)
}
