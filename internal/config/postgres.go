package config

import "strings"

// Stores.
const (
	// StorePebble keeps the data in the data directory, which one server has for itself.
	StorePebble = "pebble"
	// StorePostgres keeps them in PostgreSQL, which several servers can share.
	StorePostgres = "postgres"
)

// Postgres says in which databases the data are, if they are in PostgreSQL.
type Postgres struct {
	// URLs are those of the databases; the shards are spread over them.
	URLs []string
	// Shards is how many a new store has; 0 for the default of the store.
	Shards int
	// Writers is how many transactions are under way in each database; 0 for the default.
	Writers int
}

func (p *Postgres) declare(s *Schema, kind Kind) {
	if kind == Development {
		return
	}
	s.Texts(&p.URLs, "postgres.urls", "URL of the PostgreSQL database that holds the data, as postgres://user:password@host:5432/database?sslmode=verify-full; several spread the shards over several databases").
		Flag("postgres-url", "").Hide()
	s.Int(&p.Shards, 0, 4096, "postgres.shards", 0, "number of shards of a store that is created; 0 is 64. They are what is spread over nodes and databases; nodes make more of them later if they are asked to")
	s.Int(&p.Writers, 0, 64, "postgres.writers", 0, "number of transactions under way in each database; 0 is 2. More help when the database is far away or slow to sync")
}

func (p *Postgres) check(*Schema, Kind) []error {
	if len(p.URLs) > 0 {
		p.URLs = splitURLs(p.URLs)
	}
	return nil
}

// splitURLs takes lists of URLs apart. A comma may also stand between the hosts of one URL.
func splitURLs(lists []string) (urls []string) {
	for _, part := range strings.Split(strings.Join(lists, ","), ",") {
		part = strings.TrimSpace(part)
		if len(urls) == 0 || strings.Contains(part, "://") {
			urls = append(urls, part)
		} else {
			urls[len(urls)-1] += "," + part
		}
	}
	return urls
}
