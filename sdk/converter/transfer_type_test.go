package converter_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/workflowcontext"
)

// secret is a type that JSON cannot see into.
type secret struct{ text string }

type openSecret struct{ Text string }

func (secret) TransferTypeConverter() (converter.TransferTypeConverter, error) {
	return converter.NewTransferTypeConverter(
		func(s *secret) (*openSecret, error) { return &openSecret{Text: s.text}, nil },
		func(o *openSecret, s *secret) error {
			s.text = o.Text
			return nil
		},
	)
}

func TestValuesAreEncodedAsTheTypeThatTheyConvertTo(t *testing.T) {
	for name, dc := range map[string]converter.DataConverter{
		"the default converter": converter.GetDefaultDataConverter(),
		"a converter made so":   converter.MakeTransferAware(converter.NewCompositeDataConverter(converter.NewJSONPayloadConverter())),
	} {
		t.Run(name, func(t *testing.T) {
			for _, value := range []any{secret{"x"}, &secret{"x"}} {
				payload, err := dc.ToPayload(value)
				if err != nil || string(payload.GetData()) != `{"Text":"x"}` {
					t.Fatalf("got %v, %v", payload, err)
				}
				var got secret
				if err := dc.FromPayload(payload, &got); err != nil || got.text != "x" {
					t.Errorf("got %v, %v", got, err)
				}
			}
			payloads, err := dc.ToPayloads(1, secret{"x"}, "y")
			if err != nil {
				t.Fatal(err)
			}
			var n int
			var s secret
			var y string
			if err := dc.FromPayloads(payloads, &n, &s, &y); err != nil || n != 1 || s.text != "x" || y != "y" {
				t.Errorf("got %v, %v, %v, %v", n, s, y, err)
			}
			if payload, err := dc.ToPayload((*secret)(nil)); err != nil || strings.Contains(string(payload.GetData()), "Text") {
				t.Errorf("a nil pointer became %v, %v", payload, err)
			}
		})
	}
}

// aware is a type whose conversion depends on the context.
type aware struct{ from string }

type contextKey struct{}

func (aware) TransferTypeConverter() (converter.TransferTypeConverter, error) {
	return converter.NewContextualTransferTypeConverter(
		func(ctx context.Context, _ *aware) (*string, error) {
			name, _ := ctx.Value(contextKey{}).(string)
			return &name, nil
		},
		func(ctx context.Context, s *string, a *aware) error {
			name, _ := ctx.Value(contextKey{}).(string)
			a.from = *s + " to " + name
			return nil
		},
		func(ctx converter.WorkflowContext, _ *aware) (*string, error) {
			name := ctx.Value(contextKey{}).(string)
			return &name, nil
		},
		func(ctx converter.WorkflowContext, s *string, a *aware) error {
			a.from = *s + " to " + ctx.Value(contextKey{}).(string)
			return nil
		},
	)
}

type workflowContext struct{ workflowcontext.Context }

func (workflowContext) Value(any) any { return "workflow" }

func TestConversionsCanDependOnTheContext(t *testing.T) {
	dc := converter.GetDefaultDataConverter().(converter.ContextAware)
	inWorkflow := dc.WithWorkflowContext(workflowContext{})
	inClient := dc.WithContext(context.WithValue(t.Context(), contextKey{}, "client"))
	for want, through := range map[string][2]converter.DataConverter{
		"workflow to client": {inWorkflow, inClient},
		"client to workflow": {inClient, inWorkflow},
		" to client":         {converter.GetDefaultDataConverter(), inClient},
	} {
		payload, err := through[0].ToPayload(aware{})
		if err != nil {
			t.Fatal(err)
		}
		var got aware
		if err := through[1].FromPayload(payload, &got); err != nil || got.from != want {
			t.Errorf("got %q, %v, want %q", got.from, err, want)
		}
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) TransferTypeConverter() (converter.TransferTypeConverter, error) { return nil, errBroken }

type missing struct{}

func (missing) TransferTypeConverter() (converter.TransferTypeConverter, error) { return nil, nil }

func TestTypesThatDoNotConvertFail(t *testing.T) {
	dc := converter.GetDefaultDataConverter()
	if _, err := dc.ToPayload(broken{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if _, err := dc.ToPayloads(missing{}); err == nil {
		t.Error("there is no error")
	}
	payloads, err := dc.ToPayloads("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := dc.FromPayloads(payloads, &broken{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	if _, err := converter.NewTransferTypeConverter(
		func(*secret) (**int, error) { return nil, nil }, func(**int, *secret) error { return nil }); err == nil {
		t.Error("a pointer is accepted")
	}
}

func TestErrorsUnwrapToWhatFailedOneStepAtATime(t *testing.T) {
	payloads, err := converter.GetDefaultDataConverter().ToPayloads("text")
	if err != nil {
		t.Fatal(err)
	}
	var n int
	err = converter.GetDefaultDataConverter().FromPayloads(payloads, &n)
	// The chain becomes the chain of causes of a failure, which histories show.
	if err = errors.Unwrap(err); err == nil || err == converter.ErrUnableToDecode {
		t.Fatalf("then %v", err)
	}
	if err = errors.Unwrap(err); err != converter.ErrUnableToDecode {
		t.Errorf("at the end %v", err)
	}
}
