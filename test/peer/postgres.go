package main

import (
	"fmt"
	"io/fs"
	"math"
	"net"
	"net/url"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/testing/freeport"
	"go.temporal.io/server/schema"
	v12 "go.temporal.io/server/schema/postgresql/v12"
	"go.temporal.io/server/temporal"
)

const (
	// historyShards is as many shards as a Perdure has on PostgreSQL.
	historyShards = 64
	// connections are those to each of the two databases.
	connections = 40
)

// startOnPostgres starts a server with its data in databases of its own, which it makes, in the PostgreSQL
// of the URL.
func startOnPostgres(text string) (address string, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	password, _ := u.User.Password()
	database := func(plugin, name string) *config.SQL {
		return &config.SQL{
			User: u.User.Username(), Password: password, PluginName: plugin, DatabaseName: name, ConnectAddr: u.Host, ConnectProtocol: "tcp",
			MaxConns: connections, MaxIdleConns: connections, MaxConnLifetime: time.Hour,
		}
	}
	for name, of := range map[string]struct{ dir, version string }{
		"temporal":            {"postgresql/v12/temporal", v12.Version},
		"temporal_visibility": {"postgresql/v12/visibility", v12.VisibilityVersion},
	} {
		if err := onDatabase(database(postgresql.PluginName, u.Path[1:]), func(db sqlplugin.AdminDB) error { return db.CreateDatabase(name) }); err != nil {
			return "", fmt.Errorf("creating the database %s: %w", name, err)
		}
		if err := onDatabase(database(postgresql.PluginName, name), func(db sqlplugin.AdminDB) error { return makeTables(db, name, of.dir, of.version) }); err != nil {
			return "", fmt.Errorf("making the tables of %s: %w", name, err)
		}
	}
	frontend := freeport.MustGetFreePort()
	address = fmt.Sprintf("127.0.0.1:%d", frontend)
	membership := 10000
	service := func(port int) config.Service {
		membership = lowPort(membership + 1)
		return config.Service{RPC: config.RPC{GRPCPort: port, MembershipPort: membership, BindOnLocalHost: true}}
	}
	server, err := temporal.NewServer(
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithLogger(log.NewNoopLogger()),
		temporal.WithConfig(&config.Config{
			Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: "127.0.0.1"}},
			Persistence: config.Persistence{
				DefaultStore: "default", VisibilityStore: "visibility", NumHistoryShards: historyShards,
				DataStores: map[string]config.DataStore{
					"default":    {SQL: database(postgresql.PluginNamePGX, "temporal")},
					"visibility": {SQL: database(postgresql.PluginNamePGX, "temporal_visibility")},
				},
			},
			ClusterMetadata: &cluster.Config{
				FailoverVersionIncrement: 10, MasterClusterName: "active", CurrentClusterName: "active",
				ClusterInformation: map[string]cluster.ClusterInformation{"active": {Enabled: true, InitialFailoverVersion: 1, RPCAddress: address}},
			},
			DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
			Services: map[string]config.Service{
				"frontend": service(frontend), "history": service(freeport.MustGetFreePort()),
				"matching": service(freeport.MustGetFreePort()), "worker": service(freeport.MustGetFreePort()),
			},
			Archival: config.Archival{History: config.HistoryArchival{State: "disabled"}, Visibility: config.VisibilityArchival{State: "disabled"}},
			NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
				History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
				Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
			}},
			PublicClient: config.PublicClient{HostPort: address},
		}))
	if err != nil {
		return "", err
	}
	return address, server.Start()
}

// lowPort is a free port, from on. The server keeps its membership ports in a column of 16 bits with a sign, which those that
// the system chooses do not fit.
func lowPort(from int) int {
	for port := from; ; port++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return port
		}
		if port > math.MaxInt16 {
			panic(err)
		}
	}
}

// onDatabase calls fn with a connection to the database.
func onDatabase(of *config.SQL, fn func(sqlplugin.AdminDB) error) error {
	db, err := sql.NewSQLAdminDB(sqlplugin.DbKindUnknown, of, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return fn(db)
}

// makeTables makes the tables of an empty database.
func makeTables(db sqlplugin.AdminDB, name, dir, version string) error {
	statements, err := fs.ReadFile(schema.Assets(), dir+"/schema.sql")
	if err != nil {
		return err
	}
	if err := db.Exec(string(statements)); err != nil {
		return err
	}
	if err := db.CreateSchemaVersionTables(); err != nil {
		return err
	}
	return db.UpdateSchemaVersion(name, version, version)
}
