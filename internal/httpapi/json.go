package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"regexp"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/temporalproto"
	"google.golang.org/protobuf/proto"
)

// contentType is that of all replies. Temporal servers name the marshaler here, as "*" or
// "application/json+pretty", which no client can make anything of.
const contentType = "application/json"

// The values of Accept and Content-Type by which a client chooses a form of JSON.
// Anything else is compact, with payloads in shorthand.
const (
	acceptPretty      = "application/json+pretty"
	acceptPlain       = "application/json+no-payload-shorthand"
	acceptPlainPretty = "application/json+pretty+no-payload-shorthand"
)

var marshalers = map[string]runtime.Marshaler{
	runtime.MIMEWildcard: newJSON("", true),
	acceptPretty:         newJSON("  ", true),
	acceptPlain:          newJSON("", false),
	acceptPlainPretty:    newJSON("  ", false),
}

// acceptOf is the value of Accept that the query parameters pretty and
// noPayloadShorthand stand for, or "" if neither is there.
func acceptOf(query string) string {
	if query == "" {
		return ""
	}
	values, _ := url.ParseQuery(query)
	_, pretty := values["pretty"]
	_, plain := values["noPayloadShorthand"]
	switch {
	case pretty && plain:
		return acceptPlainPretty
	case pretty:
		return acceptPretty
	case plain:
		return acceptPlain
	}
	return ""
}

// jsonForm is a form of JSON. It implements runtime.Marshaler.
type jsonForm struct {
	marshal   temporalproto.CustomJSONMarshalOptions
	unmarshal temporalproto.CustomJSONUnmarshalOptions
}

func newJSON(indent string, shorthand bool) jsonForm {
	options := map[string]any{}
	if shorthand {
		options[commonpb.EnablePayloadShorthandMetadataKey] = true
	}
	return jsonForm{
		marshal:   temporalproto.CustomJSONMarshalOptions{Indent: indent, Metadata: options},
		unmarshal: temporalproto.CustomJSONUnmarshalOptions{Metadata: options},
	}
}

func (jsonForm) ContentType(any) string { return contentType }

func (f jsonForm) Marshal(v any) ([]byte, error) {
	if m, ok := v.(proto.Message); ok {
		return f.marshal.Marshal(m)
	}
	if f.marshal.Indent != "" {
		return json.MarshalIndent(v, "", f.marshal.Indent)
	}
	return json.Marshal(v)
}

// sourceLine is where in its source the decoder has found a mistake: nothing for clients, and
// perhaps a path of the machine that the server was built on.
var sourceLine = regexp.MustCompile(` \(in \S+\.go:\d+\)`)

func (f jsonForm) Unmarshal(data []byte, v any) error {
	if m, ok := v.(proto.Message); ok {
		if err := f.unmarshal.Unmarshal(data, m); err != nil {
			return errors.New(sourceLine.ReplaceAllString(err.Error(), ""))
		}
		return nil
	}
	return json.Unmarshal(data, v)
}

// NewDecoder returns a decoder of the first value; io.EOF if there is none.
func (f jsonForm) NewDecoder(r io.Reader) runtime.Decoder {
	decoder := json.NewDecoder(r)
	return runtime.DecoderFunc(func(v any) error {
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		return f.Unmarshal(value, v)
	})
}

func (f jsonForm) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		data, err := f.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(append(data, '\n'))
		return err
	})
}
