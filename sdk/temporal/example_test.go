package temporal_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/sdk/temporal"
)

func ExampleNewApplicationErrorWithOptions() {
	err := temporal.NewApplicationErrorWithOptions("the bank is closed", "BankClosed", temporal.ApplicationErrorOptions{
		NextRetryDelay: 8 * time.Hour, // in place of what the retry policy says
		Details:        []any{"opens at 9"},
	})

	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		var details string
		_ = failed.Details(&details)
		fmt.Println(failed.Type(), failed.NextRetryDelay(), details)
	}
	// Output: BankClosed 8h0m0s opens at 9
}

func ExampleRetryPolicy() {
	// Waits of 1 s, 1.5 s, 2.25 s, … up to a minute, at most ten attempts, and none after an
	// error that will not go away.
	policy := temporal.RetryPolicy{
		InitialInterval:        time.Second,
		BackoffCoefficient:     1.5,
		MaximumInterval:        time.Minute,
		MaximumAttempts:        10,
		NonRetryableErrorTypes: []string{"CardDeclined"},
	}
	fmt.Println(policy.MaximumAttempts)
	// Output: 10
}

func ExampleNewSearchAttributes() {
	// Keys are best declared once, where all who use them find them.
	customer := temporal.NewSearchAttributeKeyKeyword("Customer")
	items := temporal.NewSearchAttributeKeyInt64("Items")

	attributes := temporal.NewSearchAttributes(customer.ValueSet("acme"), items.ValueSet(3))

	name, ok := attributes.GetKeyword(customer)
	fmt.Println(name, ok, attributes.Size())
	// Output: acme true 2
}
