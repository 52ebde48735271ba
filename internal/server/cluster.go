package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/peer"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage/format"
)

// ClusterOptions make a server one of the nodes of a cluster. The zero value is a server
// alone.
type ClusterOptions struct {
	// PeerAddress is the host:port where other nodes reach this one; port 0 picks a free
	// one. Empty: there are no other nodes.
	PeerAddress string
	// PeerListen is the host:port to listen on, if it is another one.
	PeerListen string
	// NodeName is what operators call the node; PeerAddress if empty. Shards are placed by
	// it: a node that comes back under its name gets those that it had.
	NodeName string
	// TLS says how nodes know each other.
	TLS peer.TLS
	// ID is the id of the node, for tests that open the store of a node themselves; made up
	// if empty.
	ID cluster.NodeID
}

// enabled reports whether the server is one of several nodes.
func (o *ClusterOptions) enabled() bool { return o.PeerAddress != "" }

// leave gives the shards of the node to the others, for which there is half the time.
func (s *Server) leave(ctx context.Context) {
	if s.node == nil {
		return
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
	}
	s.node.Leave(ctx)
}

// closeNode ends the membership. It does nothing if there is none.
func (s *Server) closeNode(ctx context.Context) error {
	if s.node == nil {
		return nil
	}
	if s.stopRegistries != nil {
		s.stopRegistries()
		s.registries.Wait()
	}
	return s.node.Close(ctx)
}

// complete makes up an id for this run of a node.
func (o *ClusterOptions) complete() {
	if o.enabled() && o.ID == "" {
		o.ID = cluster.NodeID(rand.Text())
	}
}

// errNotShared is reported for a store that one process uses alone.
var errNotShared = errors.New("the store is that of one server; a cluster needs one that its nodes share, such as PostgreSQL (--store postgres)")

// openNode makes the server a node that listens for others, if it is to be one.
func (s *Server) openNode(ctx context.Context, options Options) (err error) {
	if !options.Cluster.enabled() {
		return nil
	}
	directory, ok := s.store.(cluster.Directory)
	if !ok {
		return errNotShared
	}
	present := format.Present()
	name := options.Cluster.NodeName
	if name == "" {
		name = options.Cluster.PeerAddress
	}
	s.reclaimed.Registry, s.reclaimed.server = s.namespaces, s
	s.node, err = peer.New(ctx, peer.Options{
		Self: cluster.Node{
			ID:      options.Cluster.ID,
			Name:    name,
			Address: options.Cluster.PeerAddress,
			Version: Version,
			Format:  int(present.Version()),
			Splits:  true,
		},
		Listen:        options.Cluster.PeerListen,
		Directory:     directory,
		Matching:      s.matching,
		TLS:           options.Cluster.TLS,
		Load:          processorLoad(),
		Changed:       func(*cluster.View) { s.deployments.LookAgain() },
		News:          s.news.post,
		Routes:        s.deployments.Routes,
		CatchUp:       s.visibility.CatchUp,
		Retained:      s.reclaimed.has,
		Heard:         s.heard,
		HotPolls:      s.hotPolls,
		VisibilityLag: func() time.Duration { return s.visibility.Stats().Lag },
		Failed:        func(err error) { s.outcast.Store(&err); s.health.set(false) },
		Logger:        s.logger,
	})
	return err
}

// share has the runtime hold the shards that the cluster gives it.
func (s *Server) share(options *runtime.Options) {
	if s.node != nil {
		options.Shared, options.Sure, options.Remote, options.Tasks = true, s.node.Sure, s.node, s.node.Tasks()
		options.Written = s.announce
		options.Splitting = s.visibility.Splitting
	}
}

// join makes the server one of the cluster, if there is one, and matching and the namespaces
// ready.
func (s *Server) join(ctx context.Context, options Options) error {
	if s.node == nil {
		s.matching.Attach(s.runtime)
		if err := s.namespaces.Open(ctx, s.runtime, options.Retention, options.Namespaces...); err != nil {
			return err
		}
		return errors.Join(s.openDeployments(ctx), s.openFlows(ctx), s.addSearchAttributes(ctx, options))
	}
	s.node.Attach(s.runtime)
	s.deployments.Share(peeker{s.runtime}, func(namespaceID string) { s.node.Changed(deployment.Key(namespaceID)) })
	s.matching.Attach(s.node.Source())
	s.matching.Share(s.node)
	if err := s.node.Join(ctx); err != nil {
		return err
	}
	return errors.Join(s.namespaces.OpenShared(ctx, s.runtime, options.Retention), s.openDeployments(ctx), s.openFlows(ctx))
}

// queues are the task queues as handlers have them.
func (s *Server) queues() frontend.Matching {
	if s.node == nil {
		return s.matching
	}
	return s.node.Queues()
}

// others has the other nodes bring what they know into the index of workflows; nil if there are none.
func (s *Server) others(options Options) func(context.Context) {
	if !options.Cluster.enabled() {
		return nil
	}
	return func(ctx context.Context) { s.node.CatchUpOthers(ctx) }
}

// elsewhere are the other nodes as handlers have them; nil if there are none.
func (s *Server) elsewhere() frontend.Elsewhere {
	if s.node == nil {
		return nil // not a nil *peer.Node
	}
	return s.node
}

// nodes are the nodes as operators see them; nil if there are none.
func (s *Server) nodes() frontend.Nodes {
	if s.node == nil {
		return nil // not a nil *peer.Node
	}
	return s.node
}

// processorLoad returns a function that tells how many processors this process has kept busy
// since it was called last.
func processorLoad() func() float64 {
	began, used := time.Now(), processorTime()
	return func() float64 {
		now, next := time.Now(), processorTime()
		elapsed := now.Sub(began)
		if elapsed <= 0 {
			return 0
		}
		load := float64(next-used) / float64(elapsed)
		began, used = now, next
		return load
	}
}

// serveNodes answers other nodes from now on.
func (s *Server) serveNodes(ctx context.Context, options Options) error {
	if s.node == nil {
		return nil
	}
	inside := newInProcess(s.frontend.InterceptForwarded, check.MaxRequest)
	s.frontend.Register(inside)
	s.node.Serve(s.frontend.Register, s.frontend.InterceptForwarded, inside)
	background, cancel := context.WithCancel(context.Background())
	s.stopRegistries = cancel
	s.registries.Go(func() { s.followRegistries(background) })
	return s.registerNamespaces(ctx, options)
}

// peeker looks at entities wherever they are held.
type peeker struct{ *runtime.Runtime }

// View implements deployment.Viewer.
func (p peeker) View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error {
	return p.Peek(ctx, key, func(e entity.Entity) error { return fn(e, nil) })
}

// news is where a node is told that another one may have changed what all look up.
type news chan struct{} // of capacity 1

func (n news) post() {
	select {
	case n <- struct{}{}:
	default:
	}
}

// announce tells the other nodes of a change of what all look up. Of worker deployments these hear from their registry,
// which knows which changes matter.
func (s *Server) announce(key entity.Key) {
	switch key.Kind {
	case entity.KindNamespaces, entity.KindEndpoints, entity.KindFlowPolicies:
		s.node.Changed(key)
		s.node.Announce()
	}
}

// heard takes up what another node has changed.
func (s *Server) heard(ctx context.Context, changed *peer.Changed) (err error) {
	if changed.GetNamespaces() { // first: the policies of those that are known are read
		err = s.namespaces.Refresh(ctx)
	}
	if changed.GetEndpoints() {
		err = errors.Join(err, s.readEndpoints(ctx))
	}
	if ids := changed.GetFlowPoliciesOf(); len(ids) > 0 {
		err = errors.Join(err, s.flows.Open(ctx, peeker{s.runtime}, ids))
	}
	for _, id := range changed.GetDeploymentsOf() {
		err = errors.Join(err, s.deployments.Refresh(ctx, id))
	}
	return err
}

const (
	// followEvery is how often a node reads what another one changes and all have to know, if nobody tells it that
	// something has been changed; and followAgain how soon it tries again when it could not.
	followEvery, followAgain = 30 * time.Second, time.Second
	// readTimeout bounds one reading.
	readTimeout = 2 * time.Second
	// Of worker deployments the directory does not tell. A node reads those that it knows with the rest, and
	// those of all namespaces so many readings apart: it may not have been reached.
	readAll = 10
)

// followRegistries keeps what every node looks up as the nodes that hold it have left it.
func (s *Server) followRegistries(ctx context.Context) {
	timer := time.NewTimer(followEvery)
	defer timer.Stop()
	for ticks := 1; ; {
		select {
		case <-timer.C:
			if ticks++; ticks%readAll == 0 {
				s.eachNamespace(func(id string) error { s.refreshDeployments(ctx, id); return ctx.Err() })
			} else {
				for _, id := range s.deployments.Known() {
					s.refreshDeployments(ctx, id)
				}
			}
		case <-s.news:
		case <-ctx.Done():
			return
		}
		rest := followEvery
		// The namespaces first: the policies of those that are known are read.
		if err := errors.Join(s.namespaces.Refresh(ctx), s.readFlows(ctx), s.readEndpoints(ctx)); err != nil && ctx.Err() == nil {
			s.logger.Warn("What another node has changed could not be read; it is tried again.", "error", err)
			rest = followAgain
		}
		timer.Reset(rest)
	}
}

// readFlows takes up what other nodes have changed of the policies of flow control.
func (s *Server) readFlows(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return s.openFlows(ctx)
}

// readEndpoints takes up what another node has changed of the Nexus endpoints.
func (s *Server) readEndpoints(ctx context.Context) error {
	if s.runtime.Holds(endpoint.Key) {
		return nil // they are up to date by themselves
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return s.runtime.Peek(ctx, endpoint.Key, func(entity.Entity) error { return nil })
}

// refreshDeployments takes up what another node has changed of the worker deployments of a namespace.
func (s *Server) refreshDeployments(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := s.deployments.Refresh(ctx, id); err != nil && ctx.Err() == nil {
		s.logger.Warn("The worker deployments could not be read; it is tried again.", "error", err)
	}
}

// registerNamespaces registers the namespaces of the options, wherever they are kept.
func (s *Server) registerNamespaces(ctx context.Context, options Options) error {
	client := workflowservice.NewWorkflowServiceClient(s.local)
	retention := options.Retention
	if retention == 0 {
		retention = 72 * time.Hour
	}
	for _, name := range options.Namespaces {
		if _, err := s.namespaces.ByName(name); err == nil {
			continue
		}
		_, err := client.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(retention)})
		var exists *serviceerror.NamespaceAlreadyExists
		if err = serviceerror.FromStatus(status.Convert(err)); err != nil && !errors.As(err, &exists) {
			return fmt.Errorf("registering namespace %q: %w", name, err)
		}
	}
	return nil
}
