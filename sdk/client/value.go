package client

import (
	"io"

	"github.com/perdure/perdure/sdk/converter"
	iclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/encoded"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
)

// NewValue returns a value that decodes data, the payloads of a query's result for
// instance, with the default data converter.
func NewValue(data *commonpb.Payloads) converter.EncodedValue {
	return encoded.NewValue(data, nil)
}

// NewValues returns values that decode data, the arguments of a workflow for instance,
// with the default data converter.
func NewValues(data *commonpb.Payloads) converter.EncodedValues {
	return encoded.NewValues(data, nil)
}

// HistoryJSONOptions are the options of [HistoryFromJSON].
type HistoryJSONOptions struct {
	// LastEventID is the last event to read. The default is to read them all.
	LastEventID int64
}

// HistoryFromJSON reads a workflow's history from JSON, as command line tools and user
// interfaces export it, to replay it for instance. It does not close r.
func HistoryFromJSON(r io.Reader, options HistoryJSONOptions) (*historypb.History, error) {
	return iclient.HistoryFromJSON(r, options.LastEventID)
}
