package client

import iclient "github.com/perdure/perdure/sdk/internal/client"

type (
	// StartActivityOptions say how to start an activity that belongs to no workflow. ID,
	// TaskQueue and one of ScheduleToCloseTimeout and StartToCloseTimeout are required.
	StartActivityOptions = iclient.StartActivityOptions

	// GetActivityHandleOptions are the options of GetActivityHandle.
	GetActivityHandleOptions = iclient.GetActivityHandleOptions

	// ListActivitiesOptions are the options of ListActivities.
	ListActivitiesOptions = iclient.ListActivitiesOptions

	// ListActivitiesResult is the response of ListActivities.
	ListActivitiesResult = iclient.ListActivitiesResult

	// CountActivitiesOptions are the options of CountActivities.
	CountActivitiesOptions = iclient.CountActivitiesOptions

	// CountActivitiesResult is the response of CountActivities.
	CountActivitiesResult = iclient.CountActivitiesResult

	// CountActivitiesAggregationGroup is how many activities have the same values of what a
	// query groups by.
	CountActivitiesAggregationGroup = iclient.CountActivitiesAggregationGroup

	// ActivityHandle is an activity that belongs to no workflow. It is safe for concurrent use.
	// Its methods fail with [*serviceerror.NotFound] if the activity does not exist.
	ActivityHandle = iclient.ActivityHandle

	// DescribeActivityOptions are the options of ActivityHandle.Describe. What may be large is
	// left out unless it is asked for.
	DescribeActivityOptions = iclient.DescribeActivityOptions

	// CancelActivityOptions are the options of ActivityHandle.Cancel.
	CancelActivityOptions = iclient.CancelActivityOptions

	// TerminateActivityOptions are the options of ActivityHandle.Terminate.
	TerminateActivityOptions = iclient.TerminateActivityOptions

	// PauseActivityOptions are the options of ActivityHandle.Pause.
	PauseActivityOptions = iclient.PauseActivityOptions

	// UnpauseActivityOptions are the options of ActivityHandle.Unpause.
	UnpauseActivityOptions = iclient.UnpauseActivityOptions

	// ActivityExecutionOptions are the options of an activity that can be changed.
	ActivityExecutionOptions = iclient.ActivityExecutionOptions

	// ActivityOptionsUpdate changes options of an activity. What is nil stays as it is.
	ActivityOptionsUpdate = iclient.ActivityOptionsUpdate

	// ActivityOptionChange sets an option, or takes it away.
	ActivityOptionChange[T any] = iclient.ActivityOptionChange[T]

	// ActivityExecutionInfo is what the server knows about every activity. Times that are
	// not known are the Unix epoch.
	ActivityExecutionInfo = iclient.ClientActivityExecutionInfo

	// ActivityExecutionDescription is what the server knows about an activity. Times that are
	// not known are the Unix epoch.
	ActivityExecutionDescription = iclient.ActivityExecutionDescription
)
