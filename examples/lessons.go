package main

import (
	"github.com/perdure/perdure/examples/activities"
	"github.com/perdure/perdure/examples/asyncactivities"
	"github.com/perdure/perdure/examples/cancellation"
	"github.com/perdure/perdure/examples/children"
	"github.com/perdure/perdure/examples/continueasnew"
	"github.com/perdure/perdure/examples/cron"
	"github.com/perdure/perdure/examples/dynamic"
	"github.com/perdure/perdure/examples/encryption"
	"github.com/perdure/perdure/examples/heartbeats"
	"github.com/perdure/perdure/examples/interceptors"
	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/examples/localactivities"
	"github.com/perdure/perdure/examples/memos"
	"github.com/perdure/perdure/examples/parallel"
	"github.com/perdure/perdure/examples/propagation"
	"github.com/perdure/perdure/examples/queries"
	"github.com/perdure/perdure/examples/replaying"
	"github.com/perdure/perdure/examples/retries"
	"github.com/perdure/perdure/examples/saga"
	"github.com/perdure/perdure/examples/sideeffects"
	"github.com/perdure/perdure/examples/signals"
	"github.com/perdure/perdure/examples/timers"
	"github.com/perdure/perdure/examples/typeddefinitions"
	"github.com/perdure/perdure/examples/updates"
	"github.com/perdure/perdure/examples/versioning"
	"github.com/perdure/perdure/examples/workflowids"
)

// lessons are in the order in which they are best read.
var lessons = []lesson.Lesson{
	activities.Lesson,
	timers.Lesson,
	signals.Lesson,
	queries.Lesson,
	updates.Lesson,
	children.Lesson,
	parallel.Lesson,
	retries.Lesson,
	heartbeats.Lesson,
	cancellation.Lesson,
	saga.Lesson,
	localactivities.Lesson,
	sideeffects.Lesson,
	versioning.Lesson,
	replaying.Lesson,
	continueasnew.Lesson,
	cron.Lesson,
	workflowids.Lesson,
	memos.Lesson,
	asyncactivities.Lesson,
	typeddefinitions.Lesson,
	dynamic.Lesson,
	interceptors.Lesson,
	propagation.Lesson,
	encryption.Lesson,
}
