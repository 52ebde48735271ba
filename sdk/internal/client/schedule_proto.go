package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

func (c *Client) scheduleToProto(ctx context.Context, schedule *Schedule) (*schedulepb.Schedule, error) {
	if schedule == nil {
		return nil, errors.New("no schedule to write: ScheduleUpdate.Schedule is nil")
	}
	action, err := c.scheduleActionToProto(ctx, schedule.Action)
	if err != nil {
		return nil, err
	}
	policies, state := schedule.Policy, schedule.State
	if policies == nil {
		policies = &SchedulePolicies{}
	}
	if state == nil {
		state = &ScheduleState{}
	}
	p := &schedulepb.Schedule{
		Spec:   scheduleSpecToProto(schedule.Spec),
		Action: action,
		Policies: &schedulepb.SchedulePolicies{
			OverlapPolicy:  policies.Overlap,
			PauseOnFailure: policies.PauseOnFailure,
		},
		State: &schedulepb.ScheduleState{
			Notes:            state.Note,
			Paused:           state.Paused,
			LimitedActions:   state.LimitedActions,
			RemainingActions: int64(state.RemainingActions),
		},
	}
	if policies.CatchupWindow != 0 { // a zero on the wire would be a window that is closed
		p.Policies.CatchupWindow = durationpb.New(policies.CatchupWindow)
	}
	return p, nil
}

func (c *Client) scheduleActionToProto(ctx context.Context, action ScheduleAction) (*schedulepb.ScheduleAction, error) {
	start, ok := action.(*ScheduleWorkflowAction)
	if !ok || start == nil {
		return nil, fmt.Errorf("a schedule's action must be a *ScheduleWorkflowAction, not %T", action)
	}
	id := start.ID
	if id == "" {
		id = uuid.NewString()
	}
	name, err := workflowType(start.Workflow, start.Args)
	if err != nil {
		return nil, err
	}
	dc := c.converterFor(ctx, c.workflowPayloads(id))
	input, err := encodeAllButPayloads(start.Args, dc)
	if err != nil {
		return nil, err
	}
	memo, err := encodeMemoButPayloads(start.Memo, dc)
	if err != nil {
		return nil, err
	}
	attributes, err := scheduledAttributes(start)
	if err != nil {
		return nil, err
	}
	h, err := header.Inject(ctx, c.propagators)
	if err != nil {
		return nil, err
	}
	metadata, err := encoded.UserMetadata(start.StaticSummary, start.StaticDetails, dc)
	if err != nil {
		return nil, err
	}
	return &schedulepb.ScheduleAction{Action: &schedulepb.ScheduleAction_StartWorkflow{
		StartWorkflow: &workflowpb.NewWorkflowExecutionInfo{
			WorkflowId:               id,
			WorkflowType:             &commonpb.WorkflowType{Name: name},
			TaskQueue:                &taskqueuepb.TaskQueue{Name: start.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
			Input:                    input,
			WorkflowExecutionTimeout: durationpb.New(start.WorkflowExecutionTimeout),
			WorkflowRunTimeout:       durationpb.New(start.WorkflowRunTimeout),
			WorkflowTaskTimeout:      durationpb.New(start.WorkflowTaskTimeout),
			RetryPolicy:              policy.RetryToProto(start.RetryPolicy),
			Memo:                     memo,
			SearchAttributes:         attributes,
			Header:                   h,
			UserMetadata:             metadata,
			VersioningOverride:       policy.VersioningOverrideToProto(start.VersioningOverride),
			Priority:                 policy.PriorityToProto(start.Priority),
		},
	}}, nil
}

// encodeAllButPayloads encodes values, apart from those that are payloads since they were
// read from the server.
func encodeAllButPayloads(values []any, dc converter.DataConverter) (*commonpb.Payloads, error) {
	payloads := make([]*commonpb.Payload, len(values))
	for n, value := range values {
		payload, ok := value.(*commonpb.Payload)
		if !ok {
			var err error
			if payload, err = dc.ToPayload(value); err != nil {
				return nil, err
			}
		}
		payloads[n] = payload
	}
	return &commonpb.Payloads{Payloads: payloads}, nil
}

func encodeMemoButPayloads(memo map[string]any, dc converter.DataConverter) (*commonpb.Memo, error) {
	values := make(map[string]any, len(memo))
	payloads := make(map[string]*commonpb.Payload)
	for key, value := range memo {
		if payload, ok := value.(*commonpb.Payload); ok {
			payloads[key] = payload
		} else {
			values[key] = value
		}
	}
	if memo == nil {
		return nil, nil
	}
	p, err := encoded.Memo(values, dc)
	if err != nil {
		return nil, err
	}
	for key, payload := range payloads {
		p.Fields[key] = payload
	}
	return p, nil
}

// scheduledAttributes are the typed search attributes, and of the untyped ones those whose
// names are not among them.
func scheduledAttributes(start *ScheduleWorkflowAction) (*commonpb.SearchAttributes, error) {
	attributes, err := searchattr.EncodeForStart(nil, start.TypedSearchAttributes)
	if err != nil {
		return nil, err
	}
	for name, payload := range start.UntypedSearchAttributes {
		if attributes.GetIndexedFields()[name] != nil {
			continue
		}
		if attributes == nil {
			attributes = &commonpb.SearchAttributes{}
		}
		if attributes.IndexedFields == nil {
			attributes.IndexedFields = map[string]*commonpb.Payload{}
		}
		attributes.IndexedFields[name] = payload
	}
	return attributes, nil
}

func (c *Client) scheduleActionFromProto(p *schedulepb.ScheduleAction) (ScheduleAction, error) {
	start := p.GetStartWorkflow()
	if start == nil {
		return nil, fmt.Errorf("the schedule has an action that this client does not know: %T", p.GetAction())
	}
	dc, _ := c.resultConverters(start.GetWorkflowId())
	action := &ScheduleWorkflowAction{
		ID:                       start.GetWorkflowId(),
		Workflow:                 start.GetWorkflowType().GetName(),
		Args:                     each(start.GetInput().GetPayloads(), func(p *commonpb.Payload) any { return p }),
		TaskQueue:                start.GetTaskQueue().GetName(),
		WorkflowExecutionTimeout: start.GetWorkflowExecutionTimeout().AsDuration(),
		WorkflowRunTimeout:       start.GetWorkflowRunTimeout().AsDuration(),
		WorkflowTaskTimeout:      start.GetWorkflowTaskTimeout().AsDuration(),
		RetryPolicy:              policy.RetryFromProto(start.GetRetryPolicy()),
		Memo:                     map[string]any{},
		TypedSearchAttributes:    searchattr.Decode(c.logger, start.GetSearchAttributes()),
		UntypedSearchAttributes:  map[string]*commonpb.Payload{},
		VersioningOverride:       policy.VersioningOverrideFromProto(start.GetVersioningOverride()),
		Priority:                 policy.PriorityFromProto(start.GetPriority()),
	}
	for key, payload := range start.GetMemo().GetFields() {
		action.Memo[key] = payload
	}
	typed := map[string]bool{}
	for key := range action.TypedSearchAttributes.GetUntypedValues() {
		typed[key.GetName()] = true
	}
	for name, payload := range start.GetSearchAttributes().GetIndexedFields() {
		if !typed[name] {
			action.UntypedSearchAttributes[name] = payload
		}
	}
	var err error
	if summary := start.GetUserMetadata().GetSummary(); summary != nil {
		err = dc.FromPayload(summary, &action.StaticSummary)
	}
	if details := start.GetUserMetadata().GetDetails(); details != nil && err == nil {
		err = dc.FromPayload(details, &action.StaticDetails)
	}
	if err != nil {
		return nil, fmt.Errorf("unable to decode the summary and details of the schedule's workflow: %w", err)
	}
	return action, nil
}

func (c *Client) scheduleDescriptionFromProto(p *workflowservice.DescribeScheduleResponse) (*ScheduleDescription, error) {
	schedule, info := p.GetSchedule(), p.GetInfo()
	action, err := c.scheduleActionFromProto(schedule.GetAction())
	if err != nil {
		return nil, err
	}
	return &ScheduleDescription{
		Schedule: Schedule{
			Action: action,
			Spec:   scheduleSpecFromProto(schedule.GetSpec()),
			Policy: &SchedulePolicies{
				Overlap:        schedule.GetPolicies().GetOverlapPolicy(),
				CatchupWindow:  schedule.GetPolicies().GetCatchupWindow().AsDuration(),
				PauseOnFailure: schedule.GetPolicies().GetPauseOnFailure(),
			},
			State: &ScheduleState{
				Note:             schedule.GetState().GetNotes(),
				Paused:           schedule.GetState().GetPaused(),
				LimitedActions:   schedule.GetState().GetLimitedActions(),
				RemainingActions: int(schedule.GetState().GetRemainingActions()),
			},
		},
		Info: ScheduleInfo{
			NumActions:                    int(info.GetActionCount()),
			NumActionsMissedCatchupWindow: int(info.GetMissedCatchupWindow()),
			NumActionsSkippedOverlap:      int(info.GetOverlapSkipped()),
			RunningWorkflows: each(info.GetRunningWorkflows(), func(w *commonpb.WorkflowExecution) ScheduleWorkflowExecution {
				return ScheduleWorkflowExecution{WorkflowID: w.GetWorkflowId(), FirstExecutionRunID: w.GetRunId()}
			}),
			RecentActions:   each(info.GetRecentActions(), scheduleActionResultFromProto),
			NextActionTimes: each(info.GetFutureActionTimes(), (*timestamppb.Timestamp).AsTime),
			CreatedAt:       timeFromProto(info.GetCreateTime()),
			LastUpdateAt:    timeFromProto(info.GetUpdateTime()),
		},
		Memo:                  p.GetMemo(),
		SearchAttributes:      p.GetSearchAttributes(),
		TypedSearchAttributes: searchattr.Decode(c.logger, p.GetSearchAttributes()),
	}, nil
}

func scheduleListEntryFromProto(p *schedulepb.ScheduleListEntry) *ScheduleListEntry {
	info := p.GetInfo()
	return &ScheduleListEntry{
		ID:               p.GetScheduleId(),
		Spec:             scheduleSpecFromProto(info.GetSpec()),
		Note:             info.GetNotes(),
		Paused:           info.GetPaused(),
		WorkflowType:     execution.WorkflowType{Name: info.GetWorkflowType().GetName()},
		RecentActions:    each(info.GetRecentActions(), scheduleActionResultFromProto),
		NextActionTimes:  each(info.GetFutureActionTimes(), (*timestamppb.Timestamp).AsTime),
		Memo:             p.GetMemo(),
		SearchAttributes: p.GetSearchAttributes(),
	}
}

func scheduleActionResultFromProto(p *schedulepb.ScheduleActionResult) ScheduleActionResult {
	result := ScheduleActionResult{ScheduleTime: p.GetScheduleTime().AsTime(), ActualTime: p.GetActualTime().AsTime()}
	if started := p.GetStartWorkflowResult(); started != nil {
		result.StartWorkflowResult = &ScheduleWorkflowExecution{WorkflowID: started.GetWorkflowId(), FirstExecutionRunID: started.GetRunId()}
	}
	return result
}

func backfillsToProto(backfills []ScheduleBackfill) []*schedulepb.BackfillRequest {
	return each(backfills, func(b ScheduleBackfill) *schedulepb.BackfillRequest {
		return &schedulepb.BackfillRequest{
			StartTime:     timestamppb.New(b.Start),
			EndTime:       timestamppb.New(b.End),
			OverlapPolicy: b.Overlap,
		}
	})
}
