package nexus

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"
)

// Over HTTP a payload is a body with headers that say what it is. Common encodings are
// written as what they are, so that others understand them; others as a payload, which only
// Temporal does. What comes in and is neither is kept with its headers.

const (
	encodingKey    = "encoding"
	messageTypeKey = "messageType"
	unknownContent = "unknown/nexus-content"
	typePayload    = "application/x-temporal-payload"
	typeJSON       = "application/json"
	typeProto      = "application/x-protobuf"
	typeBinary     = "application/octet-stream"
	contentPrefix  = "content-"
)

// EncodeContent is the body of a payload, and the values of its headers, whose names begin
// with Content-.
func EncodeContent(p *commonpb.Payload) (header map[string]string, body []byte, err error) {
	contentType := func(t string) map[string]string { return map[string]string{"Content-Type": t} }
	encoding, messageType := string(p.GetMetadata()[encodingKey]), string(p.GetMetadata()[messageTypeKey])
	switch fields := len(p.GetMetadata()); {
	case p == nil:
		return nil, nil, nil
	case encoding == "binary/null" && fields == 1:
		return nil, p.Data, nil
	case encoding == "json/plain" && fields == 1:
		return contentType(typeJSON), p.Data, nil
	case encoding == "binary/plain" && fields == 1:
		return contentType(typeBinary), p.Data, nil
	case encoding == "json/protobuf" && fields == 2 && messageType != "":
		return contentType(fmt.Sprintf("%s; format=protobuf; message-type=%q", typeJSON, messageType)), p.Data, nil
	case encoding == "binary/protobuf" && fields == 2 && messageType != "":
		return contentType(fmt.Sprintf("%s; message-type=%q", typeProto, messageType)), p.Data, nil
	case encoding == unknownContent:
		header = make(map[string]string, fields-1)
		for name, value := range p.GetMetadata() {
			if name != encodingKey {
				header["Content-"+name] = string(value)
			}
		}
		return header, p.Data, nil
	}
	body, err = proto.Marshal(p)
	return contentType(typePayload), body, err
}

// DecodeContent is the payload of a body with the headers.
func DecodeContent(header http.Header, body []byte) (*commonpb.Payload, error) {
	content := make(map[string]string)
	for name, values := range header {
		if rest, ok := strings.CutPrefix(strings.ToLower(name), contentPrefix); ok && rest != "length" && rest != "encoding" {
			content[rest] = values[0]
		}
	}
	p := &commonpb.Payload{Metadata: make(map[string][]byte), Data: body}
	known := func(encoding, messageType string) (*commonpb.Payload, error) {
		p.Metadata[encodingKey] = []byte(encoding)
		if messageType != "" {
			p.Metadata[messageTypeKey] = []byte(messageType)
		}
		return p, nil
	}
	if len(content) == 0 && len(body) == 0 {
		return known("binary/null", "")
	}
	mediaType, params, err := mime.ParseMediaType(content["type"])
	if err == nil && len(content) == 1 {
		messageType := params["message-type"]
		switch {
		case mediaType == typePayload:
			p = new(commonpb.Payload)
			if err := proto.Unmarshal(body, p); err != nil {
				return nil, fmt.Errorf("the body is no payload: %w", err)
			}
			return p, nil
		case mediaType == typeJSON && len(params) == 0:
			return known("json/plain", "")
		case mediaType == typeJSON && len(params) == 2 && params["format"] == "protobuf" && messageType != "":
			return known("json/protobuf", messageType)
		case mediaType == typeProto && len(params) == 1 && messageType != "":
			return known("binary/protobuf", messageType)
		case mediaType == typeBinary && len(params) == 0:
			return known("binary/plain", "")
		}
	}
	for name, value := range maps.All(content) {
		p.Metadata[name] = []byte(value)
	}
	return known(unknownContent, "")
}
