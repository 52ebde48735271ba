package frontend

import (
	"context"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/peer"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/dynamicconfig"
)

// What requests beyond a limit are answered.
var (
	errNamespaceRate = &serviceerror.ResourceExhausted{
		Cause: enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, Scope: enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
		Message: "namespace rate limit exceeded",
	}
	errServiceRate = &serviceerror.ResourceExhausted{
		Cause: enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, Scope: enumspb.RESOURCE_EXHAUSTED_SCOPE_SYSTEM,
		Message: "service rate limit exceeded",
	}
	errWaitingRequests = &serviceerror.ResourceExhausted{
		Cause: enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, Scope: enumspb.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
		Message: "namespace concurrent poller limit exceeded",
	}
)

const (
	// serviceBurst is how many times the rate of all namespaces together may come at once.
	serviceBurst = 2
	// maxBudgets bounds the namespaces whose budgets are kept. Beyond it all begin anew.
	maxBudgets = 10_000
)

// rateLimits bound the requests per second, of each namespace and of all, and the requests
// of a namespace that wait. The limits are settings; those that are not set cost no more
// than to see that. What the process itself calls is never refused.
type rateLimits struct {
	service budgets
	// nodes is how many nodes the limits of all of them are divided by; nil: this one.
	nodes func() int

	mu         sync.Mutex
	namespaces map[string]*budgets // by id
	waiting    map[waitingKey]int  // only those above zero
}

// budgets has a budget for each class of requests.
type budgets [methods.BudgetNamespace + 1]budget

// waitingKey is what is counted together: the requests of a namespace, by their method.
type waitingKey struct {
	namespace string // its id
	method    *methods.Method
}

// admit takes what the request costs from the budgets, or refuses it. If it reports that
// the request is held, it has to be released when it is answered.
func (l *rateLimits) admit(ctx context.Context, c *call, req any) (held bool, err error) {
	if IsForwarded(ctx) {
		return false, nil // it was admitted where it came in
	}
	config := c.settings.config
	if c.namespace != nil && c.method.Wait.When != methods.Never && isWaiting(req) {
		name := c.namespace.Name
		if most := l.part(dynamicconfig.AllWaitingRequests.Get(config, name), dynamicconfig.WaitingRequests.Get(config, name)); most > 0 {
			if !l.hold(c, max(1, int(most))) && !internal(ctx) {
				l.release(c)
				return false, errWaitingRequests
			}
			held = true
		}
	}
	if err := l.spend(config, c, time.Now); err != nil && !internal(ctx) {
		if held {
			l.release(c)
		}
		return false, err
	}
	return held, nil
}

// isWaiting reports whether a request that may wait does, as far as it says so.
func isWaiting(req any) bool {
	r, says := req.(interface{ GetWaitNewEvent() bool })
	return !says || r.GetWaitNewEvent()
}

// internal reports whether the call comes from inside the process.
func internal(ctx context.Context) bool {
	caller, ok := peer.FromContext(ctx)
	return ok && caller.AuthInfo != nil && caller.AuthInfo.AuthType() == auth.LocalType
}

// spend takes a token from the budget of the namespace and from that of all.
func (l *rateLimits) spend(config *dynamicconfig.Config, c *call, now func() time.Time) error {
	limit := c.method.Limit
	var rate float64
	burst := float64(serviceBurst)
	if c.namespace != nil {
		name := c.namespace.Name
		switch limit.Budget {
		case methods.BudgetExecution:
			rate = l.part(dynamicconfig.AllNamespaceRequests.Get(config, name), dynamicconfig.NamespaceRequests.Get(config, name))
			if rate > 0 {
				burst = dynamicconfig.NamespaceBurst.Get(config, name)
			}
		case methods.BudgetVisibility:
			rate = l.part(dynamicconfig.AllNamespaceSearches.Get(config, name), dynamicconfig.NamespaceSearches.Get(config, name))
			if rate > 0 {
				burst = dynamicconfig.NamespaceSearchBurst.Get(config, name)
			}
		case methods.BudgetNamespace:
			rate = l.part(dynamicconfig.AllChangesOfNamespace.Get(config, name), dynamicconfig.ChangesOfNamespace.Get(config, name))
			if rate > 0 {
				burst = dynamicconfig.ChangesOfNamespaceBurst.Get(config, name)
			}
		}
		if rate > 0 && !l.of(c.namespace.ID)[limit.Budget].take(now(), rate, burst, limit.Priority) {
			return errNamespaceRate
		}
	}
	switch limit.Budget {
	case methods.BudgetNone:
		return nil
	case methods.BudgetNamespace:
		rate = float64(dynamicconfig.NamespaceChanges.Get(config))
	default:
		rate = l.part(dynamicconfig.AllRequests.Get(config), dynamicconfig.Requests.Get(config))
	}
	if rate > 0 && !l.service[limit.Budget].take(now(), rate, serviceBurst, limit.Priority) {
		return errServiceRate
	}
	return nil
}

func nodesOf(elsewhere Elsewhere) func() int {
	if elsewhere == nil {
		return nil
	}
	return elsewhere.Nodes
}

// part is this node's part of what all nodes may do, if that is limited, else what this one
// may.
func (l *rateLimits) part(all, own int) float64 {
	if all <= 0 {
		return float64(own)
	}
	if l.nodes != nil {
		return float64(all) / float64(max(1, l.nodes()))
	}
	return float64(all)
}

// of returns the budgets of the namespace with the id.
func (l *rateLimits) of(namespace string) *budgets {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.namespaces[namespace]
	if b == nil {
		if l.namespaces == nil || len(l.namespaces) >= maxBudgets {
			l.namespaces = make(map[string]*budgets)
		}
		b = new(budgets)
		l.namespaces[namespace] = b
	}
	return b
}

// hold counts a request that waits, and reports whether there are no more than most.
func (l *rateLimits) hold(c *call, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = make(map[waitingKey]int)
	}
	key := waitingKey{c.namespace.ID, c.method}
	l.waiting[key]++
	return l.waiting[key] <= most
}

// release takes back what hold has counted.
func (l *rateLimits) release(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := waitingKey{c.namespace.ID, c.method}
	if l.waiting[key]--; l.waiting[key] <= 0 {
		delete(l.waiting, key)
	}
}

// priorities is how many priorities requests may have.
const priorities = 6

// budget is the tokens that are left at a rate. Each priority has tokens of its own; a
// request takes one from those of its priority and from those that come after it. So what
// matters most is refused only if there is too much of it alone, and the rest gets what is
// left. The zero value is full.
type budget struct {
	mu     sync.Mutex
	filled time.Time
	tokens [priorities]float64
}

// take takes a token, if there is one: at the rate per second, of which burst times as much
// may be kept.
func (b *budget) take(now time.Time, rate, burst float64, priority int8) bool {
	most := max(1, rate*burst)
	b.mu.Lock()
	defer b.mu.Unlock()
	grown := most
	if !b.filled.IsZero() {
		grown = max(0, now.Sub(b.filled).Seconds()) * rate
	}
	b.filled = now
	for i := range b.tokens {
		b.tokens[i] = min(most, b.tokens[i]+grown)
	}
	if b.tokens[priority] < 1 {
		return false
	}
	for i := int(priority); i < priorities; i++ {
		b.tokens[i] = max(0, b.tokens[i]-1)
	}
	return true
}
