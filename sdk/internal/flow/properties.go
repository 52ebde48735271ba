package flow

import (
	"errors"
	"maps"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/replay"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

var (
	errNoSearchAttributes = errors.New("search attributes is empty")
	errNoMemo             = errors.New("memo is empty")
	errChangeVersion      = errors.New("TemporalChangeVersion is a reserved key that cannot be set, please use other key")
)

// UpsertSearchAttributes sets search attributes, by name. A nil value unsets
// one.
//
// Deprecated: use UpsertTypedSearchAttributes.
func UpsertSearchAttributes(ctx Context, attributes map[string]any) error {
	return mutableCalls(ctx).UpsertSearchAttributes(ctx, attributes)
}

func (o outbound) UpsertSearchAttributes(_ Context, attributes map[string]any) error {
	r := o.mutable()
	if len(attributes) == 0 {
		return errNoSearchAttributes
	}
	if _, ok := attributes[replay.ChangeVersionAttribute]; ok {
		return errChangeVersion
	}
	values, err := searchattr.EncodeUntyped(attributes)
	if err != nil {
		return err
	}
	r.upsertSearchAttributes(values)
	return nil
}

// UpsertTypedSearchAttributes sets and unsets search attributes.
func UpsertTypedSearchAttributes(ctx Context, updates ...searchattr.Update) error {
	return mutableCalls(ctx).UpsertTypedSearchAttributes(ctx, updates...)
}

func (o outbound) UpsertTypedSearchAttributes(_ Context, updates ...searchattr.Update) error {
	r := o.mutable()
	values, err := searchattr.Encode(searchattr.Changes(searchattr.New(updates...)))
	if err != nil {
		return err
	}
	if len(values.GetIndexedFields()) == 0 {
		return errNoSearchAttributes
	}
	if _, ok := values.GetIndexedFields()[replay.ChangeVersionAttribute]; ok {
		return errChangeVersion
	}
	r.upsertSearchAttributes(values)
	return nil
}

// GetTypedSearchAttributes returns the search attributes of the run.
func GetTypedSearchAttributes(ctx Context) searchattr.SearchAttributes {
	return calls(ctx).GetTypedSearchAttributes(ctx)
}

func (o outbound) GetTypedSearchAttributes(Context) searchattr.SearchAttributes {
	return searchattr.Decode(o.run.log(), o.run.info.SearchAttributes)
}

func (r *run) upsertSearchAttributes(attributes *commonpb.SearchAttributes) {
	r.machine.UpsertSearchAttributes(attributes)
	r.mergeSearchAttributes(attributes)
}

func (r *run) mergeSearchAttributes(upsert *commonpb.SearchAttributes) {
	if len(upsert.GetIndexedFields()) == 0 {
		return
	}
	// The present one may be part of the history's event: make a new one.
	fields := maps.Clone(r.info.SearchAttributes.GetIndexedFields())
	if fields == nil {
		fields = make(map[string]*commonpb.Payload)
	}
	maps.Copy(fields, upsert.GetIndexedFields())
	r.info.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: fields}
}

// UpsertMemo sets fields of the memo. A nil value removes one.
func UpsertMemo(ctx Context, memo map[string]any) error {
	return mutableCalls(ctx).UpsertMemo(ctx, memo)
}

func (o outbound) UpsertMemo(_ Context, memo map[string]any) error {
	r := o.mutable()
	if len(memo) == 0 {
		return errNoMemo
	}
	values, err := r.encodeMemo(memo)
	if err != nil {
		return err
	}
	r.machine.UpsertMemo(values)
	r.mergeMemo(values)
	return nil
}

// encodeMemo uses the workflow's own converter if it may: memos used to be encoded
// by the default only.
func (r *run) encodeMemo(memo map[string]any) (*commonpb.Memo, error) {
	dc := converter.GetDefaultDataConverter()
	if memo != nil && r.machine.UseFlag(replay.FlagMemoDataConverter) {
		dc = r.converter
	}
	return encoded.Memo(memo, dc)
}

func (r *run) mergeMemo(upsert *commonpb.Memo) {
	if len(upsert.GetFields()) == 0 {
		return
	}
	fields := maps.Clone(r.info.Memo.GetFields())
	if fields == nil {
		fields = make(map[string]*commonpb.Payload)
	}
	for key, value := range upsert.GetFields() {
		if value.GetData() == nil {
			delete(fields, key)
		} else {
			fields[key] = value
		}
	}
	r.info.Memo = &commonpb.Memo{Fields: fields}
}
