package flow

import "fmt"

// outbound is the end of the chain of outbound calls: it does what workflow code
// asked for. Its methods are in the files of what they are about.
//
// Functions that workflow code calls take the chain from calls or mutableCalls;
// what the end of the chain needs of the rest of this package it calls directly,
// unless interceptors are to see it.
type outbound struct{ run *run }

// inbound is the end of the chain of inbound calls: it enters workflow code.
type inbound struct{ run *run }

var (
	_ WorkflowOutboundInterceptor = outbound{}
	_ WorkflowInboundInterceptor  = inbound{}
)

func (outbound) mustEmbedWorkflowOutboundInterceptorBase() {}

func (inbound) mustEmbedWorkflowInboundInterceptorBase() {}

// Init implements WorkflowInboundInterceptor: it learns the whole chain of
// outbound calls.
func (i inbound) Init(outbound WorkflowOutboundInterceptor) error {
	i.run.outbound = outbound
	return nil
}

// intercepted says whether there are interceptors. Without, both chains are only
// their ends, and contexts need not carry headers.
func (r *run) intercepted() bool { return len(r.options.Interceptors) > 0 }

// intercept builds the chains. The first interceptor is outermost: an inbound call
// meets it first, an outbound one last.
func (r *run) intercept(ctx Context) error {
	r.inbound, r.outbound = inbound{r}, outbound{r}
	if !r.intercepted() {
		return nil
	}
	interceptors := r.options.Interceptors
	for n := len(interceptors) - 1; n >= 0; n-- {
		r.inbound = interceptors[n].InterceptWorkflow(ctx, r.inbound)
	}
	if err := r.inbound.Init(r.outbound); err != nil {
		return fmt.Errorf("starting the interceptors of workflow type %s: %w", r.info.WorkflowType.Name, err)
	}
	return nil
}

// calls is the chain of outbound calls, for those that may come from anywhere.
func calls(ctx Context) WorkflowOutboundInterceptor { return runOf(ctx).outbound }

// mutableCalls is the chain of outbound calls, for those that only running
// workflow code may make, and not in a query or a side effect.
func mutableCalls(ctx Context) WorkflowOutboundInterceptor { return enterMutable(ctx).run.outbound }
