// Package server puts a server together: store, runtime, matching, state
// machines, frontend, and the two ways in, a port and a channel inside the
// process.
//
// Everything that is started here is stopped here, in the opposite order:
//
//	health turns NOT_SERVING   load balancers and SDKs look elsewhere
//	long polls end             with empty replies, which workers expect
//	calls under way finish     their writes reach the disk
//	the runtime, then the store
//
// Nothing that was acknowledged depends on this order: a killed process loses
// nothing either. It spares clients errors.
package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/backup"
	"github.com/perdure/perdure/internal/batch"
	"github.com/perdure/perdure/internal/callback"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/peer"
	"github.com/perdure/perdure/internal/reclaim"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/taskqueue"
	"github.com/perdure/perdure/internal/visibility"
)

// Version is the version of Perdure.
const Version = "0.1.0"

// releaseTime is when Version was made.
var releaseTime = time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)

// Options are the settings of a server. The zero value is a server in memory
// that can be reached from inside the process only.
type Options struct {
	// DataDir is the directory the data are kept in, made if it is not there.
	// Empty: in memory.
	DataDir string
	// UnsafeNoSync does not sync writes to disk. A power cut loses acknowledged
	// writes and may damage the store.
	UnsafeNoSync bool
	// StoreCache is how many bytes of memory hold blocks of the files in DataDir; 4 MiB if zero.
	StoreCache int64
	// Listen is the host:port of the gRPC API; port 0 picks a free one. Empty: no
	// port.
	Listen string
	// OpenPort opens the ports: those of gRPC ("grpc"), the HTTP API ("http"), the web UI ("ui"), and metrics ("metrics"). Nil
	// opens them as usual.
	OpenPort func(ctx context.Context, name, address string) (net.Listener, error)
	// InsecureListen allows an address that other machines can reach without TLS.
	InsecureListen bool
	// TLS encrypts the ports.
	TLS TLSOptions
	// Auth says who may make calls from outside the process.
	Auth auth.Options
	// HTTP is the HTTP API, and UI the web UI.
	HTTP HTTPOptions
	UI   UIOptions
	// Namespaces are registered if they are not there. "default" always is.
	Namespaces []string
	// SearchAttributes are custom search attributes, by name with their types, that
	// "default" and Namespaces get if they do not have them.
	SearchAttributes map[string]searchattribute.Type
	// Retention of the namespaces registered at start; three days if zero.
	Retention time.Duration
	// CacheBytes is how much memory idle workflows may take; 8 MiB if zero.
	CacheBytes int64
	// DynamicConfigFile is the YAML file of settings that can change while the server
	// runs (package dynamicconfig). DynamicConfig hold whatever it says.
	DynamicConfigFile string
	DynamicConfig     []dynamicconfig.Override
	// DynamicConfigPresets hold unless the file says otherwise.
	DynamicConfigPresets []dynamicconfig.Override
	// Telemetry is what operators see of the server.
	Telemetry TelemetryOptions
	// Logger gets what operators should know; slog.Default if nil.
	Logger *slog.Logger

	// Postgres has the data kept in PostgreSQL, in place of DataDir.
	Postgres PostgresOptions
	// Cluster makes the server one of several nodes on a store that they share.
	Cluster ClusterOptions

	// Store is kept the data in, in place of DataDir, by tests that let a server
	// crash. It is closed with the server.
	Store storage.Store
	// VirtualTime is set by tests whose clock does not pass by itself: polls wait for a
	// year and nothing looks every minute whether there is something to do, as an
	// idle month would be half a million such looks.
	VirtualTime bool

	// For tests: a shorter time for handshakes.
	handshakeTimeout time.Duration
}

// rest is how long the server does nothing in virtual time; zero, which stands for
// what is usual, otherwise.
func (o *Options) rest() time.Duration {
	if o.VirtualTime {
		return 365 * 24 * time.Hour
	}
	return 0
}

// closeTimeout is what the runtime has to bring to an end what is on its way to
// the disk, however little time Stop was given.
const closeTimeout = 5 * time.Second

// Server is a server that is running.
type Server struct {
	logger     *slog.Logger
	settings   *dynamicconfig.Source
	store      storage.Store
	runtime    *runtime.Runtime
	matching   *matching.Matching
	namespaces *namespace.Registry
	// deployments are the versions of workers; drainer sees when one is not needed any more.
	deployments *deployment.Registry
	drainer     *deployment.Drainer
	// flows are the policies of flow control; refresher tells gates of their changes.
	flows      *flow.Registry
	refresher  *flow.Refresher
	visibility *visibility.Indexer
	callbacks  *callback.Deliverer
	endpoints  endpoint.Registry
	dispatcher *nexus.Dispatcher
	commander  atomic.Pointer[nexus.Commander] // nil until the dispatcher is there
	nexus      *nexus.Executor
	batches    *batch.Runner
	reclaimer  *reclaim.Reclaimer
	backups    *backup.Runner // nil if the store is none that backups can be made of
	frontend   *frontend.Service
	health     *health
	local      *inProcess
	telemetry  *observability // nil if there is none

	auth         *auth.Authenticator // nil: everybody may do everything
	certificates *certificates       // nil without TLS
	openPort     func(ctx context.Context, name, address string) (net.Listener, error)
	listener     net.Listener // nil without a port
	grpc         *grpc.Server
	serving      sync.WaitGroup
	http, ui     *httpPort // nil without these ports

	// node is the server as one of a cluster; nil if it is alone. outcast is set when the
	// cluster has taken it for dead.
	node           *peer.Node
	reclaimed      reclaimed
	outcast        atomic.Pointer[error]
	stopRegistries context.CancelFunc
	registries     sync.WaitGroup
	news           news

	stopOnce sync.Once
	stopErr  error
}

// Start starts a server, which answers when Start returns. The context bounds
// the start only.
func Start(ctx context.Context, options Options) (*Server, error) {
	s := &Server{logger: cmp.Or(options.Logger, slog.Default()), news: make(news, 1)}
	settings, err := dynamicconfig.Open(dynamicconfig.Options{
		File:      options.DynamicConfigFile,
		Overrides: options.DynamicConfig,
		Presets:   options.DynamicConfigPresets,
		Logger:    s.logger,
	})
	if err != nil {
		return nil, err
	}
	s.settings = settings
	s.namespaces = namespace.New(settings.Config())
	s.deployments = deployment.NewRegistry()
	s.flows, s.refresher = flow.NewRegistry(), flow.NewRefresher()
	s.flows.Changed = s.refresher.Changed
	s.logger = slog.New(namespaceNames{s.logger.Handler(), s.namespaces.NameOf})
	if err := s.start(ctx, options); err != nil {
		return nil, errors.Join(err, s.abandon())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, options Options) (err error) {
	began := time.Now()
	if s.openPort = options.OpenPort; s.openPort == nil {
		s.openPort = func(ctx context.Context, _, address string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", address)
		}
	}
	// The port first: whether it is free is known at once. Clients that connect
	// early wait until the server answers.
	if err := s.openPorts(ctx, options); err != nil {
		return err
	}
	if err := s.startTelemetry(ctx, options.Telemetry); err != nil {
		return err
	}
	options.Cluster.complete()
	storeName, err := s.openStore(ctx, options)
	if err != nil {
		return err
	}
	s.matching = matching.New(matching.Options{
		Logger:    s.logger,
		LongPoll:  options.rest(),
		IdleAfter: options.rest(),
		Fair:      s.fairQueue,
		Routes:    s.deployments.Routes,
		Scaling:   s.scaling,
		Observer:  s.telemetry.polls(),
		Config: taskqueue.Limits(func(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error {
			return s.runtime.View(ctx, key, fn)
		}),
	})
	s.deployments.Changed = s.matching.Rerouted
	s.visibility = visibility.New(visibility.Options{
		Files:  s.visibilityFiles(options),
		Types:  s.searchAttributeTypes,
		Others: s.others(options),
		Logger: s.logger,
	})
	s.health = newHealth(s.unfit)
	if err := s.openNode(ctx, options); err != nil {
		return err
	}
	shards := runtime.Options{
		Store:      s.store,
		Machines:   machines(s.namespaces, &s.endpoints, s.deployments, s.flows, s.workflowConfig(), s.scheduleConfig(), s.activityConfig(), s.operationConfig()),
		Tasks:      s.matching,
		CacheBytes: options.CacheBytes,
		ChangeLog:  true,
		Changed:    s.visibility.Changed,
		ClockCheck: options.rest(),
		CountDue:   countedTimers,
		Observer:   s.stepObserver(),
		Tracer:     s.telemetry.traces(),
		Logger:     s.logger,
	}
	s.share(&shards)
	if s.runtime, err = runtime.Open(ctx, shards); err != nil {
		return err
	}
	if err := s.join(ctx, options); err != nil {
		return err
	}
	clusterID, err := s.clusterID()
	if err != nil {
		return err
	}

	if err := s.startNexus(ctx); err != nil {
		return err
	}
	s.visibility.Start(s.runtime)
	s.callbacks = callback.Start(s.runtime, s.matching, s.telemetry.outbound(), s.logger)
	s.reclaimer = reclaim.Start(reclaim.Options{
		Runtime:    s.runtime,
		Namespaces: s.unfinished(),
		Kinds:      kindsInNamespaces(),
		Retained:   []entity.Kind{entity.KindWorkflow, entity.KindActivity, entity.KindNexusOperation, entity.KindBatch},
		Rate:       func() int { return dynamicconfig.NamespaceDeleteRate.Get(s.settings.Config()) },
		Logger:     s.logger,
	})
	s.startDrainer()
	s.refresher.Start(s.runtime, s.logger)
	s.backups = s.backupsOf(options, clusterID)
	s.frontend = frontend.New(frontend.Options{
		Runtime:     s.runtime,
		Matching:    s.queues(),
		Elsewhere:   s.elsewhere(),
		Nodes:       s.nodes(),
		Namespaces:  s.namespaces,
		Deployments: s.deployments,
		Endpoints:   &s.endpoints,
		Flows:       s.flows,
		Visibility:  s.visibility,
		Rebuilder:   s.visibility,
		Backups:     backupDoor(s.backups),
		Nexus:       s.dispatcher,
		Config:      s.settings.Config(),
		LongPoll:    options.rest(),
		Logger:      s.logger,
		Auth:        s.auth,
		Cluster: frontend.Cluster{
			Version:     Version,
			ReleaseTime: releaseTime,
			ID:          clusterID,
			Shards:      s.store.Shards,
			StoreName:   storeName,
			Address:     s.Address(),
		},
		Observer: s.telemetry.calls(),
		Failure:  func(error) { s.health.set(false) },
	})
	s.tellRecovery(began)
	s.openDoors(options)
	s.telemetry.watch(s, options)
	s.startBatches()
	if err := s.serveNodes(ctx, options); err != nil {
		return err
	}
	return s.serveHTTP(options)
}

// ClientConn is the way in from inside the process. It needs no closing.
func (s *Server) ClientConn() grpc.ClientConnInterface { return s.local }

// Namespaces are the names of all namespaces, in order.
func (s *Server) Namespaces() []string {
	var names []string
	for _, ns := range s.namespaces.List("", 10_000, false) {
		names = append(names, ns.Name)
	}
	return slices.Clip(names)
}

// Failed is why the server accepts no more writes, or nil. Such a server has to
// be started anew.
func (s *Server) Failed() error {
	if err := s.outcast.Load(); err != nil {
		return *err
	}
	if s.runtime == nil {
		return nil // it is being started
	}
	return s.runtime.Failed()
}

// unfit is why calls are not answered just now, or nil: the server has failed, or it waits for its store, which
// passes.
func (s *Server) unfit() error {
	if err := s.Failed(); err != nil {
		return err
	}
	if s.node != nil && s.node.Member() != nil && !s.node.Sure() {
		return errNotSure
	}
	if store, ok := s.store.(interface{ Trouble() error }); ok {
		return store.Trouble()
	}
	return nil
}

// errNotSure is why a node answers nothing that is cut off from the store.
var errNotSure = errors.New("the node has not been able to renew its lease in the store, and answers nothing until it has")

// Stop stops the server in order: long polls end with empty replies, calls under
// way finish. When the context ends first, what is left is broken off; what was
// acknowledged is safe in any case. Calls after the first wait for it and return
// the same.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

// HandOver is Stop for a server whose ports stay open for another one (Options.OpenPort): workers answer the workflow tasks that
// they have, and get no others, and clients are told to connect anew before anything ends, so that no call of theirs
// meets a server that stops.
func (s *Server) HandOver(ctx context.Context) error {
	s.stopOnce.Do(func() {
		answers, cancel := context.WithTimeout(ctx, answerTime)
		s.frontend.Park(answers)
		cancel()
		s.sendAway(ctx)
		s.stopErr = s.stop(ctx)
	})
	return s.stopErr
}

func (s *Server) stop(ctx context.Context) error {
	s.health.stop()
	s.leave(ctx)
	s.frontend.Drain()
	s.stopPort(ctx)
	s.closeHTTP(ctx)
	if s.backups != nil {
		s.backups.Stop()
	}
	s.batches.Close()
	local := s.local.close(ctx)
	s.certificates.close()
	s.auth.Close()
	s.settings.Close()
	s.reclaimer.Close()
	s.drainer.Close()
	s.refresher.Close()
	s.callbacks.Close()
	s.nexus.Close()
	s.commander.Load().Close()
	s.matching.Close()
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	defer s.telemetry.close(closeCtx)
	return errors.Join(local, s.visibility.Close(), s.runtime.Close(closeCtx), s.closeNode(closeCtx), s.store.Close())
}

// abandon gives up what a start that failed has begun.
func (s *Server) abandon() error {
	s.closeHTTP(ended())
	s.stopPort(ended())
	if s.batches != nil {
		s.batches.Close()
	}
	s.settings.Close()
	s.namespaces.Close()
	s.deployments.Close()
	s.drainer.Close()
	s.flows.Close()
	s.refresher.Close()
	s.telemetry.close(context.Background())
	s.certificates.close()
	s.auth.Close()
	var errs []error
	if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.reclaimer != nil {
		s.reclaimer.Close()
	}
	if s.callbacks != nil {
		s.callbacks.Close()
	}
	if s.nexus != nil {
		s.nexus.Close()
	}
	s.commander.Load().Close()
	if s.matching != nil {
		s.matching.Close()
	}
	if s.visibility != nil {
		errs = append(errs, s.visibility.Close())
	}
	if s.runtime != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		errs = append(errs, s.runtime.Close(ctx), s.closeNode(ctx))
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
