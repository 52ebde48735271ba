package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/perdure/perdure/internal/server"
)

// The scripts in testdata/http are requests to the HTTP API and what is answered. To record
// them anew:
//
//	go test ./internal/server -run TestTheHTTPAPIAnswers -rewrite
//
// With the URL of the HTTP API of a Temporal server in PEER_HTTP, whose namespace "default" is
// new, that server is asked, and each answer of which the record does not have all is an error.
var peerHTTP = os.Getenv("PEER_HTTP")

func TestTheHTTPAPIAnswersWhatIsRecorded(t *testing.T) {
	datadriven.Walk(t, "testdata/http", func(t *testing.T, path string) {
		site := peerHTTP
		if site == "" {
			s, err := server.Start(t.Context(), server.Options{HTTP: server.HTTPOptions{Listen: "127.0.0.1:0"}, Logger: new(logged).logger()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Stop(context.Background()) })
			site = "http://" + s.HTTPAddress()
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "request" {
				t.Fatalf("%s: there is only request", d.Pos)
			}
			answer := ask(t, site, d.Input)
			if peerHTTP == "" {
				return answer
			}
			if !covers(answer, d.Expected) {
				t.Errorf("%s: a Temporal server answers\n%s\nwhich is not in\n%s", d.Pos, answer, d.Expected)
			}
			return d.Expected
		})
	})
}

// ask makes the request of a script: a line with method and path, headers, and a body below an
// empty line. "(bytes N)" in the body are N letters.
func ask(t *testing.T, site, script string) string {
	t.Helper()
	head, body, _ := strings.Cut(script, "\n\n")
	lines := strings.Split(head, "\n")
	method, target, _ := strings.Cut(lines[0], " ")
	body = regexp.MustCompile(`\(bytes (\d+)\)`).ReplaceAllStringFunc(body, func(match string) string {
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(match, "(bytes "), ")"))
		return strings.Repeat("x", n)
	})
	request, err := http.NewRequestWithContext(t.Context(), method, site+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	form := ""
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return fmt.Sprintf("%d, not JSON\n%s\n", response.StatusCode, strings.TrimSpace(string(data)))
	}
	if bytes.Contains(data, []byte("\n  ")) {
		form = ", pretty"
	}
	text, err := json.MarshalIndent(settled("", value), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d%s\n%s\n", response.StatusCode, form, text)
}

var (
	changingFields = regexp.MustCompile(`(?i)(runid|time|taskid|sizebytes|statetransitioncount|serverversion|clusterid|clustername|persistencestore|visibilitystore|historyshardcount|duration|buildid|nextpagetoken|id|uuid|version|conflicttoken|jitter|attributesdirectory|invalidtext)$`)
	changingTexts  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z`)
)

// settled is a value of JSON without what differs from run to run.
func settled(name string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range maps.Clone(value) {
			delete(value, key)
			value[changingTexts.ReplaceAllString(key, "(changing)")] = settled(key, inner)
		}
	case []any:
		for i, inner := range value {
			value[i] = settled(name, inner)
		}
	case string:
		if changingFields.MatchString(name) && !strings.HasPrefix(name, "workflowId") && !strings.HasPrefix(name, "scheduleId") {
			return "(" + name + ")"
		}
		return changingTexts.ReplaceAllString(value, "(changing)")
	case float64:
		if changingFields.MatchString(name) {
			return "(" + name + ")"
		}
	}
	return value
}

// covers reports whether an answer has all that another one has.
func covers(theirs, ours string) bool {
	theirStatus, theirBody, _ := strings.Cut(theirs, "\n")
	ourStatus, ourBody, _ := strings.Cut(ours, "\n")
	if theirStatus != ourStatus {
		return false
	}
	var a, b any
	if json.Unmarshal([]byte(theirBody), &a) != nil || json.Unmarshal([]byte(ourBody), &b) != nil {
		return theirBody == ourBody
	}
	return contains(b, a)
}

// contains reports whether a value of JSON has all that the part has.
func contains(whole, part any) bool {
	switch part := part.(type) {
	case map[string]any:
		object, ok := whole.(map[string]any)
		for key, inner := range part {
			ok = ok && contains(object[key], inner)
		}
		return ok
	case []any:
		list, ok := whole.([]any)
		if !ok || len(list) != len(part) {
			return false
		}
		for i := range part {
			if !contains(list[i], part[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(whole, part)
}
