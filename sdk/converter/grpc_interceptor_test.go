package converter_test

import (
	"context"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/converter"
)

// marker appends to the data on the way out, and takes it away on the way in.
type marker byte

func (m marker) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	var result []*commonpb.Payload
	for _, p := range payloads {
		p = proto.Clone(p).(*commonpb.Payload)
		p.Data = append(p.Data, byte(m))
		result = append(result, p)
	}
	return result, nil
}

func (m marker) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	var result []*commonpb.Payload
	for _, p := range payloads {
		p = proto.Clone(p).(*commonpb.Payload)
		p.Data = p.GetData()[:len(p.GetData())-1]
		result = append(result, p)
	}
	return result, nil
}

func payloadsOf(data string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: []byte(data)}}}
}

func TestCodecsOfAProxySeeRequestsAndResponses(t *testing.T) {
	intercept, err := converter.NewPayloadCodecGRPCClientInterceptor(converter.PayloadCodecGRPCClientInterceptorOptions{
		Codecs: []converter.PayloadCodec{marker('1'), marker('2')},
	})
	if err != nil {
		t.Fatal(err)
	}
	request := &workflowservice.SignalWorkflowExecutionRequest{Input: payloadsOf("in")}
	response := &workflowservice.QueryWorkflowResponse{}
	err = intercept(t.Context(), "method", request, response, nil, func(_ context.Context, _ string, _, reply any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		reply.(*workflowservice.QueryWorkflowResponse).QueryResult = payloadsOf("out21")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(request.GetInput(), payloadsOf("in21")) || !proto.Equal(response.GetQueryResult(), payloadsOf("out")) {
		t.Errorf("sent %v, got %v", request, response)
	}
}

func TestAProxyEncodesFailures(t *testing.T) {
	intercept, err := converter.NewFailureGRPCClientInterceptor(converter.NewFailureGRPCClientInterceptorOptions{EncodeCommonAttributes: true})
	if err != nil {
		t.Fatal(err)
	}
	failure := func() *failurepb.Failure { return &failurepb.Failure{Message: "secret", StackTrace: "line 1"} }
	request := &workflowservice.RespondWorkflowTaskFailedRequest{Failure: failure()}
	response := &workflowservice.PollWorkflowTaskQueueResponse{}
	err = intercept(t.Context(), "method", request, response, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sent := request.GetFailure()
	if sent.GetMessage() != "Encoded failure" || sent.GetStackTrace() != "" || sent.GetEncodedAttributes() == nil {
		t.Errorf("sent %v", sent)
	}
	converter.DecodeCommonFailureAttributes(converter.GetDefaultDataConverter(), sent)
	if sent.GetMessage() != "secret" || sent.GetStackTrace() != "line 1" {
		t.Errorf("decoded %v", sent)
	}
	if _, err := converter.NewFailureGRPCClientInterceptor(converter.NewFailureGRPCClientInterceptorOptions{}); err == nil {
		t.Error("an interceptor that does nothing is made")
	}
}
