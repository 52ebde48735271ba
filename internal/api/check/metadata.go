package check

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"
)

// CheckSearchAttributes checks that the attributes of a workflow are not larger than
// may be stored. Whether they are defined is for the namespace to say.
func (l *Limits) CheckSearchAttributes(attributes *commonpb.SearchAttributes) error {
	return l.CheckAddedSearchAttributes(attributes.GetIndexedFields(), proto.Size(attributes))
}

// CheckAddedSearchAttributes is CheckSearchAttributes for values that are added to
// others, with which they have total bytes, encoded.
func (l *Limits) CheckAddedSearchAttributes(added map[string]*commonpb.Payload, total int) error {
	for name, value := range added {
		if size := len(value.GetData()); size > l.SearchAttribute {
			return invalid("search attribute %s value size %d exceeds size limit %d", name, size, l.SearchAttribute)
		}
	}
	if total > l.SearchAttributes {
		return invalid("total size of search attributes %d exceeds size limit %d", total, l.SearchAttributes)
	}
	return nil
}

// UnknownSearchAttribute is the fault of a search attribute that the namespace does not
// have.
type UnknownSearchAttribute struct{ *serviceerror.InvalidArgument }

func (e *UnknownSearchAttribute) Unwrap() error { return e.InvalidArgument }

// NewUnknownSearchAttribute makes the fault of the attribute of that name.
func NewUnknownSearchAttribute(namespace, name string) error {
	return &UnknownSearchAttribute{&serviceerror.InvalidArgument{
		Message: fmt.Sprintf("Namespace %s has no mapping defined for search attribute %s", namespace, name)}}
}

// CheckLinks checks the links of a request: how many, how big, and that each says
// enough to be followed.
func (l *Limits) CheckLinks(links []*commonpb.Link) error {
	if len(links) > l.Links {
		return invalid("cannot attach more than %d links per request, got %d", l.Links, len(links))
	}
	for _, link := range links {
		if err := l.CheckLink(link); err != nil {
			return err
		}
	}
	return nil
}

// CheckLink checks one link.
func (l *Limits) CheckLink(link *commonpb.Link) error {
	if size := proto.Size(link); size > l.Link {
		return invalid("link exceeds allowed size of %d, got %d", l.Link, size)
	}
	var kind, missing string
	switch v := link.GetVariant().(type) {
	case *commonpb.Link_WorkflowEvent_:
		kind, missing = "workflow event", missingOf(v.WorkflowEvent, "workflow ID field", v.WorkflowEvent.GetWorkflowId())
		if ref := v.WorkflowEvent.GetEventRef(); ref.GetEventType() == enumspb.EVENT_TYPE_UNSPECIFIED && ref.GetEventId() != 0 {
			return invalid("workflow event link ref cannot have an unspecified event type and a non-zero event ID")
		}
	case *commonpb.Link_BatchJob_:
		if kind = "batch job"; v.BatchJob.GetJobId() == "" {
			missing = "job ID"
		}
	case *commonpb.Link_NexusOperation_:
		kind, missing = "nexus operation", missingOf(v.NexusOperation, "operation ID field", v.NexusOperation.GetOperationId())
	case *commonpb.Link_Activity_:
		kind, missing = "activity", missingOf(v.Activity, "activity ID field", v.Activity.GetActivityId())
	default:
		return invalid("unsupported link variant")
	}
	if missing != "" {
		return invalid("%s link must not have an empty %s", kind, missing)
	}
	return nil
}

// missingOf is the name of the first field that a link to an execution lacks.
func missingOf(link interface {
	GetNamespace() string
	GetRunId() string
}, idField, id string) string {
	switch {
	case link.GetNamespace() == "":
		return "namespace field"
	case id == "":
		return idField
	case link.GetRunId() == "":
		return "run ID field"
	}
	return ""
}
