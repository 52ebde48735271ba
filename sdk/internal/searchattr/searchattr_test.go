package searchattr_test

import (
	"slices"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/searchattr"
	commonpb "go.temporal.io/api/common/v1"
)

var (
	text    = searchattr.NewString("Text")
	keyword = searchattr.NewKeyword("Keyword")
	flag    = searchattr.NewBool("Flag")
	number  = searchattr.NewInt64("Number")
	ratio   = searchattr.NewFloat64("Ratio")
	when    = searchattr.NewTime("When")
	list    = searchattr.NewKeywordList("List")
	noon    = time.Date(2026, 1, 2, 12, 0, 0, 5, time.UTC)
)

func all() searchattr.SearchAttributes {
	return searchattr.New(text.ValueSet("a b"), keyword.ValueSet("k"), flag.ValueSet(true), number.ValueSet(7),
		ratio.ValueSet(1.5), when.ValueSet(noon), list.ValueSet([]string{"x", "y"}))
}

func check(t *testing.T, sa searchattr.SearchAttributes) {
	t.Helper()
	if v, ok := sa.GetString(text); !ok || v != "a b" {
		t.Errorf("text is %q, %v", v, ok)
	}
	if v, ok := sa.GetKeyword(keyword); !ok || v != "k" {
		t.Errorf("keyword is %q, %v", v, ok)
	}
	if v, ok := sa.GetBool(flag); !ok || !v {
		t.Errorf("flag is %v, %v", v, ok)
	}
	if v, ok := sa.GetInt64(number); !ok || v != 7 {
		t.Errorf("number is %v, %v", v, ok)
	}
	if v, ok := sa.GetFloat64(ratio); !ok || v != 1.5 {
		t.Errorf("ratio is %v, %v", v, ok)
	}
	if v, ok := sa.GetTime(when); !ok || !v.Equal(noon) {
		t.Errorf("when is %v, %v", v, ok)
	}
	if v, ok := sa.GetKeywordList(list); !ok || !slices.Equal(v, []string{"x", "y"}) {
		t.Errorf("list is %v, %v", v, ok)
	}
	if sa.Size() != 7 || !sa.ContainsKey(list) {
		t.Errorf("size is %d", sa.Size())
	}
}

func TestValuesAreGotAsTheyWereSet(t *testing.T) { check(t, all()) }

func TestValuesAreTheSameAfterTheWire(t *testing.T) {
	encoded, err := searchattr.Encode(all().GetUntypedValues())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Text": "Text", "Keyword": "Keyword", "Flag": "Bool", "Number": "Int", "Ratio": "Double", "When": "Datetime", "List": "KeywordList"} {
		if got := string(encoded.GetIndexedFields()[name].GetMetadata()["type"]); got != want {
			t.Errorf("type of %s is %q, want %q", name, got, want)
		}
	}
	check(t, searchattr.Decode(logger.Discard{}, encoded))
}

func TestLaterUpdatesWin(t *testing.T) {
	sa := searchattr.New(all().Copy(), number.ValueSet(8), keyword.ValueUnset())
	if v, _ := sa.GetInt64(number); v != 8 {
		t.Errorf("number is %d", v)
	}
	if _, ok := sa.GetKeyword(keyword); ok || sa.ContainsKey(keyword) || sa.Size() != 6 {
		t.Errorf("keyword is there, size is %d", sa.Size())
	}
	if value, ok := searchattr.Changes(sa)[keyword]; !ok || value != nil {
		t.Error("that keyword is to be unset is lost")
	}
	check(t, all())
}

func TestAKeyOfAnotherTypeIsAnotherAttribute(t *testing.T) {
	sa := searchattr.New(searchattr.NewString("Name").ValueSet("s"))
	if _, ok := sa.GetKeyword(searchattr.NewKeyword("Name")); ok {
		t.Error("a text is a keyword")
	}
}

func TestCollectionsDoNotShareLists(t *testing.T) {
	values := []string{"x"}
	sa := searchattr.New(list.ValueSet(values))
	values[0] = "changed"
	got, _ := sa.GetKeywordList(list)
	got[0] = "changed"
	if got, _ := sa.GetKeywordList(list); got[0] != "x" {
		t.Errorf("list is %v", got)
	}
}

func TestTheZeroCollectionIsEmpty(t *testing.T) {
	var sa searchattr.SearchAttributes
	if sa.Size() != 0 || sa.ContainsKey(text) || len(sa.GetUntypedValues()) != 0 {
		t.Error("it is not")
	}
	text.ValueSet("s")(&sa)
	if sa.Size() != 1 {
		t.Error("it cannot be set")
	}
}

func TestAWorkflowIsStartedWithoutAttributesThatAreUnset(t *testing.T) {
	for name, c := range map[string]struct {
		untyped map[string]any
		typed   searchattr.SearchAttributes
		want    int // -1 for an error
	}{
		"none":                  {nil, searchattr.SearchAttributes{}, 0},
		"typed":                 {nil, searchattr.New(text.ValueSet("a"), keyword.ValueUnset()), 1},
		"untyped":               {map[string]any{"A": 1, "B": nil, "C": &commonpb.Payload{}}, searchattr.SearchAttributes{}, 2},
		"untyped, all unset":    {map[string]any{"B": nil}, searchattr.SearchAttributes{}, 0},
		"both":                  {map[string]any{"A": 1}, all(), -1},
		"what does not encode":  {map[string]any{"A": make(chan int)}, searchattr.SearchAttributes{}, -1},
		"typed with no untyped": {map[string]any{}, searchattr.SearchAttributes{}, 0},
	} {
		got, err := searchattr.EncodeForStart(c.untyped, c.typed)
		switch {
		case (err != nil) != (c.want < 0):
			t.Errorf("%s: %v", name, err)
		case err == nil && len(got.GetIndexedFields()) != c.want:
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestAttributesThatMakeNoSenseAreLeftOut(t *testing.T) {
	encoded, err := searchattr.EncodeUntyped(map[string]any{"NoType": 1, "TemporalChangeVersion": []string{"c-1"}})
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := searchattr.Encode(map[searchattr.Key]any{number: "seven"})
	if err != nil {
		t.Fatal(err)
	}
	encoded.IndexedFields["Number"] = wrong.IndexedFields["Number"]
	sa := searchattr.Decode(logger.Discard{}, encoded)
	// Old servers return this one without a type, and workflows need it.
	if v, ok := sa.GetKeywordList(searchattr.NewKeywordList("TemporalChangeVersion")); !ok || !slices.Equal(v, []string{"c-1"}) || sa.Size() != 1 {
		t.Errorf("got %v, size %d", v, sa.Size())
	}
}
