package workflow

import (
	"encoding/json"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"
)

// Search attributes that the server sets of itself, for people to find workflows by
// that need them (those about versions are in version_attributes.go). They are in no event: each is computed anew from the state of the
// run whenever that changes, and removed when there is nothing to tell.

const (
	// pauseInfoAttribute says what of the run is paused.
	pauseInfoAttribute = "TemporalPauseInfo"
	// problemsAttribute says why workflow tasks of the run fail, if several do in a row.
	problemsAttribute = "TemporalReportedProblems"
)

// isServerAttribute reports whether the search attribute with the name is set by the
// server.
func isServerAttribute(name string) bool {
	return name == pauseInfoAttribute || name == problemsAttribute || name == flowStateAttribute
}

// setServerAttribute sets one of them to a list of keywords; none removes it.
func (r *Run) setServerAttribute(name string, keywords []string) {
	value := keywordList(keywords)
	if proto.Equal(value, r.info.SearchAttributes.GetIndexedFields()[name]) {
		return
	}
	mergeFields(r.ownSearchAttributes(), map[string]*commonpb.Payload{name: value})
}

// keywordList is a list of keywords as the value of a search attribute; nil if there
// are none.
func keywordList(keywords []string) *commonpb.Payload {
	if len(keywords) == 0 {
		return nil
	}
	return attributeValue(keywords, enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST)
}

// keyword is a keyword as the value of a search attribute; nil for an empty one.
func keyword(word string) *commonpb.Payload {
	if word == "" {
		return nil
	}
	return attributeValue(word, enumspb.INDEXED_VALUE_TYPE_KEYWORD)
}

func attributeValue(value any, kind enumspb.IndexedValueType) *commonpb.Payload {
	data, err := json.Marshal(value)
	if err != nil {
		panic("workflow: strings do not encode: " + err.Error())
	}
	return &commonpb.Payload{Metadata: attributeMetadata[kind], Data: data}
}

// attributeMetadata is shared by the values of all runs.
var attributeMetadata = map[enumspb.IndexedValueType]map[string][]byte{
	enumspb.INDEXED_VALUE_TYPE_KEYWORD:      metadataOf(enumspb.INDEXED_VALUE_TYPE_KEYWORD),
	enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST: metadataOf(enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST),
}

func metadataOf(kind enumspb.IndexedValueType) map[string][]byte {
	return map[string][]byte{"encoding": []byte("json/plain"), "type": []byte(kind.String())}
}
