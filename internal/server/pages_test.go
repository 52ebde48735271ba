package server_test

import (
	"strings"
	"testing"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// page answers the task with a page of commands: the last one, or one before it.
func (b *bench) page(token []byte, number int32, last bool, commands ...*commandpb.Command) error {
	_, err := b.client.RespondWorkflowTaskCompleted(b.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: ns, TaskToken: token, Identity: "worker", Commands: commands, PageNumber: number, IntermediatePage: !last,
	})
	return err
}

func TestACompletionThatIsTooLargeForOneRequestComesInPages(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	token := b.pollWorkflow().GetTaskToken()
	const pages = 6
	for i := range int32(pages) {
		big := marker("big")
		big.GetRecordMarkerCommandAttributes().Details = map[string]*commonpb.Payloads{"d": payload(strings.Repeat("x", 1<<20))}
		if err := b.page(token, i, i == pages-1, big, marker("small")); err != nil {
			t.Fatal(err)
		}
	}
	events := b.history("w")
	if len(events) != 4+2*pages {
		t.Errorf("history is %v", events)
	}
}

func TestAWorkflowWhosePagesAreTooManyIsTerminated(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "history.workflowTaskCompletionBufferSizeLimit", Value: "1000"}}})
	b.startWorkflow("w")
	token := b.pollWorkflow().GetTaskToken()
	if err := b.page(token, 0, false, marker(strings.Repeat("x", 900))); err != nil {
		t.Fatal(err)
	}
	if err := b.page(token, 1, false, marker(strings.Repeat("x", 900))); status.Code(err) != codes.InvalidArgument {
		t.Errorf("error is %v, want InvalidArgument", err)
	}
	b.checkTerminated("w", "RequestTooLarge: workflow task completion buffer size exceeds the per-workflow limit")
	if err := b.page(token, 2, true); status.Code(err) != codes.NotFound {
		t.Errorf("error after the end is %v, want NotFound", err)
	}
}
