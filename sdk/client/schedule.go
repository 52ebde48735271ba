package client

import iclient "github.com/perdure/perdure/sdk/internal/client"

type (
	// ScheduleRange is a range of integers, with both ends.
	ScheduleRange = iclient.ScheduleRange

	// ScheduleCalendarSpec matches times of the calendar, to the second.
	ScheduleCalendarSpec = iclient.ScheduleCalendarSpec

	// ScheduleIntervalSpec matches times that are the same distance apart.
	ScheduleIntervalSpec = iclient.ScheduleIntervalSpec

	// ScheduleSpec says when a schedule takes action.
	ScheduleSpec = iclient.ScheduleSpec

	// SchedulePolicies say what a schedule does if things go another way.
	SchedulePolicies = iclient.SchedulePolicies

	// ScheduleState is whether a schedule is at work.
	ScheduleState = iclient.ScheduleState

	// ScheduleBackfill is a time whose actions are taken at once.
	ScheduleBackfill = iclient.ScheduleBackfill

	// ScheduleAction is what a schedule does: [*ScheduleWorkflowAction].
	ScheduleAction = iclient.ScheduleAction

	// ScheduleWorkflowAction starts a workflow.
	ScheduleWorkflowAction = iclient.ScheduleWorkflowAction

	// ScheduleOptions are the options of ScheduleClient.Create.
	ScheduleOptions = iclient.ScheduleOptions

	// ScheduleClient creates, lists and finds schedules.
	ScheduleClient = iclient.ScheduleClient

	// ScheduleListOptions are the options of ScheduleClient.List.
	ScheduleListOptions = iclient.ScheduleListOptions

	// ScheduleListIterator goes through schedules.
	ScheduleListIterator = iclient.ScheduleListIterator

	// ScheduleListEntry is what a list says about a schedule.
	ScheduleListEntry = iclient.ScheduleListEntry

	// ScheduleUpdateOptions are the options of ScheduleHandle.Update.
	ScheduleUpdateOptions = iclient.ScheduleUpdateOptions

	// ScheduleHandle changes, triggers and describes a schedule. It is safe for concurrent use.
	ScheduleHandle = iclient.ScheduleHandle

	// ScheduleActionResult is an action that was taken.
	ScheduleActionResult = iclient.ScheduleActionResult

	// ScheduleWorkflowExecution is a workflow that a schedule started.
	ScheduleWorkflowExecution = iclient.ScheduleWorkflowExecution

	// ScheduleInfo is what a schedule has done and will do.
	ScheduleInfo = iclient.ScheduleInfo

	// ScheduleDescription is the response of ScheduleHandle.Describe.
	ScheduleDescription = iclient.ScheduleDescription

	// Schedule is what a schedule is made of.
	Schedule = iclient.Schedule

	// ScheduleUpdate is what a schedule is to be after an update.
	ScheduleUpdate = iclient.ScheduleUpdate

	// ScheduleUpdateInput is what the function that changes a schedule goes by.
	ScheduleUpdateInput = iclient.ScheduleUpdateInput

	// ScheduleTriggerOptions are the options of ScheduleHandle.Trigger.
	ScheduleTriggerOptions = iclient.ScheduleTriggerOptions

	// SchedulePauseOptions are the options of ScheduleHandle.Pause.
	SchedulePauseOptions = iclient.SchedulePauseOptions

	// ScheduleUnpauseOptions are the options of ScheduleHandle.Unpause.
	ScheduleUnpauseOptions = iclient.ScheduleUnpauseOptions

	// ScheduleBackfillOptions are the options of ScheduleHandle.Backfill.
	ScheduleBackfillOptions = iclient.ScheduleBackfillOptions
)
