package config

import (
	"time"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/searchattribute"
)

// Config is all settings of a server. New makes one; the zero value has no
// settings. Load fills it.
type Config struct {
	// Store is where the data are kept: StorePebble or StorePostgres.
	Store string
	// DataDir is the directory the data are kept in; empty: in memory.
	DataDir string
	// UnsafeNoSync does not sync writes to disk.
	UnsafeNoSync bool
	// StoreCache is how many bytes of memory hold blocks of the files of the data directory.
	StoreCache int64
	// Namespaces are registered at start if they are not there.
	Namespaces []string
	// SearchAttributes are custom search attributes of the namespaces registered at start.
	SearchAttributes map[string]searchattribute.Type
	// Retention of the namespaces registered at start.
	Retention time.Duration

	Postgres      Postgres
	Cluster       Cluster
	Listen        Listen
	HTTP          HTTP
	UI            UI
	SSO           SSO
	TLS           TLS
	Auth          Auth
	Log           Log
	Metrics       Metrics
	Tracing       Tracing
	DynamicConfig DynamicConfig

	kind   Kind
	schema *Schema
	// file is the file that was read; empty for none.
	file string
}

// Kind is the kind of server that settings are for.
type Kind int

const (
	// Production is a server that keeps its data: perdure server start.
	Production Kind = iota
	// Development is a server to develop against: perdure server start-dev. Its defaults
	// and the names of some flags are those of the Temporal CLI.
	Development
)

// section is a group of settings.
type section interface {
	// declare declares the settings.
	declare(s *Schema, kind Kind)
	// check looks at what one setting alone cannot tell, once all are set. An error is
	// made by Schema.wrong.
	check(s *Schema, kind Kind) []error
}

// sections are all groups, in the order of the documentation.
func (c *Config) sections() []section {
	return []section{
		(*general)(c),
		&c.Postgres,
		&c.Cluster,
		&c.Listen,
		&c.HTTP,
		&c.UI,
		(*login)(c),
		&c.TLS,
		&c.Auth,
		&c.Log,
		&c.Metrics,
		&c.Tracing,
		&c.DynamicConfig,
	}
}

// New returns the settings of a server with their defaults.
func New(kind Kind) *Config {
	c := &Config{kind: kind, schema: newSchema()}
	for _, section := range c.sections() {
		section.declare(c.schema, kind)
	}
	return c
}

// Settings describes all settings as they are, in the order of the documentation.
func (c *Config) Settings() []*Setting { return c.schema.settings }

// general are the settings at the top of the file.
type general Config

func (c *general) declare(s *Schema, kind Kind) {
	dataDir := s.Text(&c.DataDir, "dataDir", "", "directory the data are kept in, made if it is not there")
	if kind == Development {
		dataDir.Flag("db-filename", "f").Doc += " (default: in memory)"
	} else {
		dataDir.Doc += "; required, unless they are in PostgreSQL"
	}
	if kind == Production {
		s.Choice(&c.Store, []string{StorePebble, StorePostgres}, "store", StorePebble, "where the data are kept")
		s.Bytes(&c.StoreCache, "storeCache", 4<<20, "how much memory holds blocks of the data that were read from disk: above all what says where in the files something is. From some gigabytes of data on, a hundredth of them, say 64MiB, saves reads and CPU; what the operating system caches comes on top. Of no use with PostgreSQL")
		s.Bool(&c.UnsafeNoSync, "unsafeNoFsync", false, "leave it to the operating system when writes reach the disk. Faster, and UNSAFE: a power cut or a crash of the machine loses acknowledged writes and may damage the store. For data you can lose")
	}
	s.Texts(&c.Namespaces, "namespaces", "namespace to register if it is not there (\"default\" always is)").
		Flag("namespace", "n").Each(checkNamespace)
	declare(s, &c.SearchAttributes, searchAttributes, "searchAttributes", nil, "custom search attribute of all namespaces registered at start, as NAME=TYPE. Types: "+attributeTypes()).
		Flag("search-attribute", "")
	retention := 72 * time.Hour
	if kind == Development {
		retention = 24 * time.Hour
	}
	s.Duration(&c.Retention, time.Hour, "retention", retention, "how long the namespaces registered at start keep closed workflows")
}

func (c *general) check(s *Schema, kind Kind) []error {
	if c.Store == StorePostgres {
		if len(c.Postgres.URLs) == 0 {
			return []error{s.missing(&c.Postgres.URLs, "the URL of the database, because the store is postgres")}
		}
		return nil
	}
	if len(c.Postgres.URLs) > 0 {
		return []error{s.wrong(&c.Postgres.URLs, "is of use only with --store postgres")}
	}
	if kind == Production && c.StoreCache < 1<<20 {
		return []error{s.wrong(&c.StoreCache, "must be at least 1MiB")}
	}
	if kind == Production && c.DataDir == "" {
		return []error{s.missing(&c.DataDir, "the directory the data are kept in (a server without one is 'perdure server start-dev')")}
	}
	return nil
}

// DynamicConfig says where the settings come from that can change while the server runs.
type DynamicConfig struct {
	// File is a YAML file in the form that Temporal servers have.
	File string
	// Values go before the file.
	Values []dynamicconfig.Override
}

func (c *DynamicConfig) declare(s *Schema, _ Kind) {
	s.Text(&c.File, "dynamicConfig.file", "", "YAML file of settings that can change while the server runs, in the form that Temporal servers have; it is read again when it has changed. 'perdure server dynamic-config' lists the settings")
	declare(s, &c.Values, overrides, "dynamicConfig.values", nil, "one of these settings, as KEY=JSON; it goes before the file").
		Flag("dynamic-config-value", "")
}

func (c *DynamicConfig) check(*Schema, Kind) []error { return nil }
