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
	"fmt"
	"log/slog"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"

	"github.com/perdure/perdure/internal/activity"
	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/batch"
	"github.com/perdure/perdure/internal/callback"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/reclaim"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/schedule"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/memory"
	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/taskqueue"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/sqlite"
	"github.com/perdure/perdure/internal/workflow"
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
	// Listen is the host:port of the gRPC API; port 0 picks a free one. Empty: no
	// port.
	Listen string
	// Namespaces are registered if they are not there. "default" always is.
	Namespaces []string
	// SearchAttributes are custom search attributes, by name with their types, that
	// "default" and Namespaces get if they do not have them.
	SearchAttributes map[string]searchattribute.Type
	// Retention of the namespaces registered at start; three days if zero.
	Retention time.Duration
	// CacheBytes is how much memory idle workflows may take; 12 MiB if zero.
	CacheBytes int64
	// DynamicConfigFile is the YAML file of settings that can change while the server
	// runs (package dynamicconfig). DynamicConfig hold whatever it says.
	DynamicConfigFile string
	DynamicConfig     []dynamicconfig.Override
	// DynamicConfigPresets hold unless the file says otherwise.
	DynamicConfigPresets []dynamicconfig.Override
	// Logger gets what operators should know; slog.Default if nil.
	Logger *slog.Logger

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
	visibility *visibility.Indexer
	callbacks  *callback.Deliverer
	batches    *batch.Runner
	reclaimer  *reclaim.Reclaimer
	frontend   *frontend.Service
	health     *health
	local      *inProcess

	listener net.Listener // nil without a port
	grpc     *grpc.Server
	serving  sync.WaitGroup

	stopOnce sync.Once
	stopErr  error
}

// Start starts a server, which answers when Start returns. The context bounds
// the start only.
func Start(ctx context.Context, options Options) (*Server, error) {
	s := &Server{logger: cmp.Or(options.Logger, slog.Default())}
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
	if err := s.start(ctx, options); err != nil {
		return nil, errors.Join(err, s.abandon())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, options Options) (err error) {
	began := time.Now()
	// The port first: whether it is free is known at once. Clients that connect
	// early wait until the server answers.
	if options.Listen != "" {
		if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", options.Listen); err != nil {
			return fmt.Errorf("listen on %s: %w", options.Listen, err)
		}
	}
	storeName, err := s.openStore(options)
	if err != nil {
		return err
	}
	s.matching = matching.New(matching.Options{
		Logger:    s.logger,
		LongPoll:  options.rest(),
		IdleAfter: options.rest(),
		Fair:      s.fairQueue,
		Scaling:   s.scaling,
		Config: taskqueue.Limits(func(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error {
			return s.runtime.View(ctx, key, fn)
		}),
	})
	s.visibility = visibility.New(visibility.Options{
		Files:  visibilityFiles(options),
		Types:  s.searchAttributeTypes,
		Logger: s.logger,
	})
	s.runtime, err = runtime.Open(ctx, runtime.Options{
		Store:      s.store,
		Machines:   machines(s.namespaces, s.workflowConfig(), s.scheduleConfig(), s.activityConfig()),
		Tasks:      s.matching,
		CacheBytes: options.CacheBytes,
		ChangeLog:  true,
		Changed:    s.visibility.Changed,
		ClockCheck: options.rest(),
		CountDue:   countedTimers,
		Logger:     s.logger,
	})
	if err != nil {
		return err
	}
	s.matching.Attach(s.runtime)
	if err := s.namespaces.Open(ctx, s.runtime, options.Retention, options.Namespaces...); err != nil {
		return err
	}
	if err := s.addSearchAttributes(ctx, options); err != nil {
		return err
	}
	clusterID, err := s.clusterID()
	if err != nil {
		return err
	}

	s.visibility.Start(s.runtime)
	s.callbacks = callback.Start(s.runtime, s.matching, s.logger)
	s.reclaimer = reclaim.Start(reclaim.Options{
		Runtime:    s.runtime,
		Namespaces: s.namespaces,
		Kinds:      kindsInNamespaces(),
		Retained:   []entity.Kind{entity.KindWorkflow, entity.KindActivity, entity.KindBatch},
		Rate:       func() int { return dynamicconfig.NamespaceDeleteRate.Get(s.settings.Config()) },
		Logger:     s.logger,
	})
	s.health = newHealth(s.runtime.Failed)
	s.frontend = frontend.New(frontend.Options{
		Runtime:    s.runtime,
		Matching:   s.matching,
		Namespaces: s.namespaces,
		Visibility: s.visibility,
		Rebuilder:  s.visibility,
		Config:     s.settings.Config(),
		LongPoll:   options.rest(),
		Logger:     s.logger,
		Cluster: frontend.Cluster{
			Version:     Version,
			ReleaseTime: releaseTime,
			ID:          clusterID,
			Shards:      s.store.Shards(),
			StoreName:   storeName,
			Address:     s.Address(),
		},
		Failure: func(error) { s.health.set(false) },
	})
	s.tellRecovery(began)
	s.openDoors(options)
	s.startBatches()
	return nil
}

// startBatches starts what carries out batch operations, by calls from inside the process.
func (s *Server) startBatches() {
	config := s.settings.Config()
	s.batches = batch.Start(batch.Options{
		Runtime: s.runtime,
		Tasks:   s.matching,
		Client:  workflowservice.NewWorkflowServiceClient(s.local),
		Namespace: func(id string) (string, bool) {
			ns, err := s.namespaces.ByID(id)
			if err != nil || ns.State == enumspb.NAMESPACE_STATE_DELETED {
				return "", false
			}
			return ns.Name, true
		},
		Rate:        func(namespace string) int { return dynamicconfig.BatchRate.Get(config, namespace) },
		Concurrency: func(namespace string) int { return dynamicconfig.BatchConcurrency.Get(config, namespace) },
		Logger:      s.logger,
	})
}

// openStore opens the store of the options and returns the name of its kind.
func (s *Server) openStore(options Options) (name string, err error) {
	switch {
	case options.Store != nil:
		s.store = options.Store
		return "memory", nil
	case options.DataDir == "":
		s.store = memory.New(0)
		return "memory", nil
	}
	// Not assigned directly: a nil *pebble.Store is no nil storage.Store.
	store, err := pebble.Open(options.DataDir, pebble.Options{NoSync: options.UnsafeNoSync, Logger: s.logger})
	if err != nil {
		return "", err
	}
	s.store = store
	return "pebble", nil
}

// openDoors lets calls in: from inside the process, and by the port if there is
// one.
func (s *Server) openDoors(options Options) {
	s.local = newInProcess(s.frontend.Intercept, check.MaxRequest)
	s.frontend.Register(s.local)
	s.health.register(s.local)
	if s.listener == nil {
		s.health.set(true)
		return
	}
	s.grpc = grpc.NewServer(grpcOptions(s.frontend, cmp.Or(options.handshakeTimeout, handshakeTimeout))...)
	s.frontend.Register(s.grpc)
	s.health.register(s.grpc)
	reflection.Register(s.grpc)
	s.health.set(true)
	s.serving.Go(func() {
		if err := s.grpc.Serve(limitConnections(s.listener)); err != nil {
			s.logger.Error("The server no longer accepts connections; restart it.", "address", s.Address(), "error", err)
		}
	})
}

// visibilityFiles are where the index of workflows is: in memory if the store is.
func visibilityFiles(options Options) sqlite.Files {
	if options.DataDir == "" || options.Store != nil {
		return sqlite.Files{}
	}
	return sqlite.Files{Dir: filepath.Join(options.DataDir, visibility.Dir)}
}

// searchAttributeTypes are the custom search attributes of the namespace with the id.
func (s *Server) searchAttributeTypes(id string) map[string]searchattribute.Type {
	ns, err := s.namespaces.ByID(id)
	if err != nil {
		return nil
	}
	return ns.SearchAttributes
}

// machines are the kinds of entities of this release.
func machines(namespaces *namespace.Registry, workflows workflow.Config, schedules schedule.Config, activities activity.Config) map[entity.Kind]entity.Machine {
	return map[entity.Kind]entity.Machine{
		entity.KindActivity:   activity.NewMachine(activities),
		entity.KindNamespaces: namespaces,
		entity.KindBatch:      batch.Machine{Retention: retention(namespaces)},
		entity.KindCallback:   callback.Machine{},
		entity.KindEndpoints:  endpoint.Machine{},
		entity.KindSchedule:   schedule.NewMachine(schedules),
		entity.KindTaskQueue:  taskqueue.Machine{},
		entity.KindWorkflow:   workflow.NewMachine(workflows),
	}
}

// retention returns a function that tells how long what is closed is kept in a namespace; 0
// if that is not known.
func retention(namespaces *namespace.Registry) func(id string) time.Duration {
	return func(id string) time.Duration {
		ns, err := namespaces.ByID(id)
		if err != nil {
			return 0
		}
		return ns.Retention
	}
}

// Machines are the kinds of entities of this release, for whoever reads their
// records without running them.
func Machines() map[entity.Kind]entity.Machine {
	return machines(namespace.New(nil), workflow.Config{}, schedule.Config{}, activity.Config{})
}

// kindsInNamespaces are the kinds of entities that are in namespaces, workflows first:
// they make others.
func kindsInNamespaces() []entity.Kind {
	kinds := []entity.Kind{entity.KindWorkflow}
	for _, kind := range slices.Sorted(maps.Keys(Machines())) {
		if kind != entity.KindWorkflow && !kind.Global() {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// workflowConfig tells the state machine of workflows about namespaces and settings.
func (s *Server) workflowConfig() workflow.Config {
	config := s.settings.Config()
	limits := dynamicconfig.Derive(config, workflow.ReadLimits)
	convert := func(ns *namespace.Namespace, err error) (workflow.Namespace, bool) {
		if err != nil {
			return workflow.Namespace{}, false
		}
		known := workflow.Namespace{ID: ns.ID, Name: ns.Name, Retention: ns.Retention, Rules: ns.Rules, Deleted: ns.State == enumspb.NAMESPACE_STATE_DELETED}
		if bad := ns.BadBinaries; len(bad) > 0 {
			known.BadBinary = func(checksum string) bool { _, is := bad[checksum]; return is }
		}
		return known, true
	}
	return workflow.Config{
		LimitsOf: func(id string) *workflow.Limits {
			return limits.Get(func() string {
				ns, _ := convert(s.namespaces.ByID(id))
				return ns.Name
			})
		},
		Namespace:       func(id string) (workflow.Namespace, bool) { return convert(s.namespaces.ByID(id)) },
		NamespaceByName: func(name string) (workflow.Namespace, bool) { return convert(s.namespaces.ByName(name)) },
		CheckSearchAttributes: func(id string, attributes *commonpb.SearchAttributes) error {
			ns, err := s.namespaces.ByID(id)
			if err != nil {
				return err
			}
			return searchattribute.Check(ns.Name, ns.SearchAttributes, attributes, dynamicconfig.SearchAttributeKeys.Get(config, ns.Name))
		},
	}
}

// scheduleConfig tells the state machine of schedules about namespaces and settings.
func (s *Server) scheduleConfig() schedule.Config {
	name := func(id string) string {
		ns, err := s.namespaces.ByID(id)
		if err != nil {
			return ""
		}
		return ns.Name
	}
	pacer := &schedule.Pacer{Rate: func(id string) float64 {
		return dynamicconfig.ScheduleStartRate.Get(s.settings.Config(), name(id))
	}}
	return schedule.Config{NamespaceName: name, StartDelay: pacer.StartDelay}
}

// activityConfig tells the state machine of activities without a workflow about
// namespaces and settings.
func (s *Server) activityConfig() activity.Config {
	limits := dynamicconfig.Derive(s.settings.Config(), activity.ReadLimits)
	return activity.Config{
		Namespace: func(id string) (activity.Namespace, bool) {
			ns, err := s.namespaces.ByID(id)
			if err != nil {
				return activity.Namespace{}, false
			}
			return activity.Namespace{Name: ns.Name, Retention: ns.Retention}, true
		},
		Limits: func(id string) *activity.Limits {
			return limits.Get(func() string {
				ns, err := s.namespaces.ByID(id)
				if err != nil {
					return ""
				}
				return ns.Name
			})
		},
	}
}

// fairQueue reports whether a task queue is fair between fairness keys.
func (s *Server) fairQueue(queue entity.Queue) bool {
	ns, err := s.namespaces.ByID(queue.Namespace)
	if err != nil {
		return dynamicconfig.Fairness.Default()
	}
	return dynamicconfig.Fairness.Get(s.settings.Config(), ns.Name, queue.Name, taskqueue.QueueType(queue.Type))
}

// scaling says when the pollers of a task queue are to be more or less.
func (s *Server) scaling(queue entity.Queue) matching.Scaling {
	ns, err := s.namespaces.ByID(queue.Namespace)
	if err != nil {
		return matching.DefaultScaling
	}
	config, queueType := s.settings.Config(), taskqueue.QueueType(queue.Type)
	return matching.Scaling{
		DownAfter:    dynamicconfig.ScalingWait.Get(config, ns.Name, queue.Name, queueType),
		UpAge:        dynamicconfig.ScalingAge.Get(config, ns.Name, queue.Name, queueType),
		UpRatio:      dynamicconfig.ScalingRatio.Get(config, ns.Name, queue.Name, queueType),
		UpsPerSecond: dynamicconfig.ScalingRate.Get(config, ns.Name, queue.Name, queueType),
	}
}

// addSearchAttributes defines the search attributes of the options.
func (s *Server) addSearchAttributes(ctx context.Context, options Options) error {
	if len(options.SearchAttributes) == 0 {
		return nil
	}
	for _, name := range append([]string{namespace.Default}, options.Namespaces...) {
		if err := s.namespaces.AddSearchAttributes(ctx, name, options.SearchAttributes); err != nil {
			return fmt.Errorf("defining search attributes of namespace %q: %w", name, err)
		}
	}
	return nil
}

// clusterID identifies the data this server runs on: the id of the namespace
// that has been there from their first day on.
func (s *Server) clusterID() (string, error) {
	ns, err := s.namespaces.ByName(namespace.Default)
	if err != nil {
		return "", fmt.Errorf("reading the cluster's id: %w", err)
	}
	return ns.ID, nil
}

// Address is the host:port of the gRPC API, or "" without a port.
func (s *Server) Address() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
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
func (s *Server) Failed() error { return s.runtime.Failed() }

// Stop stops the server in order: long polls end with empty replies, calls under
// way finish. When the context ends first, what is left is broken off; what was
// acknowledged is safe in any case. Calls after the first wait for it and return
// the same.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

func (s *Server) stop(ctx context.Context) error {
	s.health.stop()
	s.frontend.Drain()
	if s.grpc != nil {
		graceful := make(chan struct{})
		go func() {
			s.grpc.GracefulStop()
			close(graceful)
		}()
		select {
		case <-graceful:
		case <-ctx.Done():
			s.grpc.Stop()
			<-graceful
		}
		s.serving.Wait()
	}
	s.batches.Close()
	local := s.local.close(ctx)
	s.settings.Close()
	s.reclaimer.Close()
	s.callbacks.Close()
	s.matching.Close()
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return errors.Join(local, s.visibility.Close(), s.runtime.Close(closeCtx), s.store.Close())
}

// abandon gives up what a start that failed has begun.
func (s *Server) abandon() error {
	s.settings.Close()
	s.namespaces.Close()
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
	if s.matching != nil {
		s.matching.Close()
	}
	if s.visibility != nil {
		errs = append(errs, s.visibility.Close())
	}
	if s.runtime != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		errs = append(errs, s.runtime.Close(ctx))
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
