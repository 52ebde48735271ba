package runtime

import (
	"testing"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

var ownerKey = entity.Key{Kind: entity.KindWorkflow, Namespace: "ns\x00", ID: "id"}

// ownedPairs are one pair of each key space that has owners.
func ownedPairs() map[string][2][]byte {
	encoded := ownerKey.Encode(nil)
	queue := entity.Queue{Namespace: "ns\x00", Type: entity.TaskActivity, Name: "queue\x00"}
	task := &entity.Task{Queue: queue, Lane: "lane", ID: 7, Entity: ownerKey, RunID: "run", Created: time.Unix(1, 2)}
	other := entity.Key{Kind: entity.KindWorkflow, Namespace: "ns", ID: "receiver"}
	return map[string][2][]byte{
		"record":     {append(ownerKey.Encode([]byte{spaceRecord}), "record"...), []byte("value")},
		"timer":      {appendTimerKey(nil, 5, encoded, []byte("name")), nil},
		"task":       {appendTaskKey(nil, task.Ref()), appendTask(nil, task)},
		"message":    {appendOutboxKey(nil, 9), appendMessage(nil, encoded, entity.Message{To: other, Body: []byte("body")})},
		"change log": {entity.AppendInt([]byte{spaceLog}, 3), append(ownerKey.Encode(nil), "row"...)},
	}
}

func TestEveryPairHasTheOwnerThatWroteIt(t *testing.T) {
	for name, pair := range ownedPairs() {
		owner, owned, err := Owner(pair[0], pair[1])
		if err != nil || !owned || owner != ownerKey {
			t.Errorf("%s: owner %v, %v, %v", name, owner, owned, err)
		}
	}
	if _, owned, err := Owner(clockKey, entity.AppendInt(nil, 1)); owned || err != nil {
		t.Errorf("the clock is owned (%v), %v", owned, err)
	}
}

func TestAPairThatDoesNotDecodeHasNoOwnerButAnError(t *testing.T) {
	for name, pair := range ownedPairs() {
		if _, _, err := Owner(pair[0][:3], pair[1]); err == nil {
			t.Errorf("%s: a key that is cut off has an owner", name)
		}
	}
	pairs := ownedPairs()
	for _, name := range []string{"task", "message", "change log"} {
		if _, _, err := Owner(pairs[name][0], pairs[name][1][:4]); err == nil {
			t.Errorf("%s: a value that is cut off has an owner", name)
		}
	}
	for _, key := range []string{"", "z", "m x"} {
		if _, _, err := Owner([]byte(key), nil); err == nil {
			t.Errorf("unknown key %q has an owner", key)
		}
	}
}

func TestTheClockOfManyShardsIsTheLatestOne(t *testing.T) {
	var clocks Clocks
	if _, _, ok := clocks.Latest(); ok {
		t.Error("there is a clock where none was added")
	}
	for _, at := range []int64{5, 9, 7} {
		if err := clocks.Add(clockKey, entity.AppendInt(nil, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := clocks.Add([]byte("e"), nil); err != nil {
		t.Errorf("a pair that is no clock: %v", err)
	}
	if err := clocks.Add(clockKey, nil); err == nil {
		t.Error("a clock that does not decode was added")
	}
	if key, value, ok := clocks.Latest(); !ok || string(key) != string(clockKey) || string(value) != string(entity.AppendInt(nil, 9)) {
		t.Errorf("latest clock %q = %x, %v", key, value, ok)
	}
}

func FuzzOwner(f *testing.F) {
	for _, pair := range ownedPairs() {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		_, _, _ = Owner(key, value) // must not panic
	})
}
