package activity_test

import (
	"context"
	"testing"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/internal/activities"
)

func TestTheContextSaysWhetherItIsThatOfAnActivity(t *testing.T) {
	ctx := activities.WithEnv(context.Background(), &activities.Env{Info: activity.Info{ActivityID: "7"}})
	if activity.IsActivity(context.Background()) || !activity.IsActivity(ctx) {
		t.Fatal("IsActivity is wrong")
	}
	if got := activity.GetInfo(ctx).ActivityID; got != "7" {
		t.Fatalf("the id is %q", got)
	}
	if activity.HasHeartbeatDetails(ctx) {
		t.Fatal("there are heartbeat details")
	}
}

func TestAnyOtherContextPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	activity.GetInfo(context.Background())
}
