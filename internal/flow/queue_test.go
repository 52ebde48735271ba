package flow

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
)

func TestTheConcurrencyLimitOfATaskQueueIsAPolicy(t *testing.T) {
	w := newWorld(t, atOnce(1))
	loaded, err := PolicyMachine{}.Load(context.Background(), w, PoliciesKey(testNamespace))
	if err != nil {
		t.Fatal(err)
	}
	policies := loaded.(*Policies)
	told := func(queue string, limit *int64) {
		t.Helper()
		step := entity.NewStep(time.Unix(1e9, 0), w)
		LimitQueue(step, testNamespace, queue, limit, "why")
		for _, m := range step.Outputs().Messages {
			if err := policies.Receive(entity.NewStep(time.Unix(1e9, 0), w), entity.Key{}, m.Body); err != nil || m.To != PoliciesKey(testNamespace) {
				t.Fatal(m.To, err)
			}
		}
	}
	odd := "a queue/" + strings.Repeat("x", 500)
	for range 2 { // a message may come twice
		told("queue", proto.Int64(3))
		told(odd, proto.Int64(0))
	}
	list := policies.List()
	if len(list) != 2 || list[1].Name != "task-queue.queue" || list[1].GetMaxRunning() != 3 || list[1].TaskQueue != "queue" ||
		list[0].TaskQueue != odd || CheckName(list[0].Name) != nil {
		t.Errorf("the policies are %v", list)
	}
	for range 2 {
		told("queue", nil)
		told(odd, nil)
	}
	if list := policies.List(); len(list) != 0 {
		t.Errorf("the policies are %v", list)
	}
}
