package nexus

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
)

// A link of Temporal is a URL of the scheme temporal with a type, which is the name of the
// message. Links that are of other types, or make no sense, are left out: nothing depends
// on them.

const (
	headerLink       = "Nexus-Link"
	linkScheme       = "temporal"
	eventReference   = "EventReference"
	requestReference = "RequestIdReference"
)

var (
	typeWorkflowEvent  = string((*commonpb.Link_WorkflowEvent)(nil).ProtoReflect().Descriptor().FullName())
	typeActivity       = string((*commonpb.Link_Activity)(nil).ProtoReflect().Descriptor().FullName())
	typeNexusOperation = string((*commonpb.Link_NexusOperation)(nil).ProtoReflect().Descriptor().FullName())
)

// FormatLink is the URL of a link and its type; empty if the link has no such form.
func FormatLink(link *commonpb.Link) *nexuspb.Link {
	path := func(format string, parts ...string) string {
		escaped := make([]any, len(parts))
		for i, part := range parts {
			escaped[i] = url.PathEscape(part)
		}
		return fmt.Sprintf("temporal:///namespaces/"+format, escaped...)
	}
	if a := link.GetActivity(); a != nil {
		return &nexuspb.Link{Type: typeActivity, Url: path("%s/activities/%s/%s/details", a.GetNamespace(), a.GetActivityId(), a.GetRunId())}
	}
	if o := link.GetNexusOperation(); o != nil {
		return &nexuspb.Link{Type: typeNexusOperation, Url: path("%s/nexus-operations/%s/%s/details", o.GetNamespace(), o.GetOperationId(), o.GetRunId())}
	}
	event := link.GetWorkflowEvent()
	if event == nil {
		return nil
	}
	query := url.Values{}
	if ref := event.GetEventRef(); ref != nil {
		query.Set("referenceType", eventReference)
		if ref.GetEventId() > 0 {
			query.Set("eventID", strconv.FormatInt(ref.GetEventId(), 10))
		}
		query.Set("eventType", ref.GetEventType().String())
	}
	if ref := event.GetRequestIdRef(); ref != nil {
		query.Set("referenceType", requestReference)
		query.Set("requestID", ref.GetRequestId())
		query.Set("eventType", ref.GetEventType().String())
	}
	base := path("%s/workflows/%s/%s/history", event.GetNamespace(), event.GetWorkflowId(), event.GetRunId())
	if len(query) > 0 {
		base += "?" + query.Encode()
	}
	return &nexuspb.Link{Type: typeWorkflowEvent, Url: base}
}

// HeaderOf is the link as the value of a header; empty if it has no such form.
func HeaderOf(link *commonpb.Link) string {
	formatted := FormatLink(link)
	if formatted == nil {
		return ""
	}
	return FormatHeader(formatted)
}

// FormatHeader is the link as the value of a header.
func FormatHeader(link *nexuspb.Link) string {
	return fmt.Sprintf("<%s>; type=%q", link.GetUrl(), link.GetType())
}

// ParseLinks are those of the links that are Temporal's and make sense.
func ParseLinks(links []*nexuspb.Link) []*commonpb.Link {
	var parsed []*commonpb.Link
	for _, link := range links {
		if l := parseLink(link); l != nil {
			parsed = append(parsed, l)
		}
	}
	return parsed
}

func parseLink(link *nexuspb.Link) *commonpb.Link {
	u, err := url.Parse(link.GetUrl())
	if err != nil || u.Scheme != linkScheme {
		return nil
	}
	parts := strings.Split(u.EscapedPath(), "/")
	if len(parts) != 7 || parts[0] != "" || parts[1] != "namespaces" {
		return nil
	}
	var names [3]string
	for i, at := range []int{2, 4, 5} {
		if names[i], err = url.PathUnescape(parts[at]); err != nil || names[i] == "" {
			return nil
		}
	}
	switch kind, end := parts[3], parts[6]; {
	case link.GetType() == typeActivity && kind == "activities" && end == "details":
		return &commonpb.Link{Variant: &commonpb.Link_Activity_{Activity: &commonpb.Link_Activity{Namespace: names[0], ActivityId: names[1], RunId: names[2]}}}
	case link.GetType() == typeWorkflowEvent && kind == "workflows" && end == "history":
		return parseEventLink(names, u.Query())
	}
	return nil
}

func parseEventLink(names [3]string, query url.Values) *commonpb.Link {
	eventType, err := enumspb.EventTypeFromString(query.Get("eventType"))
	if err != nil {
		return nil
	}
	event := &commonpb.Link_WorkflowEvent{Namespace: names[0], WorkflowId: names[1], RunId: names[2]}
	switch query.Get("referenceType") {
	case eventReference:
		ref := &commonpb.Link_WorkflowEvent_EventReference{EventType: eventType}
		if id := query.Get("eventID"); id != "" {
			if ref.EventId, err = strconv.ParseInt(id, 10, 64); err != nil {
				return nil
			}
		}
		event.Reference = &commonpb.Link_WorkflowEvent_EventRef{EventRef: ref}
	case requestReference:
		event.Reference = &commonpb.Link_WorkflowEvent_RequestIdRef{RequestIdRef: &commonpb.Link_WorkflowEvent_RequestIdReference{
			RequestId: query.Get("requestID"), EventType: eventType,
		}}
	default:
		return nil
	}
	return &commonpb.Link{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: event}}
}

var errLinkHeader = errors.New("failed to parse link header")

// LinksOf reads the links of headers. It fails if one has not the form of a link.
func LinksOf(header http.Header) ([]*nexuspb.Link, error) {
	values := header.Values(headerLink)
	if len(values) == 0 {
		return nil, nil
	}
	var links []*nexuspb.Link
	for value := range strings.SplitSeq(strings.Join(values, ","), ",") {
		link, err := parseHeader(strings.TrimSpace(value))
		if err != nil {
			return nil, err
		}
		links = append(links, link)
	}
	return links, nil
}

func parseHeader(value string) (*nexuspb.Link, error) {
	rest, ok := strings.CutPrefix(value, "<")
	address, params, closed := strings.Cut(rest, ">")
	address = strings.TrimSpace(address)
	if !ok || !closed || address == "" {
		return nil, fmt.Errorf("%w: invalid format: %s", errLinkHeader, value)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: invalid url: %s", errLinkHeader, address)
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return nil, fmt.Errorf("%w: url query not percent-encoded: %s", errLinkHeader, address)
	}
	link := &nexuspb.Link{Url: u.String()}
	first, params, ok := strings.Cut(params, ";")
	if !ok || strings.TrimSpace(first) != "" {
		return nil, fmt.Errorf("%w: invalid format: %s", errLinkHeader, value)
	}
	for param := range strings.SplitSeq(params, ";") {
		key, quoted, ok := strings.Cut(strings.TrimSpace(param), "=")
		quoted = strings.TrimSpace(quoted)
		if !ok || strings.HasPrefix(quoted, `"`) != strings.HasSuffix(quoted, `"`) || quoted == `"` {
			return nil, fmt.Errorf("%w: invalid parameter format: %s", errLinkHeader, param)
		}
		if strings.TrimSpace(key) == "type" {
			link.Type = strings.Trim(quoted, `"`)
		}
	}
	if link.Type == "" || strings.ContainsFunc(link.Type, notOfLinkType) {
		return nil, fmt.Errorf("%w: the type is empty or has characters that it may not have: %s", errLinkHeader, value)
	}
	return link, nil
}

func notOfLinkType(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '/'
}
