package frontend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/storage"
)

func TestAPanicCostsOnlyItsOwnRequest(t *testing.T) {
	d := newDoor(t)
	// The runtime contains panics of steps; this one is in a handler.
	d.service.workflow.taskQueueHandlers.matching = nil
	_, err := d.call(t.Context(), &workflowservice.DescribeTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "nil pointer") {
		t.Errorf("error is %v, want Internal that says nothing", err)
	}
	if log := d.log.String(); !strings.Contains(log, "nil pointer") || !strings.Contains(log, "task_queue_describe.go") {
		t.Errorf("the log has no stack:\n%s", log)
	}
	if _, err := d.call(t.Context(), validStart()); err != nil {
		t.Errorf("the next request: %v", err)
	}
}

func TestErrorsBecomeWhatTheAPIPromises(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code codes.Code
		says string
	}{
		"a service error":            {serviceerror.NewNotFound("workflow not found for ID: w"), codes.NotFound, "workflow not found for ID: w"},
		"a wrapped service error":    {fmt.Errorf("in vain: %w", serviceerror.NewNotFound("gone")), codes.NotFound, "in vain: gone"},
		"an internal error":          {serviceerror.NewInternal("secret"), codes.Internal, "something went wrong"},
		"an unknown error":           {errors.New("secret"), codes.Internal, "something went wrong"},
		"a failed store":             {fmt.Errorf("commit: %w", storage.ErrFailed), codes.Unavailable, "restart it"},
		"a lost lease":               {storage.ErrFenced, codes.Unavailable, "restart it"},
		"the end of the caller time": {context.DeadlineExceeded, codes.DeadlineExceeded, ""},
		"a status":                   {status.Error(codes.ResourceExhausted, "slow down"), codes.ResourceExhausted, "slow down"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.chain.err = c.err
			_, err := d.call(t.Context(), validStart())
			if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.says) {
				t.Errorf("error is %v, want %v with %q", err, c.code, c.says)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the inside of the server shows: %v", err)
			}
			if c.code == codes.Internal && !strings.Contains(d.log.String(), "secret") {
				t.Errorf("the log lacks the error:\n%s", d.log)
			}
		})
	}
}

func TestDetailsOfErrorsReachTheClient(t *testing.T) {
	d := newDoor(t)
	d.chain.err = serviceerror.NewWorkflowExecutionAlreadyStarted("running", "request", "run")
	_, err := d.call(t.Context(), validStart())
	if e, ok := detail[*serviceerror.WorkflowExecutionAlreadyStarted](err); !ok || e.RunId != "run" || e.StartRequestId != "request" {
		t.Errorf("error is %v", err)
	}
}

func TestTheTextOfAnErrorIsCut(t *testing.T) {
	d := newDoor(t)
	d.chain.err = serviceerror.NewNotFound(strings.Repeat("ä", 5000))
	_, err := d.call(t.Context(), validStart())
	message := status.Convert(err).Message()
	if len(message) > maxErrorText || !utf8.ValidString(message) || !strings.HasSuffix(message, "<truncated>") {
		t.Errorf("text has %d bytes, valid: %v, ends in %q", len(message), utf8.ValidString(message), message[len(message)-20:])
	}
	if _, ok := detail[*serviceerror.NotFound](err); !ok {
		t.Error("the details are gone with the text")
	}
}

func TestAFailedStoreIsReportedOnce(t *testing.T) {
	d := newDoor(t)
	var reported []error
	d.service.failure = func(err error) { reported = append(reported, err) }
	d.chain.err = serviceerror.NewUnavailable("busy")
	if _, err := d.call(t.Context(), validStart()); err == nil || reported != nil {
		t.Errorf("a passing error is %v, reported as %v", err, reported)
	}
	d.broken = errors.New("disk full")
	for range 2 {
		if _, err := d.call(t.Context(), validStart()); status.Code(err) != codes.Unavailable {
			t.Errorf("error is %v", err)
		}
	}
	if len(reported) != 1 || reported[0] != d.broken {
		t.Errorf("reported %v", reported)
	}
}

func TestNamespaceOfARequest(t *testing.T) {
	d := newDoor(t)
	other, err := d.service.namespaces.ByName("other")
	if err != nil {
		t.Fatal(err)
	}
	complete := func(namespace string, token []byte) proto.Message {
		return &workflowservice.RespondActivityTaskCompletedRequest{Namespace: namespace, TaskToken: token}
	}
	start := func(namespace string) proto.Message {
		req := validStart()
		req.Namespace = namespace
		return req
	}
	of := func(id string) func(*records.TaskToken) { return func(t *records.TaskToken) { t.NamespaceId = id } }
	for name, c := range map[string]struct {
		req  proto.Message
		code codes.Code
		says string
	}{
		"none":                        {start(""), codes.InvalidArgument, "Namespace is empty."},
		"too long":                    {start(long(1001)), codes.InvalidArgument, "Namespace length exceeds limit."},
		"unknown":                     {start("nowhere"), codes.NotFound, "nowhere"},
		"none at registration":        {&workflowservice.RegisterNamespaceRequest{}, codes.InvalidArgument, "Namespace not set on request."},
		"none to describe":            {&workflowservice.DescribeNamespaceRequest{}, codes.InvalidArgument, "Namespace not set on request."},
		"unknown, to update":          {&workflowservice.UpdateNamespaceRequest{Namespace: "nowhere"}, codes.NotFound, "nowhere"},
		"no token":                    {complete("default", nil), codes.InvalidArgument, "Task token not set on request."},
		"a token that is none":        {complete("default", []byte("nonsense")), codes.InvalidArgument, "Error deserializing task token."},
		"a token that is too long":    {complete("default", make([]byte, 10_000)), codes.InvalidArgument, "Error deserializing task token."},
		"a token of no namespace":     {complete("default", d.token(of(""))), codes.InvalidArgument, "Error deserializing task token."},
		"a token of an unknown one":   {complete("", d.token(of("nowhere"))), codes.NotFound, "nowhere"},
		"a token of another":          {complete("default", d.token(of(other.ID))), codes.InvalidArgument, "token from a different namespace"},
		"a token beside an unknown":   {complete("nowhere", d.token()), codes.NotFound, "nowhere"},
		"a heartbeat without a token": {&workflowservice.RecordActivityTaskHeartbeatRequest{Namespace: "default"}, codes.InvalidArgument, "Task token not set"},
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			d.refused(c.req, c.code, c.says)
		})
	}
	t.Run("is that of the token if it is left out", func(t *testing.T) {
		if _, err := d.call(t.Context(), complete("", d.token())); err != nil || d.chain.called != "CompleteActivity" {
			t.Errorf("error is %v, called %q", err, d.chain.called)
		}
	})
}

func TestADeprecatedNamespaceFinishesWhatItHasBegun(t *testing.T) {
	d := newDoor(t)
	if _, err := d.call(t.Context(), &workflowservice.DeprecateNamespaceRequest{Namespace: "default"}); err != nil {
		t.Fatal(err)
	}
	_, err := d.call(t.Context(), validStart())
	if e, ok := detail[*serviceerror.NamespaceInvalidState](err); !ok || e.State != enumspb.NAMESPACE_STATE_DEPRECATED {
		t.Errorf("start: %v, want NamespaceInvalidState", err)
	}
	signal := &workflowservice.SignalWorkflowExecutionRequest{Namespace: "default", SignalName: "s", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"}}
	if _, err := d.call(t.Context(), signal); err != nil {
		t.Errorf("signal: %v", err)
	}
	deleted := &workflowservice.UpdateNamespaceRequest{Namespace: "default", UpdateInfo: &namespacepb.UpdateNamespaceInfo{State: enumspb.NAMESPACE_STATE_DELETED}}
	if _, err := d.call(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	_, err = d.call(t.Context(), signal)
	if _, ok := detail[*serviceerror.NamespaceInvalidState](err); !ok {
		t.Errorf("signal in a deleted namespace: %v, want NamespaceInvalidState", err)
	}
	if _, err := d.call(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"}); err != nil {
		t.Errorf("describing a deleted namespace: %v", err)
	}
}

func TestClientVersions(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		code    codes.Code
	}{
		"none":                       {nil, codes.OK},
		"a Go SDK":                   {[]string{"client-name", "temporal-go", "client-version", "1.37.0", "supported-server-versions", ">=1.0.0 <2.0.0"}, codes.OK},
		"a prerelease":               {[]string{"client-name", "temporal-go", "client-version", "1.40.0-rc.1+build.5"}, codes.OK},
		"an unknown client":          {[]string{"client-name", "my-client", "client-version", "what?"}, codes.OK},
		"a client from the future":   {[]string{"client-name", "temporal-go", "client-version", "2.0.0"}, codes.FailedPrecondition},
		"the UI may be newer":        {[]string{"client-name", "temporal-ui", "client-version", "2.9.0"}, codes.OK},
		"a version that is none":     {[]string{"client-name", "temporal-go", "client-version", "latest"}, codes.InvalidArgument},
		"wants another server":       {[]string{"supported-server-versions", ">=2.0.0"}, codes.FailedPrecondition},
		"wants this server or newer": {[]string{"supported-server-versions", "<1.0.0 || >=1.30.0 !=1.31.0"}, codes.OK},
		"wants exactly this one":     {[]string{"supported-server-versions", CompatibleVersion}, codes.OK},
		"a range that is none":       {[]string{"supported-server-versions", "~1.2"}, codes.InvalidArgument},
		"an empty range":             {[]string{"supported-server-versions", ">=1.0.0 ||"}, codes.InvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(c.headers...))
			_, err := d.call(ctx, &workflowservice.GetSystemInfoRequest{})
			if status.Code(err) != c.code {
				t.Errorf("error is %v, want %v", err, c.code)
			}
		})
	}
}

func TestCapabilitiesAreThoseThatAreThere(t *testing.T) {
	d := newDoor(t)
	resp, err := d.call(t.Context(), &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	c := resp.(*workflowservice.GetSystemInfoResponse).GetCapabilities()
	if !c.SdkMetadata || !c.InternalErrorDifferentiation || !c.EagerWorkflowStart || !c.UpsertMemo || !c.BuildIdBasedVersioning ||
		!c.SupportsSchedules || !c.Nexus || c.ServerScaledDeployments || !c.CountGroupByExecutionStatus {
		t.Errorf("capabilities are %v", c)
	}
	info, err := d.call(t.Context(), &workflowservice.GetClusterInfoRequest{})
	if err != nil || info.(*workflowservice.GetClusterInfoResponse).GetServerVersion() != CompatibleVersion {
		t.Errorf("cluster info is %v, %v", info, err)
	}
}

func TestNamespacesThroughTheDoor(t *testing.T) {
	d := newDoor(t)
	register := &workflowservice.RegisterNamespaceRequest{Namespace: "orders", WorkflowExecutionRetentionPeriod: seconds(7200), Description: "d"}
	if _, err := d.call(t.Context(), register); err != nil {
		t.Fatal(err)
	}
	_, err := d.call(t.Context(), register)
	if _, ok := detail[*serviceerror.NamespaceAlreadyExists](err); !ok {
		t.Errorf("registering twice: %v", err)
	}
	resp, err := d.call(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	described := resp.(*workflowservice.DescribeNamespaceResponse)
	if i := described.GetNamespaceInfo(); i.GetName() != "orders" || i.GetDescription() != "d" || i.GetLimits().GetBlobSizeLimitError() != check.MaxBlob ||
		!i.GetCapabilities().GetWorkerHeartbeats() || !i.GetCapabilities().GetWorkerPollCompleteOnShutdown() || i.GetCapabilities().GetWorkerCommands() || !i.GetSupportsSchedules() || described.GetConfig().GetWorkflowExecutionRetentionTtl().GetSeconds() != 7200 ||
		described.GetReplicationConfig().GetActiveClusterName() == "" {
		t.Errorf("described as %v", described)
	}
	byID, err := d.call(t.Context(), &workflowservice.DescribeNamespaceRequest{Id: described.GetNamespaceInfo().GetId()})
	if err != nil || !proto.Equal(byID.(proto.Message), described) {
		t.Errorf("by id: %v, %v", byID, err)
	}
	var names []string
	list := &workflowservice.ListNamespacesRequest{PageSize: 2}
	for {
		resp, err := d.call(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		page := resp.(*workflowservice.ListNamespacesResponse)
		for _, ns := range page.GetNamespaces() {
			names = append(names, ns.GetNamespaceInfo().GetName())
		}
		if list.NextPageToken = page.GetNextPageToken(); len(list.NextPageToken) == 0 {
			break
		}
	}
	if strings.Join(names, " ") != "default orders other" {
		t.Errorf("namespaces are %v", names)
	}
}
