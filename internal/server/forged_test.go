package server_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// Whoever knows the names of an operation, but not its token, cannot end it: the token has the id of
// the request by which the operation was started, which only its handler is told. (The run may be
// another one: a reset makes one that has the operation.)
func TestAnOperationCannotBeEndedByATokenThatIsNotItsOwn(t *testing.T) {
	b := start(t, withHTTP)
	b.caller(scheduleOperation())
	task := b.pollNexus()
	token := task.GetRequest().GetStartOperation().GetCallbackHeader()[nexus.TokenHeader]
	b.answerNexus(task, asyncResponse("token"))
	b.complete(b.pollWorkflow())
	own, err := nexus.DecodeToken(token)
	if err != nil {
		t.Fatal(err)
	}
	before := len(b.history("caller"))
	end := func(token string) int {
		response, _ := b.post("/namespaces/"+ns+"/nexus/callback", `"stolen"`, "Temporal-Callback-Token", token, "Nexus-Operation-State", "succeeded", "Content-Type", "application/json")
		return response.StatusCode
	}
	for name, c := range map[string]struct {
		change func(*records.NexusCompletion)
		want   int
	}{
		"the request of another operation": {func(f *records.NexusCompletion) { f.RequestId = uuid.NewString() }, http.StatusNotFound},
		"another operation":                {func(f *records.NexusCompletion) { f.ScheduledEventId++ }, http.StatusNotFound},
		"another workflow":                 {func(f *records.NexusCompletion) { f.WorkflowId = "other" }, http.StatusNotFound},
		"another namespace":                {func(f *records.NexusCompletion) { f.NamespaceId = uuid.NewString() }, http.StatusNotFound},
		"an operation without a workflow":  {func(f *records.NexusCompletion) { f.WorkflowId, f.OperationId = "", "caller" }, http.StatusNotFound},
		"no request":                       {func(f *records.NexusCompletion) { f.RequestId = "" }, http.StatusBadRequest},
		"two operations":                   {func(f *records.NexusCompletion) { f.OperationId = "caller" }, http.StatusBadRequest},
	} {
		forged := proto.CloneOf(own)
		c.change(forged)
		if got := end(nexus.EncodeToken(forged)); got != c.want {
			t.Errorf("%s: answered with %d, want %d", name, got, c.want)
		}
	}
	for name, token := range map[string]string{"none": "", "garbage": "garbage", "half of it": token[:len(token)/2]} {
		if got := end(token); got != http.StatusBadRequest {
			t.Errorf("%s: answered with %d, want 400", name, got)
		}
	}
	if after := len(b.history("caller")); after != before {
		t.Errorf("forged tokens have added %d events", after-before)
	}
	if got := end(token); got != http.StatusOK {
		t.Errorf("its own token is answered with %d", got)
	}
	b.lastOf(b.pollWorkflow(), enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED)
}
