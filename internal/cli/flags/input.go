package flags

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"
	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
)

// Input are the flags of the arguments of something: of a workflow, a signal, an update, a
// query. Each argument is one payload, JSON unless its metadata say otherwise.
type Input struct {
	prefix string // of the flags' names: "" or "signal-"
	values []string
	files  []string
	meta   []string
	base64 bool
}

// AddTo adds the flags, whose names begin with prefix.
func (i *Input) AddTo(set *pflag.FlagSet, prefix, of string) {
	i.prefix = prefix
	short := "i"
	if prefix != "" {
		short = ""
	}
	set.StringArrayVarP(&i.values, prefix+"input", short, nil, "argument of the "+of+", as JSON; may be repeated")
	set.StringArrayVar(&i.files, prefix+"input-file", nil, "file of an argument of the "+of+", as JSON; - is standard input; may be repeated")
	set.StringArrayVar(&i.meta, prefix+"input-meta", nil, "metadata of the arguments, as KEY=VALUE; given once for all arguments, or once for each")
	set.BoolVar(&i.base64, prefix+"input-base64", false, "the arguments are in base64, and decoded before they are sent")
}

// Given reports whether there is any input.
func (i *Input) Given() bool { return len(i.values)+len(i.files) > 0 }

// Payloads reads the input.
func (i *Input) Payloads(stdin io.Reader) (*commonpb.Payloads, error) {
	data, err := i.data(stdin)
	if err != nil {
		return nil, err
	}
	meta := map[string][]string{"encoding": {"json/plain"}}
	given := map[string][]string{}
	for _, item := range i.meta {
		key, value, ok := strings.Cut(item, "=")
		if !ok {
			return nil, Usagef("--%sinput-meta must be KEY=VALUE, not %q", i.prefix, item)
		}
		given[key] = append(given[key], value)
	}
	for key, values := range given {
		if len(values) > max(1, len(data)) {
			return nil, Usagef("--%sinput-meta %s is given %d times for %d arguments", i.prefix, key, len(values), len(data))
		}
		meta[key] = values
	}
	payloads := &commonpb.Payloads{}
	for n, content := range data {
		payload := &commonpb.Payload{Metadata: map[string][]byte{}}
		for key, values := range meta {
			value := values[0]
			if n < len(values) {
				value = values[n]
			}
			payload.Metadata[key] = []byte(value)
		}
		if payload.Data, err = i.decode(n+1, content, string(payload.Metadata["encoding"])); err != nil {
			return nil, err
		}
		payloads.Payloads = append(payloads.Payloads, payload)
	}
	return payloads, nil
}

// Args is the input as arguments of a call of the SDK, which sends them as they are.
func (i *Input) Args(stdin io.Reader) ([]any, error) {
	payloads, err := i.Payloads(stdin)
	if err != nil {
		return nil, err
	}
	args := make([]any, len(payloads.GetPayloads()))
	for n, payload := range payloads.GetPayloads() {
		args[n] = converter.NewRawValue(payload)
	}
	return args, nil
}

func (i *Input) data(stdin io.Reader) ([][]byte, error) {
	if len(i.values) > 0 && len(i.files) > 0 {
		return nil, Usagef("--%sinput and --%sinput-file cannot be given together", i.prefix, i.prefix)
	}
	var data [][]byte
	for _, value := range i.values {
		data = append(data, []byte(value))
	}
	for _, file := range i.files {
		content, err := readFile(file, stdin)
		if err != nil {
			return nil, fmt.Errorf("--%sinput-file: %w", i.prefix, err)
		}
		data = append(data, content)
	}
	return data, nil
}

func readFile(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

func (i *Input) decode(n int, content []byte, encoding string) ([]byte, error) {
	if i.base64 {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(content)))
		if err != nil {
			return nil, Usagef("argument %d of --%sinput is not base64: %v", n, i.prefix, err)
		}
		return decoded, nil
	}
	if strings.HasPrefix(encoding, "json/") && !json.Valid(content) {
		return nil, Usagef("argument %d of --%sinput is not JSON; a text is in double quotes: --%sinput '%q'", n, i.prefix, i.prefix, content)
	}
	return content, nil
}

// JSONPayloads makes payloads of texts that must be JSON.
func JSONPayloads(values []string) (*commonpb.Payloads, error) {
	return (&Input{values: values}).Payloads(nil)
}
