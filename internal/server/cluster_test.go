package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/memory"
)

// nodes are servers in one process that share a store in memory, and talk to each other over
// the network.
type nodes struct {
	t       *testing.T
	store   *memory.Store
	servers []*server.Server
	next    atomic.Int64
	options server.Options
	named   sync.Map // servers by the ids of their nodes
	// rewire, if it is set, changes what a node is told of the others.
	rewire func(node cluster.NodeID, others []cluster.Node)
}

// clusterOf starts so many nodes, and waits until each has its share of the shards.
func clusterOf(t *testing.T, count int, options server.Options) *nodes {
	t.Helper()
	c := &nodes{t: t, store: memory.New(16), options: options}
	c.startAll(count)
	return c
}

// startAll starts so many nodes, the first ones, and waits until each has its share of the shards.
func (c *nodes) startAll(count int) {
	c.t.Helper()
	t := c.t
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		for _, s := range c.servers {
			if err := s.Stop(ctx); err != nil {
				t.Errorf("stopping a node: %v", err)
			}
		}
	})
	// All at once: each takes its own share, and none has to be moved.
	gate := &together{count: count, all: make(chan struct{})}
	started := make([]*server.Server, count)
	var starting sync.WaitGroup
	for i := range count {
		starting.Go(func() { started[i] = c.start(gate) })
	}
	starting.Wait()
	if slices.Contains(started, nil) {
		t.FailNow()
	}
	c.servers = started
	c.settle(count)
}

// together has the first renewals of some nodes end when all of them are known.
type together struct {
	mu    sync.Mutex
	known map[cluster.NodeID]bool
	count int
	all   chan struct{}
}

// gatedNode is the store of a node that waits for others.
type gatedNode struct {
	*memory.Node
	gate   *together
	rewire func([]cluster.Node)
}

// Renew implements cluster.Directory.
func (n gatedNode) Renew(ctx context.Context, node cluster.Node, ttl time.Duration) (cluster.Membership, error) {
	m, err := n.renew(ctx, node, ttl)
	n.rewire(m.Nodes)
	return m, err
}

// Members implements cluster.Directory.
func (n gatedNode) Members(ctx context.Context) (cluster.Membership, error) {
	m, err := n.Node.Members(ctx)
	n.rewire(m.Nodes)
	return m, err
}

func (n gatedNode) renew(ctx context.Context, node cluster.Node, ttl time.Duration) (cluster.Membership, error) {
	m, err := n.Node.Renew(ctx, node, ttl)
	select {
	case <-n.gate.all:
		return m, err
	default:
	}
	if err != nil {
		return m, err
	}
	n.gate.mu.Lock()
	if n.gate.known == nil {
		n.gate.known = make(map[cluster.NodeID]bool)
	}
	if before := len(n.gate.known); before < n.gate.count {
		if n.gate.known[node.ID] = true; before+1 == n.gate.count && len(n.gate.known) == n.gate.count {
			close(n.gate.all)
		}
	}
	n.gate.mu.Unlock()
	select {
	case <-n.gate.all:
		return n.Node.Renew(ctx, node, ttl)
	case <-ctx.Done():
		return m, ctx.Err()
	}
}

// add starts another node.
func (c *nodes) add() *server.Server {
	c.t.Helper()
	s := c.start(nil)
	if s == nil {
		c.t.FailNow()
	}
	c.servers = append(c.servers, s)
	return s
}

// start starts a node; nil if that fails.
func (c *nodes) start(gate *together) *server.Server {
	c.t.Helper()
	id := cluster.NodeID(fmt.Sprintf("node-%d", c.next.Add(1)))
	options := c.options
	if options.Logger == nil {
		options.Logger = slog.New(slog.NewTextHandler(testWriter{c.t}, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	options.Cluster = server.ClusterOptions{PeerAddress: "127.0.0.1:0", NodeName: string(id), ID: id}
	store := storage.Store(c.store.Node(id))
	if gate != nil {
		store = gatedNode{c.store.Node(id), gate, func(others []cluster.Node) {
			if c.rewire != nil {
				c.rewire(id, others)
			}
		}}
	}
	s, err := server.Start(c.t.Context(), server.WithStore(options, store))
	if err != nil {
		c.t.Error(err)
		return nil
	}
	c.named.Store(id, s)
	return s
}

// settle waits until so many nodes hold all shards, each of them some.
func (c *nodes) settle(count int) {
	c.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		m, err := c.store.Node("operator").Members(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		holders := make(map[cluster.NodeID]bool)
		for _, holder := range m.Holders {
			holders[holder] = true
		}
		placed := cluster.Place(m.Nodes, len(m.Holders))
		settled := len(m.Nodes) == count
		for shard, holder := range m.Holders {
			settled = settled && placed[shard] == holder
		}
		if settled && !holders[""] {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%d nodes hold the shards %v", len(m.Nodes), m.Holders)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Invoke implements grpc.ClientConnInterface: each call goes to the next node.
func (c *nodes) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	s := c.servers[int(c.next.Add(1))%len(c.servers)]
	return s.ClientConn().Invoke(ctx, method, args, reply, options...)
}

// NewStream implements grpc.ClientConnInterface.
func (c *nodes) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("no streams")
}

// bench is a client that spreads its calls over all nodes.
func (c *nodes) bench() *bench {
	return &bench{c.t, c.servers[0], workflowservice.NewWorkflowServiceClient(c)}
}

// ofOneNode begin the names of tests that need one server. The nodes of these tests have a store in memory, beside which each has
// an index of its own, which real nodes share; and metrics and traces are those of a node.
var ofOneNode = []string{
	"TestABatchOperation", "TestBatchOperations", "TestTheSameSignalOfTwoBatchOperations", "TestWhatABatchOperationCannotDo",
	"TestAVersionDrains", "TestAnImport", "TestAnIndex", "TestAnOperationWithoutAWorkflowIsRunAndListed", "TestADeletedWorkflowIsFoundNoMore",
	"TestListsOfOpenAndClosedWorkflows", "TestPageTokens", "TestWorkflowIdsOfAnyKindAreFound", "TestWorkflowsAreCountedInGroups",
	"TestMetrics", "TestNamespacesBeyondTheBound", "TestOpenMetrics", "TestSpans", "TestTasksThatNobodyPollsFor",
}

// testNodes is how many nodes a server of a test is: with PERDURE_TEST_NODES=3 in the environment, tests
// that use start run on three, but for those that look at what each node has of its own.
func testNodes(t *testing.T, options server.Options) int {
	count, _ := strconv.Atoi(os.Getenv("PERDURE_TEST_NODES"))
	for _, prefix := range ofOneNode {
		if strings.HasPrefix(t.Name(), prefix) {
			return 0
		}
	}
	if options.DataDir != "" || options.Store != nil || options.VirtualTime || options.Listen != "" || len(options.SearchAttributes) > 0 {
		return 0
	}
	return count
}

func TestAnyNodeTakesAnyCall(t *testing.T) {
	b := clusterOf(t, 3, server.Options{}).bench()
	const workflows = 24
	for i := range workflows {
		b.startWorkflow(fmt.Sprint("w", i))
	}
	for range workflows {
		b.complete(b.pollWorkflow(), scheduleActivity("a"))
	}
	for range workflows {
		activity := b.pollActivity()
		if _, err := b.client.RespondActivityTaskCompleted(b.ctx(), &workflowservice.RespondActivityTaskCompletedRequest{TaskToken: activity.GetTaskToken(), Result: payload("paid")}); err != nil {
			t.Fatal(err)
		}
	}
	for range workflows {
		b.complete(b.pollWorkflow(), completeWorkflow("done"))
	}
	for i := range workflows {
		events := b.history(fmt.Sprint("w", i))
		if n := len(events); n != 11 || events[n-1].GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED {
			t.Errorf("workflow %d has %d events", i, n)
		}
	}
}

func TestAQueryIsAnsweredByAWorkerOfAnotherNode(t *testing.T) {
	b := clusterOf(t, 3, server.Options{}).bench()
	for i := range 6 {
		id := fmt.Sprint("w", i)
		b.startWorkflow(id)
		b.complete(b.pollWorkflow())
		answered := make(chan string, 1)
		go func() {
			resp, err := b.client.QueryWorkflow(b.ctx(), &workflowservice.QueryWorkflowRequest{Namespace: ns, Execution: execution(id), Query: &querypb.WorkflowQuery{QueryType: "state"}})
			answered <- text(resp.GetQueryResult()) + fmt.Sprint(err)
		}()
		task := b.pollWorkflow()
		if task.GetQuery().GetQueryType() != "state" || task.GetWorkflowExecution().GetWorkflowId() != id {
			t.Fatalf("got %v", task)
		}
		if _, err := b.client.RespondQueryTaskCompleted(b.ctx(), &workflowservice.RespondQueryTaskCompletedRequest{Namespace: ns,
			TaskToken: task.GetTaskToken(), CompletedType: enumspb.QUERY_RESULT_TYPE_ANSWERED, QueryResult: payload("waiting")}); err != nil {
			t.Fatal(err)
		}
		if got := <-answered; got != "waiting<nil>" {
			t.Errorf("the query was answered %v", got)
		}
	}
}

func TestWorkflowsGoOnWhenNodesComeAndLeave(t *testing.T) {
	c := clusterOf(t, 2, server.Options{})
	b := c.bench()
	const workflows = 12
	for i := range workflows {
		b.startWorkflow(fmt.Sprint("w", i))
	}
	c.add()
	for range workflows {
		b.complete(b.pollWorkflow(), startTimer("t", time.Millisecond))
	}
	c.settle(3)
	leaving := c.servers[0]
	c.servers = c.servers[1:]
	if err := leaving.Stop(b.ctx()); err != nil {
		t.Error(err)
	}
	c.settle(2)
	for range workflows {
		b.complete(b.pollWorkflow(), completeWorkflow("done"))
	}
}

func TestAStoreOfOneServerMakesNoCluster(t *testing.T) {
	_, err := server.Start(t.Context(), server.Options{Cluster: server.ClusterOptions{PeerAddress: "127.0.0.1:0"}})
	if err == nil || !strings.Contains(err.Error(), "--store postgres") {
		t.Errorf("got %v", err)
	}
}

// admin is the AdminService of the nodes, one after the other.
func (c *nodes) admin() admin.Client { return admin.Client{Conn: c} }

// described waits until what operators see of the cluster is as wanted.
func (c *nodes) described(want string, is func(*admin.DescribeClusterResponse) bool) *admin.DescribeClusterResponse {
	c.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		state, err := c.admin().DescribeCluster(c.t.Context(), &admin.DescribeClusterRequest{})
		if err != nil {
			c.t.Fatal(err)
		}
		if is(state) {
			return state
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("waiting for %s, the cluster is %v", want, state)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestAnyNodeTellsOfAllNodes(t *testing.T) {
	c := clusterOf(t, 3, server.Options{})
	for range 3 {
		state := c.described("nodes that reach each other", func(state *admin.DescribeClusterResponse) bool {
			reached := true
			for _, n := range state.GetNodes() {
				reached = reached && n.GetUnreachable() == "" && len(n.GetCutOff()) == 0
			}
			return reached
		})
		held, placed := int32(0), int32(0)
		var names []string
		for _, n := range state.GetNodes() {
			names = append(names, n.GetName())
			held, placed = held+n.GetShards(), placed+n.GetShardsPlaced()
			if n.GetLeaseMs() <= 0 || n.GetMoves().GetAcquired() < int64(n.GetShards()) || n.GetVersion() != server.Version {
				t.Errorf("a node tells %v", n)
			}
		}
		if !slices.Equal(names, []string{"node-1", "node-2", "node-3"}) || held != 16 || placed != 16 || state.GetShards() != 16 || state.GetShardsFree() != 0 {
			t.Errorf("the cluster is %v", state)
		}
	}
}

func TestANodeThatIsDrainedGivesAllItHasAwayAndTakesItsShareWhenThatIsTakenBack(t *testing.T) {
	c := clusterOf(t, 3, server.Options{})
	drain := func(node string, undrain bool) error {
		_, err := c.admin().DrainNode(t.Context(), &admin.DrainNodeRequest{Node: node, Undrain: undrain})
		return err
	}
	if err := drain("node-2", false); err != nil {
		t.Fatal(err)
	}
	c.described("a drained node", func(state *admin.DescribeClusterResponse) bool {
		n := state.GetNodes()[1]
		return n.GetDraining() && n.GetShards() == 0 && n.GetShardsPlaced() == 0 && state.GetShardsFree() == 0
	})
	b := c.bench()
	for i := range 12 { // through the drained node, too
		b.startWorkflow(fmt.Sprint("w", i))
	}
	if err := drain("node-2", true); err != nil {
		t.Fatal(err)
	}
	c.described("a node with its share", func(state *admin.DescribeClusterResponse) bool {
		n := state.GetNodes()[1]
		return !n.GetDraining() && n.GetShards() > 0 && n.GetShards() == n.GetShardsPlaced()
	})
	if err := drain("node-9", false); status.Code(err) != codes.NotFound {
		t.Errorf("draining a node that is not there: %v", err)
	}
	if err := drain("", false); status.Code(err) != codes.InvalidArgument {
		t.Errorf("draining no node: %v", err)
	}
}

func TestAServerThatIsAloneHasNoNodes(t *testing.T) {
	client := admin.Client{Conn: start(t, server.Options{Listen: "127.0.0.1:0"}).server.ClientConn()}
	_, err := client.DescribeCluster(t.Context(), &admin.DescribeClusterRequest{})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("describing: %v", err)
	}
	_, err = client.DrainNode(t.Context(), &admin.DrainNodeRequest{Node: "n"})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("draining: %v", err)
	}
}

func TestADeletedNamespaceIsEmptiedByAllNodes(t *testing.T) {
	b := clusterOf(t, 3, server.Options{}).bench()
	for i := range 24 {
		b.startWorkflow(fmt.Sprint("w", i))
	}
	id := b.namespaceID()
	if _, err := b.operator().DeleteNamespace(b.ctx(), &operatorservice.DeleteNamespaceRequest{Namespace: ns}); err != nil {
		t.Fatal(err)
	}
	b.awaits("the namespace is gone", func() bool {
		_, code := b.describeNamespace(&workflowservice.DescribeNamespaceRequest{Id: id})
		return code == codes.NotFound
	})
}

func TestTheNodeOfADeploymentKnowsWhoPollsQueuesThatAreAtHomeElsewhere(t *testing.T) {
	b := clusterOf(t, 3, server.Options{}).bench()
	b.registers("1")
	_, err := b.client.DeleteWorkerDeploymentVersion(b.ctx(), &workflowservice.DeleteWorkerDeploymentVersionRequest{Namespace: ns, DeploymentVersion: versionOf("1")})
	if code := status.Code(err); code != codes.FailedPrecondition {
		t.Errorf("a version with pollers is deleted: %v", err)
	}
}
