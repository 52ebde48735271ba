package webui

import (
	"io"
	"net/http"
	"net/url"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/httpapi"
)

// history serves the whole history of a run, to be downloaded: as a History message, which is
// what replayers read, page by page, so that a long one is never in memory at once.
func history(api *httpapi.Handler, client workflowservice.WorkflowServiceClient) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, err := api.CallContext(r)
		if err != nil {
			failHistory(w, false, err)
			return
		}
		request := &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: parameter(r, "namespace"),
			Execution: &commonpb.WorkflowExecution{WorkflowId: parameter(r, "workflow"), RunId: parameter(r, "run")},
		}
		begun := false // part of the reply has been sent
		for {
			page, err := client.GetWorkflowExecutionHistory(ctx, request)
			if err != nil {
				failHistory(w, begun, err)
				return
			}
			if err := writeEvents(w, page.GetHistory().GetEvents(), &begun); err != nil {
				failHistory(w, begun, err)
				return
			}
			if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
				break
			}
		}
		_, _ = io.WriteString(w, "\n]}\n")
	}
}

// parameter is a part of the path. The pages encode each twice.
func parameter(r *http.Request, name string) string {
	value := r.PathValue(name)
	if decoded, err := url.PathUnescape(value); err == nil {
		return decoded
	}
	return value
}

func writeEvents(w http.ResponseWriter, events []*historypb.HistoryEvent, begun *bool) error {
	for _, event := range events { // there is at least one in every history
		data, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(event)
		if err != nil {
			return err
		}
		separator := ",\n"
		if !*begun {
			*begun = true
			w.Header().Set("Content-Type", "application/json")
			separator = "{\"events\":[\n"
		}
		if _, err := io.WriteString(w, separator); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// failHistory answers with the error; if part of the history has been sent, the connection breaks,
// so that nobody takes the part for the whole.
func failHistory(w http.ResponseWriter, begun bool, err error) {
	if begun {
		panic(http.ErrAbortHandler)
	}
	s := serviceerror.ToStatus(err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(runtime.HTTPStatusFromCode(s.Code()))
	data, marshalErr := temporalproto.CustomJSONMarshalOptions{}.Marshal(s.Proto())
	if marshalErr != nil {
		data = []byte(`{"message":"the history could not be read"}`)
	}
	_, _ = w.Write(data)
}
