package token

import (
	"errors"
	"strings"
	"testing"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/records"
)

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	task := func(b []byte) error { _, err := DecodeTask(b); return err }
	history := func(b []byte) error { _, err := DecodeHistory(b); return err }
	namespaces := func(b []byte) error { _, err := DecodeNamespaces(b); return err }
	for name, test := range map[string]struct {
		decode  func([]byte) error
		encoded []byte
		says    string
	}{
		"no task token":                   {task, nil, "Task token not set on request."},
		"a task token that is none":       {task, []byte("\xff\xff"), "Error deserializing task token."},
		"a task token of no namespace":    {task, EncodeTask(&records.TaskToken{WorkflowId: "w"}), "Error deserializing task token."},
		"a task token that is too long":   {task, EncodeTask(&records.TaskToken{NamespaceId: strings.Repeat("n", MaxSize)}), "Error deserializing task token."},
		"a page token that is none":       {history, []byte("\xff\xff"), "Invalid NextPageToken."},
		"a page token of no run":          {history, EncodeHistory(&records.HistoryToken{NextEventId: 1}), "Invalid NextPageToken."},
		"a page token of negative ids":    {history, EncodeHistory(&records.HistoryToken{RunId: "r", NextEventId: -1}), "Invalid NextPageToken."},
		"a page token that is too long":   {history, EncodeHistory(&records.HistoryToken{RunId: strings.Repeat("r", MaxSize)}), "Invalid NextPageToken."},
		"a list's token that is too long": {namespaces, make([]byte, MaxSize+1), "Invalid NextPageToken."},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.decode(test.encoded)
			var invalid *serviceerror.InvalidArgument
			if !errors.As(err, &invalid) || err.Error() != test.says {
				t.Errorf("error is %v, want InvalidArgument: %s", err, test.says)
			}
		})
	}
}

func TestNoPageTokenIsTheBeginning(t *testing.T) {
	if token, err := DecodeHistory(nil); token != nil || err != nil {
		t.Errorf("history: %v, %v", token, err)
	}
	if after, err := DecodeNamespaces(nil); after != "" || err != nil {
		t.Errorf("namespaces: %q, %v", after, err)
	}
}

func TestATokenIsForWhatItNames(t *testing.T) {
	query := &records.TaskToken{NamespaceId: "n", QueryId: "q", TaskQueue: "t"}
	task := &records.TaskToken{NamespaceId: "n", WorkflowId: "w", RunId: "r"}
	if CheckTask(task) != nil || CheckQuery(query) != nil {
		t.Error("a token is refused for what it is for")
	}
	if CheckTask(query) == nil {
		t.Error("the token of a query is accepted for that of a task")
	}
	if CheckQuery(task) != nil {
		t.Error("the token of a task is none of a query: there is no such query, which is for the caller to say")
	}
	if CheckQuery(&records.TaskToken{NamespaceId: "n"}) == nil {
		t.Error("a token that names nothing is accepted")
	}
}

func FuzzTask(f *testing.F) {
	f.Add([]byte("nonsense"))
	f.Add(EncodeTask(&records.TaskToken{NamespaceId: "n", WorkflowId: "w", RunId: "r", ScheduledEventId: 5, Attempt: 1}))
	f.Add(EncodeTask(&records.TaskToken{NamespaceId: "n", QueryId: "q", TaskQueue: "t"}))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		roundTrip(t, encoded, DecodeTask, EncodeTask)
	})
}

func FuzzHistory(f *testing.F) {
	f.Add([]byte("nonsense"))
	f.Add(EncodeHistory(&records.HistoryToken{RunId: "r", NextEventId: 5, Waiting: true}))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		if len(encoded) > 0 {
			roundTrip(t, encoded, DecodeHistory, EncodeHistory)
		}
	})
}

func FuzzList(f *testing.F) {
	const query = 7
	f.Add([]byte("nonsense"))
	f.Add(EncodeList(&records.ListToken{Query: query, Closed: 1, Started: -2, Id: 3}))
	f.Add(EncodeList(&records.ListToken{Query: query, By: []*records.OrderValue{
		{}, {Value: &records.OrderValue_Integer{Integer: -1}}, {Value: &records.OrderValue_Number{Number: 0.5}}, {Value: &records.OrderValue_Text{Text: "é"}},
	}}))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		if len(encoded) > 0 {
			roundTrip(t, encoded, func(encoded []byte) (*records.ListToken, error) { return DecodeList(encoded, query) }, EncodeList)
		}
	})
}

func roundTrip[T proto.Message](t *testing.T, encoded []byte, decode func([]byte) (T, error), encode func(T) []byte) {
	token, err := decode(encoded)
	if err != nil {
		var invalid *serviceerror.InvalidArgument
		if !errors.As(err, &invalid) {
			t.Errorf("error is %v, want InvalidArgument", err)
		}
		return
	}
	if again, err := decode(encode(token)); err != nil || !proto.Equal(token, again) {
		t.Errorf("%v becomes %v, %v", token, again, err)
	}
}
