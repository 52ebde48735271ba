package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage/pebble"
	"github.com/perdure/perdure/internal/visibility"
)

// State is what the parts of a server say of themselves when they are asked. What is nil is not
// there.
type State struct {
	// Ready is nil if the server is ready, else why it is not.
	Ready      func() error
	Failed     func() error
	Namespaces func() int
	LongPolls  func() int
	Runtime    func() runtime.Stats
	Queues     func(visit func(matching.QueueStats))
	// Flows visits the policies of flow control with how many wait for them here.
	Flows func(visit func(namespaceID, policy string, n int64))
	Index func() visibility.Stats
	Store func() (stats pebble.Stats, ok bool)
	// Cluster is that of several nodes.
	Cluster func() cluster.Stats
	// IndexBytes is what the index takes of the disk.
	IndexBytes func() int64
}

// Watch asks the parts of a server for their state whenever the metrics are read. It is to be
// called once.
func (t *Telemetry) Watch(state State) { t.registry.MustRegister(&collector{t, state}) }

// collector makes metrics of a State; it implements prometheus.Collector.
type collector struct {
	t     *Telemetry
	state State
}

// Describe implements prometheus.Collector: it says nothing, as there may be nothing to tell of some
// metrics.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// samples are metrics on their way to whoever reads them.
type samples chan<- prometheus.Metric

func (s samples) add(m *metric, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if m.kind == counter {
		kind = prometheus.CounterValue
	}
	desc := prometheus.NewDesc(m.name, m.help, m.labels, m.constLabels())
	s <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
}

func (s samples) addBool(m *metric, value bool) {
	if value {
		s.add(m, 1)
	} else {
		s.add(m, 0)
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s, state := samples(to), &c.state
	if state.Ready != nil {
		s.addBool(&serverReady, state.Ready() == nil)
	}
	if state.Failed != nil {
		s.addBool(&storeFailed, state.Failed() != nil)
	}
	if state.Namespaces != nil {
		s.add(&namespaceSize, float64(state.Namespaces()))
	}
	if state.LongPolls != nil {
		s.add(&longPolls, float64(state.LongPolls()))
	}
	if state.Runtime != nil {
		s.runtime(state.Runtime())
	}
	if state.Cluster != nil {
		s.cluster(state.Cluster())
	}
	if state.Queues != nil {
		c.queues(s)
	}
	if state.Flows != nil {
		c.flows(s)
	}
	if state.Index != nil {
		s.index(state.Index())
	}
	if state.IndexBytes != nil {
		s.add(&indexSize, float64(state.IndexBytes()))
	}
	if state.Store != nil {
		if stats, ok := state.Store(); ok {
			s.store(stats)
		}
	}
}

func (s samples) runtime(r runtime.Stats) {
	s.add(&shardsHeld, float64(r.Shards))
	s.add(&entities, float64(r.Entities))
	s.add(&entityCacheSize, float64(r.CacheBytes))
	s.add(&entityCacheMost, float64(r.CacheLimit))
	s.add(&cacheHits, float64(r.CacheHits))
	s.add(&cacheMisses, float64(r.CacheMisses))
	s.add(&timers, float64(r.Timers))
	s.add(&timersOverdue, r.TimersLate.Seconds())
	s.add(&runtimeWork, float64(r.Work))
	s.add(&outboxMessages, float64(r.Messages))
	s.add(&outboxSpilled, float64(r.OutboxesSpilled))
	s.add(&outboxStuck, float64(r.MessagesStuck))
}

func (s samples) cluster(c cluster.Stats) {
	s.add(&clusterNodes, float64(c.Nodes))
	s.add(&clusterCutOff, float64(c.CutOff))
	s.add(&clusterPlaced, float64(c.Placed))
	s.add(&clusterFree, float64(c.Free))
	s.add(&clusterLease, c.Lease.Seconds())
	s.add(&clusterSkew, c.Skew.Seconds())
	s.add(&clusterMoves, float64(c.Moves.Acquired), "acquired")
	s.add(&clusterMoves, float64(c.Moves.Released), "released")
	s.add(&clusterMoves, float64(c.Moves.Lost), "lost")
	s.add(&clusterMoves, float64(c.Moves.Abandoned), "abandoned")
	s.add(&clusterMoves, float64(c.Moves.Split), "split")
	s.add(&clusterForward, float64(c.Forwarded))
	s.add(&clusterHot, float64(c.Hot))
	s.add(&clusterHanded, float64(c.HandedOut))
}

func (s samples) index(x visibility.Stats) {
	s.add(&indexChanges, float64(x.Applied))
	s.add(&indexLag, x.Lag.Seconds())
	s.addBool(&indexBuilding, x.State.Building)
	s.addBool(&indexFailing, x.State.Err != nil)
}

func (s samples) store(p pebble.Stats) {
	s.add(&storeBytes, float64(p.DiskBytes), "disk")
	s.add(&storeBytes, float64(p.LogBytes), "log")
	s.add(&storeBytes, float64(p.MemoryBytes), "memory")
	s.add(&storeBytes, float64(p.CacheBytes), "cache")
	s.add(&storeCacheHits, float64(p.CacheHits))
	s.add(&storeCacheMisses, float64(p.CacheMisses))
	s.add(&storeFlushes, float64(p.Flushes))
	s.add(&storeCompactions, float64(p.Compactions))
	s.add(&storeDebt, float64(p.CompactionDebt))
	s.add(&storeReadAmp, float64(p.ReadAmplification))
}

// queueLabels are the labels of the metrics of a task queue.
type queueLabels struct{ namespace, queue, taskType, partition string }

// queues adds up the queues that have the same labels.
func (c *collector) flows(s samples) {
	type labels struct{ namespace, policy string }
	sums := make(map[labels]float64)
	c.state.Flows(func(namespaceID, policy string, n int64) {
		ns := c.t.namespaces.withID(namespaceID)
		sums[labels{ns.name, ns.flows.get(policy).label}] += float64(n)
	})
	for l, n := range sums {
		s.add(&flowWaits, n, l.namespace, l.policy)
	}
}

func (c *collector) queues(s samples) {
	type sums struct {
		backlog, pollers float64
		age              float64
	}
	type spaceType struct{ namespace, taskType string }
	byLabels, alone, loaded := map[queueLabels]*sums{}, map[spaceType]float64{}, 0
	c.state.Queues(func(q matching.QueueStats) {
		loaded++
		n := c.t.namespaces.withID(q.Queue.Namespace)
		taskType := taskTypes[taskTypeOf(q.Queue.Type)].name
		// Sticky queues are named by workers, each for itself.
		queue := omitted
		if !q.Sticky {
			queue = n.queues.get(q.Queue.Name).queue
		}
		labels := queueLabels{n.name, queue, taskType, partitions[partitionOf(q.Sticky)]}
		sum := byLabels[labels]
		if sum == nil {
			sum = new(sums)
			byLabels[labels] = sum
		}
		sum.backlog += float64(q.Backlog)
		sum.pollers += float64(q.Pollers)
		sum.age = max(sum.age, q.Age.Seconds())
		of := spaceType{n.name, taskType}
		alone[of] += 0
		if !q.Attended {
			alone[of] += float64(q.Backlog)
		}
	})
	s.add(&loadedQueues, float64(loaded))
	for l, sum := range byLabels {
		s.add(&backlogCount, sum.backlog, l.namespace, l.queue, l.taskType, l.partition)
		s.add(&backlogAge, sum.age, l.namespace, l.queue, l.taskType, l.partition)
		s.add(&pendingPolls, sum.pollers, l.namespace, l.queue, l.taskType, l.partition)
	}
	for of, backlog := range alone {
		s.add(&unattended, backlog, of.namespace, of.taskType)
	}
}
