// Package searching: workflows are found by what they are about.
//
// Search attributes are set when a workflow is started, and changed by its code. Queries
// select by them, and by what the server knows of every workflow. A new attribute is
// registered once, with its type.
package searching

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// The keys say which type an attribute has.
var (
	customer = temporal.NewSearchAttributeKeyKeyword("LessonCustomer")
	total    = temporal.NewSearchAttributeKeyInt64("LessonTotal")
)

var Lesson = lesson.Lesson{
	Name: "searching", Title: "workflows are found by what they are about",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Purchase) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
			Namespace: client.DefaultNamespace,
			SearchAttributes: map[string]enumspb.IndexedValueType{
				customer.GetName(): enumspb.INDEXED_VALUE_TYPE_KEYWORD,
				total.GetName():    enumspb.INDEXED_VALUE_TYPE_INT,
			},
		})
		var exists *serviceerror.AlreadyExists
		if err != nil && !errors.As(err, &exists) {
			return err
		}
		for _, order := range []struct {
			id, customer string
			items        []int
		}{{"a", "ann", []int{20, 5}}, {"b", "bob", []int{7}}, {"c", "ann", []int{3}}} {
			options := lesson.Options("searching-" + order.id)
			options.TypedSearchAttributes = temporal.NewSearchAttributes(customer.ValueSet(order.customer))
			run, err := c.ExecuteWorkflow(ctx, options, Purchase, order.items)
			if err != nil {
				return err
			}
			if err := run.Get(ctx, nil); err != nil {
				return err
			}
		}
		for _, query := range []string{
			"LessonCustomer = 'ann' AND ExecutionStatus = 'Completed'",
			"LessonTotal > 5 AND WorkflowType = 'Purchase'",
		} {
			n, err := count(ctx, c, query)
			if err != nil {
				return err
			}
			say("%s: %d", query, n)
		}
		return nil
	},
	Says: []string{
		"LessonCustomer = 'ann' AND ExecutionStatus = 'Completed': 2",
		"LessonTotal > 5 AND WorkflowType = 'Purchase': 2",
	},
}

// count counts what a query selects. An index may be a moment behind: a program that has just
// changed something waits for it.
func count(ctx context.Context, c client.Client, query string) (int64, error) {
	for {
		response, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		if err != nil || response.GetCount() >= 2 {
			return response.GetCount(), err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Purchase sets an attribute when it knows its value.
func Purchase(ctx workflow.Context, prices []int) error {
	sum := 0
	for _, price := range prices {
		sum += price
	}
	return workflow.UpsertTypedSearchAttributes(ctx, total.ValueSet(int64(sum)))
}
