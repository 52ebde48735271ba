// Package encryption: the server never sees what workflows work on.
//
// Inputs, results, signals and heartbeats go over the wire as payloads that a data
// converter makes. A codec changes them on the way out and back on the way in, in
// clients and workers alike; the server keeps and hands on what it is given.
package encryption

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "encryption", Title: "the server never sees what workflows work on",
	Client: func(options *client.Options) {
		options.DataConverter = converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), newCodec("0123456789abcdef"))
		// Messages and stack traces of failures are data, too.
		options.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
			DataConverter:          options.DataConverter,
			EncodeCommonAttributes: true,
		})
	},
	Register: func(r worker.Registry) { r.RegisterWorkflow(Whisper) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		answer, err := lesson.Execute[string](ctx, c, "encryption", Whisper, "a secret")
		if err != nil {
			return err
		}
		say("the client reads: %s", answer)
		history := c.GetWorkflowHistory(ctx, "lesson-encryption", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		started, err := history.Next()
		if err != nil {
			return err
		}
		stored := started.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0].GetData()
		say("the server has it in clear: %v", bytes.Contains(stored, []byte("secret")))
		return nil
	},
	Says: []string{"the client reads: I heard a secret", "the server has it in clear: false"},
}

// Whisper answers.
func Whisper(_ workflow.Context, secret string) (string, error) { return "I heard " + secret, nil }

const encrypted = "binary/encrypted"

// codec encrypts payloads as a whole, with what they say of their encoding.
type codec struct{ key cipher.AEAD }

func newCodec(key string) codec {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return codec{aead}
}

// Encode implements converter.PayloadCodec.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		clear, err := proto.Marshal(p)
		if err != nil {
			return nil, err
		}
		encoded[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encrypted)},
			Data:     c.key.Seal(nil, nil, clear, nil),
		}
	}
	return encoded, nil
}

// Decode implements converter.PayloadCodec. What is not encrypted passes.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		decoded[i] = p
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encrypted {
			continue
		}
		clear, err := c.key.Open(nil, nil, p.GetData(), nil)
		if err != nil {
			return nil, fmt.Errorf("decrypting a payload: %w", err)
		}
		decoded[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(clear, decoded[i]); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}
