package searchattribute

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
)

func jsonValue(data string) *commonpb.Payload {
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(data)}
}

func one(name string, value *commonpb.Payload) *commonpb.SearchAttributes {
	return &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{name: value}}
}

// testCustom has an attribute of each type, called as its type.
func testCustom() map[string]Type {
	names := make(map[string]string)
	for name, t := range Types() {
		names[FieldsOf(t)[0]] = name
	}
	return Custom(names)
}

func TestValuesOfTheirTypeAreAcceptedAndGetItsName(t *testing.T) {
	for name, values := range map[string][]string{
		"Text":        {`"a b"`, `["a"]`, `null`},
		"Keyword":     {`"a"`, `["a"]`, `[]`},
		"Int":         {`-1`, `[1]`},
		"Double":      {`1.5`, `2`},
		"Bool":        {`true`},
		"Datetime":    {`"2026-01-02T03:04:05.123Z"`},
		"KeywordList": {`["a","b"]`, `[]`, `null`},
	} {
		for _, value := range values {
			attributes := one(name, jsonValue(value))
			if err := Check("ns", testCustom(), attributes, 100); err != nil {
				t.Errorf("%s %s: %v", name, value, err)
			}
			if got := string(attributes.IndexedFields[name].Metadata["type"]); got != name {
				t.Errorf("%s %s is of type %q", name, value, got)
			}
		}
	}
}

func TestATypeThatIsNamedIsKept(t *testing.T) {
	value := jsonValue(`"a"`)
	value.Metadata["type"] = []byte("Text")
	if err := Check("ns", testCustom(), one("Keyword", value), 100); err != nil {
		t.Fatal(err)
	}
	if got := string(value.Metadata["type"]); got != "Text" {
		t.Errorf("the type is now %q", got)
	}
}

func TestNothingRemovesAnAttribute(t *testing.T) {
	for name, value := range map[string]*commonpb.Payload{
		"null":       {Metadata: map[string][]byte{"encoding": []byte("binary/null")}},
		"JSON null":  jsonValue("null"),
		"empty list": jsonValue("[]"),
	} {
		if err := Check("ns", testCustom(), one("Int", value), 100); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotBeSetIsInvalid(t *testing.T) {
	many := &commonpb.SearchAttributes{IndexedFields: make(map[string]*commonpb.Payload)}
	for i := range 101 {
		many.IndexedFields[fmt.Sprint(i)] = jsonValue("1")
	}
	for name, c := range map[string]struct {
		attributes *commonpb.SearchAttributes
		says       string
	}{
		"unknown name":        {one("Nope", jsonValue("1")), "Namespace ns has no mapping defined for search attribute Nope"},
		"field":               {one("Keyword02", jsonValue(`"a"`)), "no mapping defined"},
		"reserved name":       {one("Memo", jsonValue("1")), "no mapping defined"},
		"unknown predefined":  {one("TemporalNope", jsonValue("1")), "no mapping defined"},
		"system attribute":    {one("WorkflowId", jsonValue(`"a"`)), "WorkflowId attribute can't be set"},
		"internal attribute":  {one("TemporalWorkerDeployment", jsonValue(`"a"`)), "TemporalWorkerDeployment attribute can't be set"},
		"too many":            {many, "number of search attributes 101 exceeds limit 100"},
		"text for int":        {one("Int", jsonValue(`"a"`)), "invalid value for search attribute Int of type Int"},
		"fraction for int":    {one("Int", jsonValue("1.5")), "of type Int"},
		"number for bool":     {one("Bool", jsonValue("1")), "of type Bool"},
		"date without time":   {one("Datetime", jsonValue(`"2026-01-02"`)), "of type Datetime"},
		"text for list":       {one("KeywordList", jsonValue(`"a"`)), "of type KeywordList"},
		"numbers in list":     {one("KeywordList", jsonValue(`[1]`)), "of type KeywordList"},
		"list for int":        {one("Int", jsonValue(`[1,2]`)), "of type Int: [1 2]"},
		"no payload":          {one("Int", nil), "of type Int"},
		"empty payload":       {one("Int", &commonpb.Payload{}), "of type Int"},
		"mixed list":          {one("Int", jsonValue(`[1,"a"]`)), "of type Int"},
		"a long value":        {one("Int", jsonValue(`"`+strings.Repeat("x", 5000)+`"`)), "of type Int: " + strings.Repeat("x", 1000) + "…"},
		"no JSON":             {one("Int", jsonValue("{")), "of type Int"},
		"no encoding":         {one("Int", &commonpb.Payload{Data: []byte("1")}), "of type Int: value from <data:"},
		"another encoding":    {one("Int", &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/plain")}, Data: []byte("1")}), "encoding"},
		"predefined of a bad": {one("BuildIds", jsonValue("1")), "BuildIds of type KeywordList"},
	} {
		err := Check("ns", testCustom(), c.attributes, 100)
		var invalid *serviceerror.InvalidArgument
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error is %v, want InvalidArgument with %q", name, err, c.says)
		}
	}
}

func TestSDKsMaySetPredefinedAttributes(t *testing.T) {
	value := jsonValue(`["change-1"]`)
	if err := Check("ns", nil, one("TemporalChangeVersion", value), 100); err != nil || string(value.Metadata["type"]) != "KeywordList" {
		t.Errorf("TemporalChangeVersion: %v, %v", err, value)
	}
}

func TestEveryTypeHasItsFields(t *testing.T) {
	want := map[string]int{"Text": 3, "Keyword": 10, "Int": 3, "Double": 3, "Bool": 3, "Datetime": 3, "KeywordList": 3}
	total := 0
	for name, n := range want {
		fields := FieldsOf(Types()[name])
		if len(fields) != n || fields[0] != name+"01" || fields[n-1] != fmt.Sprintf("%s%02d", name, n) {
			t.Errorf("fields of %s are %v", name, fields)
		}
		for _, field := range fields {
			if got, ok := FieldType(field); !ok || got.String() != name {
				t.Errorf("field %s is of type %v", field, got)
			}
		}
		total += n
	}
	if len(Fields()) != total || len(Types()) != len(want) {
		t.Errorf("there are %d fields of %d types", len(Fields()), len(Types()))
	}
}

func TestReservedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"WorkflowId": true, "BuildIds": true, "NamespaceId": true, "TemporalAnything": true, "Memo": true,
		"Customer": false, "ScheduleId": false, "Keyword01": false,
	} {
		if Reserved(name) != want {
			t.Errorf("Reserved(%q) is %v", name, !want)
		}
	}
}
