package client

import (
	"context"
	"errors"

	"github.com/google/uuid"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

// ScheduleClient creates, lists and finds schedules, which start workflows at times that
// their specification gives. It is safe for concurrent use.
type ScheduleClient interface {
	// Create creates a schedule. It fails with temporal.ErrScheduleAlreadyRunning if there
	// is one with the id, and with [*serviceerror.InvalidArgument] if its specification
	// cannot be read.
	Create(ctx context.Context, options ScheduleOptions) (ScheduleHandle, error)
	// List returns an iterator over schedules, as the server's index knows them: what
	// happened a moment ago may be missing. Errors come from the iterator.
	List(ctx context.Context, options ScheduleListOptions) (ScheduleListIterator, error)
	// GetHandle returns the handle of a schedule, without asking the server whether it
	// exists.
	GetHandle(ctx context.Context, scheduleID string) ScheduleHandle
}

// ScheduleHandle is a schedule. It is safe for concurrent use. Its methods fail with
// [*serviceerror.NotFound] if the schedule does not exist.
type ScheduleHandle interface {
	// GetID returns the schedule's id.
	GetID() string
	// Delete deletes the schedule. Workflows that it has started are left alone.
	Delete(ctx context.Context) error
	// Backfill takes at once the actions that the times given would have brought.
	Backfill(ctx context.Context, options ScheduleBackfillOptions) error
	// Update reads the schedule, calls options.DoUpdate with it, and writes what that
	// returns. Of updates at the same time, the last one wins. It returns the error of
	// DoUpdate, unless that is temporal.ErrSkipScheduleUpdate.
	Update(ctx context.Context, options ScheduleUpdateOptions) error
	// Describe returns the schedule and what it has done lately.
	Describe(ctx context.Context) (*ScheduleDescription, error)
	// Trigger takes an action now, also if the schedule is paused. It returns before the
	// workflow is started.
	Trigger(ctx context.Context, options ScheduleTriggerOptions) error
	// Pause stops the schedule from taking actions until Unpause. Workflows that it has
	// started go on. Times that pass meanwhile are not made up for.
	Pause(ctx context.Context, options SchedulePauseOptions) error
	// Unpause lets a schedule that was paused take actions again.
	Unpause(ctx context.Context, options ScheduleUnpauseOptions) error
}

// ScheduleListIterator goes through schedules.
type ScheduleListIterator interface {
	// HasNext says whether there is another schedule, or an error, for Next to return. It
	// may ask the server.
	HasNext() bool
	// Next returns the next schedule. It panics if there is none.
	Next() (*ScheduleListEntry, error)
}

// Notes of those who pause and unpause without giving any. They are the same for all
// clients, so that people and tools can search for them.
const (
	defaultPauseNote   = "Paused via Go SDK"
	defaultUnpauseNote = "Unpaused via Go SDK"
)

type scheduleClient struct{ client *Client }

// ScheduleClient returns the client for schedules.
func (c *Client) ScheduleClient() ScheduleClient { return scheduleClient{c} }

func (s scheduleClient) Create(ctx context.Context, options ScheduleOptions) (ScheduleHandle, error) {
	return s.client.outbound.CreateSchedule(s.client.outgoing(ctx), &ScheduleClientCreateInput{Options: &options})
}

func (s scheduleClient) GetHandle(_ context.Context, scheduleID string) ScheduleHandle {
	return &scheduleHandle{client: s.client, id: scheduleID}
}

func (s scheduleClient) List(ctx context.Context, options ScheduleListOptions) (ScheduleListIterator, error) {
	c := s.client
	return newPages("ScheduleListIterator", func(token []byte) ([]*schedulepb.ScheduleListEntry, []byte, error) {
		response, err := c.service.ListSchedules(ctx, &workflowservice.ListSchedulesRequest{
			Namespace:       c.namespace,
			MaximumPageSize: int32(options.PageSize),
			NextPageToken:   token,
			Query:           options.Query,
		})
		return response.GetSchedules(), response.GetNextPageToken(), err
	}, scheduleListEntryFromProto), nil
}

func (o outbound) CreateSchedule(ctx context.Context, in *ScheduleClientCreateInput) (ScheduleHandle, error) {
	options := in.Options
	if options.ID == "" {
		return nil, errors.New("no schedule ID in options")
	}
	if options.Action == nil {
		return nil, errors.New("no schedule action in options")
	}
	schedule, err := o.scheduleToProto(ctx, &Schedule{
		Action: options.Action,
		Spec:   &options.Spec,
		Policy: &SchedulePolicies{
			Overlap:        options.Overlap,
			CatchupWindow:  options.CatchupWindow,
			PauseOnFailure: options.PauseOnFailure,
		},
		State: &ScheduleState{
			Note:             options.Note,
			Paused:           options.Paused,
			LimitedActions:   options.RemainingActions != 0,
			RemainingActions: options.RemainingActions,
		},
	})
	if err != nil {
		return nil, err
	}
	memo, err := encoded.Memo(options.Memo, o.converterIn(ctx))
	if err != nil {
		return nil, err
	}
	attributes, err := searchattr.EncodeForStart(options.SearchAttributes, options.TypedSearchAttributes)
	if err != nil {
		return nil, err
	}
	_, err = o.service.CreateSchedule(ctx, &workflowservice.CreateScheduleRequest{
		Namespace:        o.namespace,
		ScheduleId:       options.ID,
		RequestId:        uuid.NewString(),
		Schedule:         schedule,
		InitialPatch:     initialPatch(options),
		Identity:         o.identity,
		Memo:             memo,
		SearchAttributes: attributes,
	})
	var exists *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &exists) {
		return nil, failure.ErrScheduleAlreadyRunning
	}
	if err != nil {
		return nil, err
	}
	return &scheduleHandle{client: o.Client, id: options.ID}, nil
}

// initialPatch is what to do as soon as the schedule exists, or nil.
func initialPatch(options *ScheduleOptions) *schedulepb.SchedulePatch {
	if !options.TriggerImmediately && len(options.ScheduleBackfill) == 0 {
		return nil
	}
	patch := &schedulepb.SchedulePatch{BackfillRequest: backfillsToProto(options.ScheduleBackfill)}
	if options.TriggerImmediately {
		patch.TriggerImmediately = &schedulepb.TriggerImmediatelyRequest{OverlapPolicy: options.Overlap}
	}
	return patch
}

type scheduleHandle struct {
	client *Client
	id     string
}

func (h *scheduleHandle) GetID() string { return h.id }

func (h *scheduleHandle) Delete(ctx context.Context) error {
	_, err := h.client.service.DeleteSchedule(ctx, &workflowservice.DeleteScheduleRequest{
		Namespace: h.client.namespace, ScheduleId: h.id, Identity: h.client.identity,
	})
	return err
}

func (h *scheduleHandle) Describe(ctx context.Context) (*ScheduleDescription, error) {
	response, err := h.client.service.DescribeSchedule(ctx, &workflowservice.DescribeScheduleRequest{
		Namespace: h.client.namespace, ScheduleId: h.id,
	})
	if err != nil {
		return nil, err
	}
	return h.client.scheduleDescriptionFromProto(response)
}

func (h *scheduleHandle) Update(ctx context.Context, options ScheduleUpdateOptions) error {
	ctx = h.client.outgoing(ctx)
	description, err := h.Describe(ctx)
	if err != nil {
		return err
	}
	update, err := options.DoUpdate(ScheduleUpdateInput{Description: *description})
	if errors.Is(err, failure.ErrSkipScheduleUpdate) || (err == nil && update == nil) {
		return nil
	}
	if err != nil {
		return err
	}
	schedule, err := h.client.scheduleToProto(ctx, update.Schedule)
	if err != nil {
		return err
	}
	request := &workflowservice.UpdateScheduleRequest{
		Namespace:  h.client.namespace,
		ScheduleId: h.id,
		Schedule:   schedule,
		Identity:   h.client.identity,
		RequestId:  uuid.NewString(),
	}
	if update.TypedSearchAttributes != nil {
		if request.SearchAttributes, err = searchattr.Encode(update.TypedSearchAttributes.GetUntypedValues()); err != nil {
			return err
		}
	}
	_, err = h.client.service.UpdateSchedule(ctx, request)
	return err
}

func (h *scheduleHandle) Backfill(ctx context.Context, options ScheduleBackfillOptions) error {
	return h.patch(ctx, &schedulepb.SchedulePatch{BackfillRequest: backfillsToProto(options.Backfill)})
}

func (h *scheduleHandle) Trigger(ctx context.Context, options ScheduleTriggerOptions) error {
	return h.patch(ctx, &schedulepb.SchedulePatch{
		TriggerImmediately: &schedulepb.TriggerImmediatelyRequest{OverlapPolicy: options.Overlap},
	})
}

func (h *scheduleHandle) Pause(ctx context.Context, options SchedulePauseOptions) error {
	return h.patch(ctx, &schedulepb.SchedulePatch{Pause: orElse(options.Note, defaultPauseNote)})
}

func (h *scheduleHandle) Unpause(ctx context.Context, options ScheduleUnpauseOptions) error {
	return h.patch(ctx, &schedulepb.SchedulePatch{Unpause: orElse(options.Note, defaultUnpauseNote)})
}

func (h *scheduleHandle) patch(ctx context.Context, patch *schedulepb.SchedulePatch) error {
	_, err := h.client.service.PatchSchedule(ctx, &workflowservice.PatchScheduleRequest{
		Namespace:  h.client.namespace,
		ScheduleId: h.id,
		Patch:      patch,
		Identity:   h.client.identity,
		RequestId:  uuid.NewString(),
	})
	return err
}

// orElse is s, or instead if s is empty.
func orElse(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}
