package telemetry

import (
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/entity"
)

// standalone is the type of workflow under which Nexus operations without a workflow are counted, as Temporal servers have it.
const standalone = "__temporal_standalone_nexus_operation__"

// nexusOperations is what is counted of the Nexus operations of an endpoint and a type of workflows. They cost a call
// at least, beside which it is little to look series up.
type nexusOperations struct {
	vectors *vectors
	labels  []string
}

// newNexusOperations takes what entity.NexusType has made.
func newNexusOperations(v *vectors, namespace, label string) *nexusOperations {
	endpoint, workflowType, two := strings.Cut(label, "\n")
	switch {
	case !two:
		workflowType = label // of all that are beyond the bound
	case workflowType == "":
		workflowType = standalone
	}
	return &nexusOperations{v, []string{namespace, endpoint, workflowType}}
}

func (n *nexusOperations) with(label string) []string { return append(n.labels[:3:3], label) }

func (n *nexusOperations) close(o *entity.Occurrence) {
	status := enumspb.NexusOperationExecutionStatus(o.Detail)
	switch status {
	case enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED:
		n.vectors.counter(&nexusSuccess, n.labels...).Inc()
	case enumspb.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED:
		n.vectors.counter(&nexusCancel, n.labels...).Inc()
	case enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TERMINATED:
		n.vectors.counter(&nexusTerminate, n.labels...).Inc()
	case enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT:
		n.vectors.counter(&nexusTimeout, n.with(timeoutName(within(int32(o.Count), mostTimeouts)))...).Inc()
	default:
		status = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_FAILED
		n.vectors.counter(&nexusFail, n.labels...).Inc()
	}
	outcome := n.with(outcomes[status])
	n.vectors.histogram(&nexusLatency, outcome...).Observe(seconds(o.Total))
	n.vectors.histogram(&nexusStart, n.labels...).Observe(seconds(o.Total - o.Took))
	if o.Took > 0 {
		n.vectors.histogram(&nexusRun, outcome...).Observe(seconds(o.Took))
	}
}

// outcomes are the ends of Nexus operations, as Temporal servers name them.
var outcomes = map[enumspb.NexusOperationExecutionStatus]string{
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED:  "succeeded",
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_FAILED:     "failed",
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED:   "canceled",
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TERMINATED: "terminated",
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT:  "timedout",
}

// Outbound counts the calls that the server itself makes; it implements nexus.Observer and callback.Observer.
type Outbound struct{ t *Telemetry }

// Outbound returns what counts the calls that the server itself makes.
func (t *Telemetry) Outbound() *Outbound { return &Outbound{t} }

// NexusCalled implements nexus.Observer.
func (o *Outbound) NexusCalled(namespaceID, endpoint string, cancel bool, outcome string, took time.Duration) {
	method := "StartOperation"
	if cancel {
		method = "CancelOperation"
	}
	n := o.t.namespaces.withID(namespaceID)
	labels := []string{n.name, *n.destinations.get(endpoint), method, outcome}
	n.vectors.counter(&nexusCalls, labels...).Inc()
	n.vectors.histogram(&nexusCallLatency, labels...).Observe(took.Seconds())
}

// CallbackCalled implements callback.Observer.
func (o *Outbound) CallbackCalled(namespaceID, address, outcome string, took time.Duration) {
	n := o.t.namespaces.withID(namespaceID)
	labels := []string{n.name, *n.destinations.get(address), outcome}
	n.vectors.counter(&callbackCalls, labels...).Inc()
	n.vectors.histogram(&callbackLatency, labels...).Observe(took.Seconds())
}
