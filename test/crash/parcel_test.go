package crash

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// A parcel is a workflow with one activity, which an operator pauses and has go on. It fails until it is
// allowed to succeed, which it is not before it has been told to go on: so a pause that was acknowledged
// and got lost shows.
func parcel(ctx workflow.Context, id string) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{ActivityID: weighID, StartToCloseTimeout: 2 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 50 * time.Millisecond, BackoffCoefficient: 1}})
	var scales *scales
	return workflow.ExecuteActivity(ctx, scales.Weigh, id).Get(ctx, nil)
}

const weighID = "weigh"

// scales run the activity of parcels.
type scales struct {
	mu    sync.Mutex
	ready map[string]bool // by order
}

var errNotReady = errors.New("the parcel is not ready")

func (s *scales) Weigh(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready[id] {
		return errNotReady
	}
	return nil
}

func (s *scales) allow(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[id] = true
}

func (o *placed) parcelID() string { return o.id + "-parcel" }

// sendParcel starts the parcel of an order, pauses its activity and has it go on, as far as the server lets it.
func (o *placed) sendParcel(ctx context.Context, t *testing.T, c client.Client, s *scales) {
	if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: o.parcelID(), TaskQueue: "crash"}, parcel, o.id); err != nil {
		return
	}
	o.parcelSent = true
	pause := &workflowservice.PauseActivityRequest{Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: o.parcelID()},
		Identity: "crash", Reason: "crash test", RequestId: o.id, Activity: &workflowservice.PauseActivityRequest_Id{Id: weighID}}
	for {
		_, err := c.WorkflowService().PauseActivity(ctx, pause)
		if err == nil {
			break
		}
		if notYet := (*serviceerror.NotFound)(nil); ctx.Err() != nil || !errors.As(err, &notYet) {
			return
		}
		time.Sleep(10 * time.Millisecond) // the activity is not scheduled yet
	}
	o.parcelPaused = true
	time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond) // so that a kill may find it paused
	if d, err := c.DescribeWorkflowExecution(ctx, o.parcelID(), ""); err == nil && !weighPaused(d) {
		t.Errorf("the activity of the parcel of %s is not paused, though the pause was acknowledged", o.id)
	}
	o.parcelGoesOn = true
	s.allow(o.id)
	_ = o.unpauseParcel(ctx, c)
}

func (o *placed) unpauseParcel(ctx context.Context, c client.Client) error {
	_, err := c.WorkflowService().UnpauseActivity(ctx, &workflowservice.UnpauseActivityRequest{Namespace: "default",
		Execution: &commonpb.WorkflowExecution{WorkflowId: o.parcelID()}, Identity: "crash", Activity: &workflowservice.UnpauseActivityRequest_Id{Id: weighID}})
	return err
}

func weighPaused(d *workflowservice.DescribeWorkflowExecutionResponse) bool {
	return len(d.GetPendingActivities()) == 1 && d.PendingActivities[0].GetPaused()
}

// checkParcel checks that a parcel that was sent arrives.
func (o *placed) checkParcel(ctx context.Context, t *testing.T, c client.Client, s *scales) {
	if !o.parcelSent {
		return
	}
	d, err := c.DescribeWorkflowExecution(ctx, o.parcelID(), "")
	if err != nil {
		t.Errorf("the parcel of %s was acknowledged and is not there: %v", o.id, err)
		return
	}
	paused := weighPaused(d)
	if o.parcelPaused && !o.parcelGoesOn && !paused {
		t.Errorf("the activity of the parcel of %s is not paused, though the pause was acknowledged", o.id)
	}
	s.allow(o.id)
	if paused {
		if err := o.unpauseParcel(ctx, c); err != nil {
			t.Errorf("the activity of the parcel of %s is paused and cannot be unpaused: %v", o.id, err)
		}
	}
	if err := c.GetWorkflow(ctx, o.parcelID(), "").Get(ctx, nil); err != nil {
		t.Errorf("the parcel of %s does not arrive: %v", o.id, err)
	}
}

// bell counts the completion callbacks of orders.
type bell struct {
	*httptest.Server
	mu   sync.Mutex
	rung map[string]int // by order
}

func newBell(t *testing.T) *bell {
	b := &bell{rung: map[string]int{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.rung[strings.TrimPrefix(r.URL.Path, "/")]++
	}))
	t.Cleanup(b.Close)
	return b
}

// callback rings the bell for an order.
func (b *bell) callback(id string) *commonpb.Callback {
	return &commonpb.Callback{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: b.URL + "/" + id}}}
}

// await waits until the bell has rung for the order, which is complete.
func (b *bell) await(ctx context.Context, t *testing.T, id string) {
	for {
		b.mu.Lock()
		rung := b.rung[id]
		b.mu.Unlock()
		if rung > 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("the callback of %s was acknowledged and does not come", id)
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
