package nexus

import (
	"net/http"
	"strings"
	"testing"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
)

func TestAPayloadIsTheSameAfterItsWayOverHTTP(t *testing.T) {
	for name, metadata := range map[string]map[string]string{
		"null":             {"encoding": "binary/null"},
		"json":             {"encoding": "json/plain"},
		"bytes":            {"encoding": "binary/plain"},
		"json of a proto":  {"encoding": "json/protobuf", "messageType": "a.B"},
		"a proto":          {"encoding": "binary/protobuf", "messageType": "a.B"},
		"what SDKs know":   {"encoding": "binary/encrypted", "key": "k"},
		"json with more":   {"encoding": "json/plain", "more": "x"},
		"what nobody does": {"encoding": "unknown/nexus-content", "type": "text/plain"},
	} {
		p := &commonpb.Payload{Metadata: make(map[string][]byte), Data: []byte(`"x"`)}
		for key, value := range metadata {
			p.Metadata[key] = []byte(value)
		}
		if name == "null" {
			p.Data = nil
		}
		content, body, err := EncodeContent(p)
		if err != nil {
			t.Fatal(err)
		}
		header := make(http.Header)
		for key, value := range content {
			header.Set(key, value)
		}
		header.Set("Content-Length", "3")
		if got, err := DecodeContent(header, body); err != nil || !proto.Equal(got, p) {
			t.Errorf("%s: it is %v, %v", name, got, err)
		}
	}
}

func TestAFailureIsTheSameAfterItsWayOverHTTP(t *testing.T) {
	for name, failure := range map[string]*failurepb.Failure{
		"of an application": {Message: "m", Source: "s", StackTrace: "t", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "T", NonRetryable: true}}},
		"canceled":            {Message: "m", FailureInfo: &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: new(failurepb.CanceledFailureInfo)}},
		"with hidden details": {Message: "m", EncodedAttributes: &commonpb.Payload{Data: []byte("x")}},
		"of a handler": {Message: "m", EncodedAttributes: &commonpb.Payload{Data: []byte("x")}, FailureInfo: &failurepb.Failure_NexusHandlerFailureInfo{
			NexusHandlerFailureInfo: &failurepb.NexusHandlerFailureInfo{Type: "INTERNAL", RetryBehavior: enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE}}},
	} {
		failure.Cause = &failurepb.Failure{Message: "cause", FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: new(failurepb.TimeoutFailureInfo)}}
		document, err := FromTemporal(failure)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ToTemporal(document); err != nil || !proto.Equal(got, failure) {
			t.Errorf("%s: it is %v, %v", name, got, err)
		}
	}
}

func TestAFailureOfAnotherKindIsKeptInTheDetails(t *testing.T) {
	got, err := ToTemporal(nexusrpc.Failure{Message: "m", Metadata: map[string]string{"type": "theirs"}, Details: []byte(`{"a":1}`)})
	info := got.GetApplicationFailureInfo()
	if err != nil || got.GetMessage() != "m" || info.GetType() != "NexusFailure" || !strings.Contains(string(info.GetDetails().GetPayloads()[0].GetData()), `{"a":1}`) {
		t.Errorf("it is %v, %v", got, err)
	}
	deep := nexusrpc.Failure{Message: "end"}
	for range maxCauses + 1 {
		cause := deep
		deep = nexusrpc.Failure{Cause: &cause}
	}
	if _, err := ToTemporal(deep); err == nil {
		t.Error("a failure without end is taken")
	}
}

func TestALinkIsTheSameAfterItsWayOverHTTP(t *testing.T) {
	for _, link := range []*commonpb.Link{
		{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: &commonpb.Link_WorkflowEvent{Namespace: "n/s", WorkflowId: "w i?d", RunId: "r",
			Reference: &commonpb.Link_WorkflowEvent_EventRef{EventRef: &commonpb.Link_WorkflowEvent_EventReference{EventId: 5, EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED}}}}},
		{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: &commonpb.Link_WorkflowEvent{Namespace: "n", WorkflowId: "w", RunId: "r",
			Reference: &commonpb.Link_WorkflowEvent_RequestIdRef{RequestIdRef: &commonpb.Link_WorkflowEvent_RequestIdReference{RequestId: "q", EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED}}}}},
		{Variant: &commonpb.Link_Activity_{Activity: &commonpb.Link_Activity{Namespace: "n", ActivityId: "a", RunId: "r"}}},
	} {
		found, err := LinksOf(http.Header{"Nexus-Link": {HeaderOf(link)}})
		if parsed := ParseLinks(found); err != nil || len(parsed) != 1 || !proto.Equal(parsed[0], link) {
			t.Errorf("it is %v, %v", parsed, err)
		}
	}
	for _, bad := range []string{"", "x", "<>; type=\"a\"", "<http://x>", "<http://x>; type=\"a", "<http://x>; type=\"a b\"", "<http://x>; other=1"} {
		if found, err := LinksOf(http.Header{"Nexus-Link": {bad}}); err == nil {
			t.Errorf("%q is %v", bad, found)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add(EncodeToken(&records.NexusCompletion{NamespaceId: "n", WorkflowId: "w", RunId: "r", RequestId: "q", ScheduledEventId: 5}))
	f.Add(`{"v":1,"d":""}`)
	f.Fuzz(func(t *testing.T, text string) {
		if completion, err := DecodeToken(text); err == nil {
			if again, err := DecodeToken(EncodeToken(completion)); err != nil || !proto.Equal(again, completion) {
				t.Errorf("it is %v, %v", again, err)
			}
		}
	})
}
