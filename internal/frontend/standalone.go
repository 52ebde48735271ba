package frontend

import (
	"bytes"
	"context"
	"slices"

	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/visibility/query"
)

// What activities and Nexus operations without a workflow have in common: how they are
// listed and counted, and how clients wait for them.

// standaloneKind is a kind of execution without a workflow.
type standaloneKind struct {
	// name tells its lists from others.
	name string
	// division is the one in which its rows are.
	division string
	// aliases are what its lists call the attributes of rows.
	aliases map[string]string
	// check refuses requests if the kind is switched off.
	check func(context.Context) error
}

// parse parses a query about those of the request's namespace. One that names a division
// itself is about that.
func (k *standaloneKind) parse(ctx context.Context, text string) (*query.Query, error) {
	if err := k.check(ctx); err != nil {
		return nil, err
	}
	ns := callOf(ctx).namespace
	q, err := query.Parse(text, query.Attributes{Custom: ns.SearchAttributes, Fields: ns.SearchAttributeAliases, Aliases: k.aliases})
	if err != nil {
		return nil, err
	}
	if q.Divided {
		return q, nil
	}
	return q.Restrict(inDivision(k.division)), nil
}

// page returns a page of rows, and the token of the next one.
func (k *standaloneKind) page(ctx context.Context, lists *visibilityHandlers, req interface {
	GetQuery() string
	GetPageSize() int32
	GetNextPageToken() []byte
}) ([]*records.WorkflowRow, []byte, error) {
	q, err := k.parse(ctx, req.GetQuery())
	if err != nil {
		return nil, nil, err
	}
	return lists.page(ctx, q, k.name, req.GetQuery(), req.GetPageSize(), req.GetNextPageToken())
}

// count counts the rows that a query finds, and those of each group if it has a GROUP BY,
// in the order of what the groups have in common.
func (k *standaloneKind) count(ctx context.Context, lists *visibilityHandlers, text string) (int64, []counted, error) {
	q, err := k.parse(ctx, text)
	if err != nil {
		return 0, nil, err
	}
	count, groups, err := lists.count(ctx, q)
	slices.SortFunc(groups, func(a, b counted) int { // statuses have come in the order of their numbers
		return bytes.Compare(a.values[0].GetData(), b.values[0].GetData())
	})
	return count, groups, err
}

// longPoll looks for what a client waits for, and waits for a change for as long as there is
// nothing to be seen (nil). When the time is over it returns an empty response, and the
// client asks again.
func longPoll[R any](ctx context.Context, waits *waits, look func(context.Context) (*R, error), await func(context.Context) error) (*R, error) {
	wait, done, err := waits.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	for {
		resp, err := look(wait)
		if err == nil && resp == nil {
			err = await(wait)
		}
		switch {
		case resp != nil && err == nil:
			return resp, nil
		case err != nil && wait.Err() != nil:
			return new(R), nil
		case err != nil:
			return nil, err
		}
	}
}
