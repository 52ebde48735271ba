package nexushttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/nexusdoor"
	"github.com/perdure/perdure/internal/nexus"
)

// sourceHeader says that a failure is the worker's, not the server's.
const sourceHeader = "Temporal-Nexus-Failure-Source"

// operate starts or cancels an operation.
func (h *Handler) operate(ctx context.Context, w http.ResponseWriter, r *http.Request, to route) {
	request := &nexuspb.Request{
		Header:        requestHeader(r.Header),
		ScheduledTime: timestamppb.Now(),
		Capabilities:  &nexuspb.Request_Capabilities{TemporalFailureResponses: r.Header.Get(nexus.FailureSupportHeader) == "true"},
	}
	if failure := h.resolve(&to, request); failure != nil {
		writeFailure(w, r, failure)
		return
	}
	if r.Method != http.MethodPost {
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeBadRequest, "invalid request method: expected POST, got \""+r.Method+"\""))
		return
	}
	cancel := false
	switch {
	case len(to.rest) == 2:
		if !start(w, r, to, request) {
			return
		}
	case len(to.rest) == 3 && to.rest[2] == "cancel", len(to.rest) == 4 && to.rest[3] == "cancel":
		cancel = true
		token := r.Header.Get(nexus.OperationTokenHeader)
		if token == "" {
			token = r.URL.Query().Get("token")
		}
		if len(to.rest) == 4 { // an older form
			token = to.rest[2]
		}
		if token == "" {
			writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeBadRequest, "missing operation token"))
			return
		}
		delete(request.Header, nexus.OperationTokenHeader)
		request.Variant = &nexuspb.Request_CancelOperation{CancelOperation: &nexuspb.CancelOperationRequest{
			Service: to.rest[0], Operation: to.rest[1], OperationToken: token,
			//lint:ignore SA1019 older workers use it
			OperationId: token,
		}}
	default:
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeNotFound, "not found"))
		return
	}
	encoded, err := proto.Marshal(request)
	if err != nil {
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeBadRequest, "invalid input"))
		return
	}
	resp, err := h.Door.DispatchNexusTask(ctx, &nexusdoor.DispatchNexusTaskRequest{Namespace: to.namespace, TaskQueue: to.taskQueue, Request: encoded})
	if err != nil {
		failure := nexus.StatusFailure(err)
		if errors.As(serviceerror.FromStatus(status.Convert(err)), new(*serviceerror.NamespaceNotFound)) {
			failure.Message = fmt.Sprintf("namespace not found: %q", to.namespace)
		}
		if failure.GetNexusHandlerFailureInfo().GetType() == string(nexusrpc.HandlerErrorTypeUpstreamTimeout) {
			w.Header().Set(sourceHeader, "worker")
			failure.Message = "upstream timeout"
		}
		writeFailure(w, r, failure)
		return
	}
	answer := new(nexus.Answer)
	if !decode(resp, answer) {
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeInternal, "internal error"))
		return
	}
	respond(w, r, answer, cancel)
}

// resolve finds out which task queue the request is for.
func (h *Handler) resolve(to *route, request *nexuspb.Request) *failurepb.Failure {
	if to.endpoint == "" {
		return nil
	}
	found := h.Endpoints.ByID(to.endpoint)
	if found == nil {
		return nexus.HandlerFailure(nexusrpc.HandlerErrorTypeNotFound, "nexus endpoint not found", enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE)
	}
	worker := found.GetSpec().GetTarget().GetWorker()
	if worker == nil {
		return refusal(nexusrpc.HandlerErrorTypeBadRequest, "invalid endpoint target")
	}
	name, ok := h.Namespace(found.GetNamespaceId())
	if !ok {
		return nexus.HandlerFailure(nexusrpc.HandlerErrorTypeNotFound, "invalid endpoint target", enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE)
	}
	to.namespace, to.taskQueue = name, worker.GetTaskQueue()
	request.Endpoint = found.GetSpec().GetName()
	return nil
}

// notPassed are headers that workers do not get.
var notPassed = map[string]bool{
	"accept-encoding": true, "x-forwarded-for": true, "xdc-redirection": true, "xdc-redirection-api": true, nexus.FailureSupportHeader: true,
	"authorization": true, "authorization-extras": true,
}

// requestHeader is what of the headers workers get.
func requestHeader(header http.Header) map[string]string {
	out := make(map[string]string, len(header))
	for name, values := range header {
		name = strings.ToLower(name)
		if !notPassed[name] && !strings.HasPrefix(name, "content-") && !strings.HasPrefix(name, "nexus-callback-") {
			out[name] = values[0]
		}
	}
	return out
}

// start makes the request one to start an operation. It answers one that cannot be.
func start(w http.ResponseWriter, r *http.Request, to route, request *nexuspb.Request) bool {
	links, err := nexus.LinksOf(r.Header)
	if err != nil {
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeBadRequest, `invalid "nexus-link" header`))
		return false
	}
	body, ok := readBody(w, r)
	if !ok {
		return false
	}
	payload, err := nexus.DecodeContent(r.Header, body)
	if err != nil {
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeBadRequest, "invalid input"))
		return false
	}
	callback := make(map[string]string)
	for name, values := range r.Header {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), "nexus-callback-"); ok {
			callback[rest] = values[0]
		}
	}
	request.Variant = &nexuspb.Request_StartOperation{StartOperation: &nexuspb.StartOperationRequest{
		Service: to.rest[0], Operation: to.rest[1], RequestId: r.Header.Get("Nexus-Request-Id"), Payload: payload,
		Callback: r.URL.Query().Get("callback"), CallbackHeader: callback, Links: links,
	}}
	return true
}

// decode reads the answer of a worker.
func decode(resp *nexusdoor.DispatchNexusTaskResponse, answer *nexus.Answer) bool {
	switch {
	case len(resp.GetFailure()) > 0:
		answer.Failure = new(failurepb.Failure)
		return proto.Unmarshal(resp.Failure, answer.Failure) == nil
	case len(resp.GetError()) > 0:
		answer.Error = new(nexuspb.HandlerError)
		return proto.Unmarshal(resp.Error, answer.Error) == nil
	case len(resp.GetResponse()) > 0:
		answer.Response = new(nexuspb.Response)
		return proto.Unmarshal(resp.Response, answer.Response) == nil
	}
	return true
}

// respond answers with what the worker has answered.
func respond(w http.ResponseWriter, r *http.Request, answer *nexus.Answer, cancel bool) {
	if failure := answer.HandlerFailure(); failure != nil {
		w.Header().Set(sourceHeader, "worker")
		document, ok := answer.HandlerDocument()
		if !ok {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		writeHandlerDocument(w, r, failure, document)
		return
	}
	if cancel && answer.Response != nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	switch v := answer.Response.GetStartOperation().GetVariant().(type) {
	case *nexuspb.StartOperationResponse_SyncSuccess:
		header, body, err := nexus.EncodeContent(v.SyncSuccess.GetPayload())
		if err != nil {
			writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeInternal, "internal error"))
			return
		}
		addLinks(w, v.SyncSuccess.GetLinks())
		for name, value := range maps.All(header) {
			w.Header().Set(name, value)
		}
		if len(header) == 0 {
			w.Header()["Content-Type"] = nil // or the type would be guessed
		}
		_, _ = w.Write(body)
		return
	case *nexuspb.StartOperationResponse_AsyncSuccess:
		token := v.AsyncSuccess.GetOperationToken()
		if token == "" {
			//lint:ignore SA1019 older workers use it
			token = v.AsyncSuccess.GetOperationId()
		}
		addLinks(w, v.AsyncSuccess.GetLinks())
		body, _ := json.Marshal(struct {
			Token string `json:"token"`
			State string `json:"state"`
		}{token, "running"})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(body)
		return
	}
	w.Header().Set(sourceHeader, "worker")
	state, document, ok := answer.Unsuccessful()
	if !ok {
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeInternal, "empty outcome"))
		return
	}
	if r.Header.Get(nexus.FailureSupportHeader) != "true" && document.Cause != nil {
		document = *document.Cause
	}
	w.Header().Set("Nexus-Operation-State", state)
	writeDocument(w, http.StatusFailedDependency, document)
}

func addLinks(w http.ResponseWriter, links []*nexuspb.Link) {
	for _, link := range links {
		w.Header().Add("Nexus-Link", nexus.FormatHeader(link))
	}
}
