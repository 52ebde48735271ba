package schedule

import (
	"encoding/json"
	"maps"
	"strconv"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// maxSent bounds the bytes of the starts that one step sends. One is always sent.
const maxSent = 4 << 20

// Search attributes of the workflows that schedules start.
const (
	attributeScheduledStartTime = "TemporalScheduledStartTime"
	attributeScheduledByID      = "TemporalScheduledById"
)

// send sends the starts whose time has come.
func (s *Schedule) send(step *entity.Step) {
	sent := 0
	for _, start := range s.starts {
		if start.SendAt == nil || start.Sent || start.SendAt.AsTime().After(step.Now) {
			continue
		}
		if sent >= maxSent {
			s.again = true
			return
		}
		req := s.request(start)
		start.Sent, start.WorkflowId = true, req.WorkflowId
		s.touch(start)
		body := mustMarshal(&records.Message{Body: &records.Message_StartWorkflow{StartWorkflow: &records.StartWorkflow{
			Number:  start.Number,
			Request: mustMarshal(req),
		}}})
		sent += len(body)
		step.Send(entity.Key{Kind: entity.KindWorkflow, Namespace: s.key.Namespace, ID: req.WorkflowId}, body)
	}
}

// request is the request to start the workflow of a start, as a client would make it.
func (s *Schedule) request(start *records.ScheduledStart) *workflowservice.StartWorkflowExecutionRequest {
	action := s.def.Schedule.GetAction().GetStartWorkflow()
	nominal := start.NominalTime.AsTime().Truncate(time.Second)
	workflowID, reuse := action.GetWorkflowId(), enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	if s.def.Schedule.GetPolicies().GetKeepOriginalWorkflowId() {
		reuse = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	} else {
		workflowID += "-" + nominal.Format(time.RFC3339)
	}
	if start.Manual {
		reuse = enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}
	req := &workflowservice.StartWorkflowExecutionRequest{
		Namespace:                s.config.NamespaceName(s.key.Namespace),
		WorkflowId:               workflowID,
		WorkflowType:             action.GetWorkflowType(),
		TaskQueue:                action.GetTaskQueue(),
		Input:                    action.GetInput(),
		WorkflowExecutionTimeout: action.GetWorkflowExecutionTimeout(),
		WorkflowRunTimeout:       action.GetWorkflowRunTimeout(),
		WorkflowTaskTimeout:      action.GetWorkflowTaskTimeout(),
		Identity:                 s.identity(),
		RequestId:                s.requestID(start.Number),
		WorkflowIdReusePolicy:    reuse,
		WorkflowIdConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		RetryPolicy:              action.GetRetryPolicy(),
		Memo:                     action.GetMemo(),
		SearchAttributes:         s.startAttributes(nominal),
		Header:                   action.GetHeader(),
		UserMetadata:             action.GetUserMetadata(),
		Priority:                 action.GetPriority(),
		VersioningOverride:       action.GetVersioningOverride(),
	}
	if !start.Overlapping { // those do not follow each other
		req.LastCompletionResult, req.ContinuedFailure = s.outcome.GetResult(), s.outcome.GetFailure()
	}
	return req
}

// startAttributes are the search attributes of a workflow that is started for the time.
func (s *Schedule) startAttributes(nominal time.Time) *commonpb.SearchAttributes {
	fields := maps.Clone(s.def.Schedule.GetAction().GetStartWorkflow().GetSearchAttributes().GetIndexedFields())
	if fields == nil {
		fields = make(map[string]*commonpb.Payload, 2)
	}
	fields[attributeScheduledStartTime] = jsonPayload(nominal)
	fields[attributeScheduledByID] = jsonPayload(s.key.ID)
	return &commonpb.SearchAttributes{IndexedFields: fields}
}

// identity is who starts, cancels and terminates workflows.
func (s *Schedule) identity() string {
	return "temporal-scheduler-" + s.config.NamespaceName(s.key.Namespace) + "-" + s.key.ID
}

// requestID is by what the chain of a workflow knows the start again.
func (s *Schedule) requestID(number int64) string {
	return uuid.NewSHA1(uuid.Nil, []byte(s.def.Id+"/"+strconv.FormatInt(number, 10))).String()
}

func jsonPayload(value any) *commonpb.Payload {
	data, err := json.Marshal(value)
	if err != nil {
		panic("schedule: a value does not encode: " + err.Error())
	}
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: data}
}

func mustMarshal(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("schedule: a message does not encode: " + err.Error())
	}
	return data
}
