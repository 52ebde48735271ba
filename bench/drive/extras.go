package drive

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// meters counts in memory, by name and tags.
type meters struct {
	tags map[string]string
	key  string // of the tags
	all  *sync.Map
}

func newMeters() client.MetricsHandler { return &meters{all: &sync.Map{}} }

// meter is a counter, a gauge, or a timer that adds up.
type meter struct{ value atomic.Int64 }

func (m *meter) Inc(n int64)            { m.value.Add(n) }
func (m *meter) Update(f float64)       { m.value.Store(int64(f)) }
func (m *meter) Record(d time.Duration) { m.value.Add(int64(d)) }

func (m *meters) WithTags(tags map[string]string) client.MetricsHandler {
	merged := maps.Clone(m.tags)
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, tags)
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		key.WriteString(name + "=" + merged[name] + ",")
	}
	return &meters{tags: merged, key: key.String(), all: m.all}
}

func (m *meters) find(name string) *meter {
	key := name + " " + m.key
	if found, ok := m.all.Load(key); ok {
		return found.(*meter)
	}
	found, _ := m.all.LoadOrStore(key, &meter{})
	return found.(*meter)
}

func (m *meters) Counter(name string) client.MetricsCounter { return m.find(name) }
func (m *meters) Gauge(name string) client.MetricsGauge     { return m.find(name) }
func (m *meters) Timer(name string) client.MetricsTimer     { return m.find(name) }

// clientInterceptors are one interceptor, which takes part in all calls and passes them on.
func clientInterceptors() []interceptor.ClientInterceptor {
	return []interceptor.ClientInterceptor{&passing{}}
}

type passing struct {
	interceptor.InterceptorBase
	calls atomic.Int64
}

func (p *passing) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	i := &passingClient{calls: &p.calls}
	i.Next = next
	return i
}

func (p *passing) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &passingActivity{calls: &p.calls}
	i.Next = next
	return i
}

func (p *passing) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	i := &passingWorkflow{calls: &p.calls}
	i.Next = next
	return i
}

type passingClient struct {
	interceptor.ClientOutboundInterceptorBase
	calls *atomic.Int64
}

func (p *passingClient) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	p.calls.Add(1)
	return p.Next.ExecuteWorkflow(ctx, in)
}

type passingActivity struct {
	interceptor.ActivityInboundInterceptorBase
	calls *atomic.Int64
}

func (p *passingActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	p.calls.Add(1)
	return p.Next.ExecuteActivity(ctx, in)
}

type passingWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	calls *atomic.Int64
}

func (p *passingWorkflow) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	i := &passingCalls{calls: p.calls}
	i.Next = outbound
	return p.Next.Init(i)
}

func (p *passingWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	p.calls.Add(1)
	return p.Next.ExecuteWorkflow(ctx, in)
}

type passingCalls struct {
	interceptor.WorkflowOutboundInterceptorBase
	calls *atomic.Int64
}

func (p *passingCalls) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	p.calls.Add(1)
	return p.Next.ExecuteActivity(ctx, activityType, args...)
}
