package flow

import (
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/records"
)

func ticket(policy, key, id string, asked bool) *records.FlowTicket {
	t := &records.FlowTicket{Policy: policy, Key: key, Id: id, Priority: 3}
	if asked {
		t.Asked = timestamppb.Now()
	}
	return t
}

// shownPass is a pass as policy, key and id of each ticket.
func shownPass(pass *records.FlowPass) string {
	var all []string
	for _, t := range pass.GetTickets() {
		all = append(all, t.Policy+"/"+t.Key+"/"+t.Id)
	}
	return strings.Join(all, " ")
}

func TestTheNextRunTakesOverWhatBothAreUnder(t *testing.T) {
	pass := func(tickets ...*records.FlowTicket) *records.FlowPass { return &records.FlowPass{Tickets: tickets} }
	for name, c := range map[string]struct {
		from, to   *records.FlowPass
		left, next string
	}{
		"the same": {
			pass(ticket("a", "k", "old", true), ticket("b", "", "old", true)), pass(ticket("a", "k", "new", false), ticket("b", "", "new", false)),
			"", "a/k/old b//old",
		},
		"another key": {
			pass(ticket("a", "k", "old", true)), pass(ticket("a", "l", "new", false)),
			"a/k/old", "a/l/new",
		},
		"nothing any more": {pass(ticket("a", "", "old", true)), nil, "a//old", ""},
		"nothing before":   {nil, pass(ticket("a", "", "new", false)), "", "a//new"},
		"what was not asked yet is asked by the next": {
			pass(ticket("a", "", "old", true), ticket("b", "", "old", false)), pass(ticket("a", "", "new", false), ticket("b", "", "new", false)),
			"b//old", "a//old b//new",
		},
		"a new policy comes first, so that nobody waits in a circle": {
			pass(ticket("b", "", "old", true)), pass(ticket("a", "", "new", false), ticket("b", "", "new", false)),
			"b//old", "a//new b//new",
		},
	} {
		left, next := HandOver(c.from, c.to)
		if got := shownPass(left); got != c.left {
			t.Errorf("%s: %q is left, not %q", name, got, c.left)
		}
		if got := shownPass(next); got != c.next {
			t.Errorf("%s: the next has %q, not %q", name, got, c.next)
		}
	}
}

func jsonPayloads(values ...string) *commonpb.Payloads {
	p := new(commonpb.Payloads)
	for _, v := range values {
		p.Payloads = append(p.Payloads, &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(v)})
	}
	return p
}

func TestExpressionsSeeWhatIsStarted(t *testing.T) {
	subject := Subject{
		WorkflowID: "id", WorkflowType: "type", TaskQueue: "queue",
		Priority: &commonpb.Priority{FairnessKey: "fair"},
		Input:    jsonPayloads(`{"tenant": "acme", "n": 12345678}`, `[1, 2]`, `not JSON`),
		Header:   &commonpb.Header{Fields: map[string]*commonpb.Payload{"region": jsonPayloads(`"eu"`).Payloads[0]}},
	}
	for expression, want := range map[string]string{
		`input[0].tenant`:   "acme",
		`input[0].n`:        "12345678",
		`input[1][1] > 1.0`: "true",
		`input[2] == null`:  "true",
		`header.region`:     "eu",
		`"other" in header ? header.other : "none"`:             "none",
		`workflow_type + "/" + task_queue + "/" + fairness_key`: "type/queue/fair",
		`priority`:                    "3",
		`workflow_id + activity_type`: "id",
		`input[0].tenant.matches("^a") ? "a" : "other"`:               "a",
		`[1, 2, 3].exists(x, x == 3) && size(search_attributes) == 0`: "true",
	} {
		program, err := compile(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got, err := program.eval(&subject); got != want || err != nil {
			t.Errorf("%s: %q, %v, not %q", expression, got, err, want)
		}
	}
	for _, expression := range []string{`input[0].nothing`, `input[9]`, `header.other`, `input`, `string(input[0])`} {
		program, err := compile(expression)
		if err != nil {
			continue
		}
		if got, err := program.eval(&subject); err == nil {
			t.Errorf("%s: %q", expression, got)
		}
	}
}

func TestAnExpressionThatTakesTooLongIsBrokenOff(t *testing.T) {
	list := "[" + strings.Repeat("1,", 400) + "1]"
	program, err := compile(`input[0].all(a, input[0].all(b, input[0].all(c, a + b + c > 0.0)))`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := program.eval(&Subject{Input: jsonPayloads(list)}); err == nil || !strings.Contains(err.Error(), "cost") {
		t.Errorf("it ends with %v", err)
	}
}

func TestALongKeyIsShortened(t *testing.T) {
	long := strings.Repeat("é", 1000)
	a, b := shortKey(long+"a"), shortKey(long+"b")
	if a == b || len(a) > maxKey || len(b) > maxKey {
		t.Errorf("%q and %q", a, b)
	}
}

func TestAPolicyMatchesByTypeAndTaskQueue(t *testing.T) {
	v := newView(1, []*flowv1.Policy{
		{Name: "all", Target: flowv1.Target_TARGET_WORKFLOWS, MaxRunning: proto.Int64(1)},
		{Name: "of-a-queue", Target: flowv1.Target_TARGET_WORKFLOWS, TaskQueue: "q", MaxRunning: proto.Int64(1)},
		{Name: "of-a-type", Target: flowv1.Target_TARGET_WORKFLOWS, WorkflowType: "t", MaxRunning: proto.Int64(1)},
		{Name: "of-activities", Target: flowv1.Target_TARGET_ACTIVITIES, WorkflowType: "t", ActivityType: "a", MaxRunning: proto.Int64(1)},
	})
	workflow, _ := v.Workflow(&Subject{WorkflowType: "t", TaskQueue: "r"}, "id")
	activity, _ := v.Activity(&Subject{WorkflowType: "t", ActivityType: "a"}, "id")
	other, _ := v.Activity(&Subject{WorkflowType: "t", ActivityType: "b"}, "id")
	if got := shownPass(workflow); got != "all//id of-a-type//id" {
		t.Errorf("a workflow is under %s", got)
	}
	if got := shownPass(activity); got != "of-activities//id" || other != nil {
		t.Errorf("an activity is under %s, another one under %v", got, other)
	}
}
