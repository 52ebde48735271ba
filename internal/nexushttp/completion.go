package nexushttp

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/nexusdoor"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// complete reports the end of an operation.
func (h *Handler) complete(ctx context.Context, w http.ResponseWriter, r *http.Request, to route) {
	bad := func(format string, args ...any) {
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeBadRequest, fmt.Sprintf(format, args...)))
	}
	if r.Method != http.MethodPost {
		bad("invalid request method: expected POST, got %q", r.Method)
		return
	}
	result, problem := readResult(w, r)
	if problem != "" {
		bad("%s", problem)
		return
	}
	if result == nil {
		return // answered
	}
	completion, err := nexus.DecodeToken(r.Header.Get(nexus.TokenHeader))
	if err != nil {
		bad("%v", err)
		return
	}
	name, ok := h.Namespace(completion.GetNamespaceId())
	switch {
	case !ok:
		writeFailure(w, r, refusal(nexusrpc.HandlerErrorTypeNotFound, fmt.Sprintf("namespace %q not found", completion.GetNamespaceId())))
		return
	case to.namespace != "" && to.namespace != name:
		bad("invalid callback token")
		return
	}
	result.Completion = completion
	encoded, err := proto.Marshal(result)
	if err != nil {
		bad("invalid result content")
		return
	}
	if _, err := h.Door.CompleteNexusOperation(ctx, &nexusdoor.CompleteNexusOperationRequest{
		Namespace: name, Result: encoded, WorkflowId: completion.GetWorkflowId(), OperationId: completion.GetOperationId(),
	}); err != nil {
		writeFailure(w, r, nexus.StatusFailure(err))
	}
}

// readResult reads how the operation has ended. problem is what is wrong with the request;
// it has been answered if there is neither.
func readResult(w http.ResponseWriter, r *http.Request) (result *records.NexusResult, problem string) {
	result = &records.NexusResult{OperationToken: r.Header.Get(nexus.OperationTokenHeader)}
	if text := r.Header.Get("Nexus-Operation-Start-Time"); text != "" {
		started, err := http.ParseTime(text)
		if err != nil {
			return nil, "failed to parse operation start time header"
		}
		result.StartTime = timestamppb.New(started)
	}
	links, err := nexus.LinksOf(r.Header)
	if err != nil {
		return nil, "failed to decode links from request headers"
	}
	result.Links = nexus.ParseLinks(links)
	switch state := r.Header.Get("Nexus-Operation-State"); state {
	case "succeeded":
		body, ok := readBody(w, r)
		if !ok {
			return nil, ""
		}
		if result.Result, err = nexus.DecodeContent(r.Header, body); err != nil {
			return nil, "invalid result content"
		}
	case "failed", "canceled":
		mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || mediaType != "application/json" {
			return nil, fmt.Sprintf("invalid request content type: %q", r.Header.Get("Content-Type"))
		}
		body, ok := readBody(w, r)
		if !ok {
			return nil, ""
		}
		var document nexusrpc.Failure
		if json.Unmarshal(body, &document) != nil {
			return nil, "failed to decode Failure from request body"
		}
		if result.Failure, err = nexus.ToTemporal(nexus.Unwrap(document)); err != nil {
			return nil, "failed to decode Failure from request body"
		}
		result.Canceled = state == "canceled"
	default:
		return nil, fmt.Sprintf("invalid request operation state: %q", state)
	}
	return result, ""
}
