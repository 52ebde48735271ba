package sqlite_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/query"
	"github.com/perdure/perdure/internal/visibility/sqlite"
	"github.com/perdure/perdure/internal/visibility/visibilitytest"
)

var runs = flag.Int("runs", 100_000, "how many closed runs there are in BenchmarkQueries, where one in a hundred more is open, and how many open ones in BenchmarkLater")

func parse(t testing.TB, text string) *query.Query {
	t.Helper()
	q, err := query.Parse(text, visibilitytest.Attributes)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// benchChange is run n of a million: one in a hundred has failed, there are 20 types, one
// of which one run in 10,000 has, 100 customers and one that has few runs.
func benchChange(n int, open bool) visibility.Change {
	options := []visibilitytest.Option{
		visibilitytest.With("Customer", fmt.Sprint("customer-", n%100)),
		visibilitytest.With("Tags", fmt.Sprint("tag-", n%10), fmt.Sprint("tag-", n%1000)),
		visibilitytest.With("Amount", int64(n)),
		func(c *visibility.Change) {
			c.Row.WorkflowType = fmt.Sprint("Type", n%20)
			if n%10_000 == 77 {
				c.Row.WorkflowType = "Rare"
			}
		},
	}
	if !open {
		status := enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
		if n%100 == 50 {
			status = enumspb.WORKFLOW_EXECUTION_STATUS_FAILED
		}
		options = append(options, visibilitytest.Closed(status, time.Duration(n%600)*time.Second))
	}
	return visibilitytest.Change(n, options...)
}

// fill applies closed runs, and then open ones.
func fill(b *testing.B, index *sqlite.Index, closed int) {
	b.Helper()
	batch := &visibility.Batch{}
	for n := range closed + closed/100 {
		batch.Changes = append(batch.Changes, benchChange(n, n >= closed))
		if len(batch.Changes) == 5000 || n == closed+closed/100-1 {
			if err := index.Apply(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			batch.Changes = batch.Changes[:0]
		}
	}
}

func BenchmarkQueries(b *testing.B) {
	index, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "index.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer index.Close()
	start := time.Now()
	fill(b, index, *runs)
	b.Logf("filled in %v, %v a run", time.Since(start), time.Since(start)/time.Duration(*runs))
	at := func(n int) string {
		return visibilitytest.Epoch.Add(time.Duration(n) * time.Second).Format(time.RFC3339)
	}
	for _, text := range []string{
		"", "ExecutionStatus = 'Running'", "ExecutionStatus = 'Completed'", "ExecutionStatus = 'Failed'", "WorkflowId = 'workflow-4711'", "RunId = '" + visibilitytest.RunID(4711) + "'",
		"WorkflowType = 'Type5'", "WorkflowType = 'Rare'", "WorkflowType = 'Type5' AND ExecutionStatus = 'Failed'", "WorkflowType = 'Rare' AND ExecutionStatus = 'Completed'",
		"Customer = 'customer-7'", "Customer = 'customer-7' AND ExecutionStatus = 'Running'", "Customer IN ('customer-7', 'customer-8')", "Customer STARTS_WITH 'customer-7'", "Customer = 'customer-7' AND WorkflowType = 'Rare'",
		"Tags = 'tag-3'", "Tags = 'tag-500'", "Tags = 'tag-500' AND Tags = 'tag-0'", "NOT Tags = 'tag-3'", "Amount = 4711", "Amount BETWEEN 1000 AND 1010", "Amount > 1000", "Amount < 1000",
		"StartTime > '" + at(*runs-1000) + "'", "StartTime < '" + at(1000) + "'", "StartTime BETWEEN '" + at(*runs/2) + "' AND '" + at(*runs/2+100) + "'", "CloseTime > '" + at(*runs-1000) + "'",
		"CloseTime BETWEEN '" + at(*runs/2) + "' AND '" + at(*runs/2+100) + "'", "ExecutionDuration > '9m58s'", "WorkflowId STARTS_WITH 'workflow-47'", "WorkflowType = 'Nothing'", "TaskQueue = 'orders'",
		"WorkflowType = 'Type5' OR Customer = 'customer-7'", "WorkflowType = 'Rare' OR Customer = 'nobody'",
	} {
		q := parse(b, text)
		b.Run("list/"+text, func(b *testing.B) {
			for b.Loop() {
				if _, err := index.List(b.Context(), visibility.ListRequest{Namespace: visibilitytest.Namespace, Query: q, Size: 100}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("count/"+text, func(b *testing.B) {
			for b.Loop() {
				if _, err := index.Count(b.Context(), visibilitytest.Namespace, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, text := range []string{"GROUP BY ExecutionStatus", "WorkflowType = 'Type5' GROUP BY ExecutionStatus"} {
		q := parse(b, text)
		b.Run("count/"+text, func(b *testing.B) {
			for b.Loop() {
				if _, err := index.Count(b.Context(), visibilitytest.Namespace, q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, text := range []string{"", "WorkflowType = 'Type5'", "Customer = 'customer-7'", "ExecutionStatus = 'Completed' AND Amount > 1000"} {
		q := parse(b, text)
		b.Run("deep/"+text, func(b *testing.B) {
			middle := visibilitytest.Epoch.Add(time.Duration(*runs/2) * time.Second).UnixNano()
			for b.Loop() {
				if _, err := index.List(b.Context(), visibility.ListRequest{Namespace: visibilitytest.Namespace, Query: q, Size: 100, After: &visibility.Cursor{Closed: middle, Started: middle}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkApply is what indexing of runs costs that begin and end at once, as the
// indexer does it under load.
func BenchmarkApply(b *testing.B) {
	for name, change := range map[string]func(int) visibility.Change{
		"plain": func(n int) visibility.Change {
			return visibilitytest.Change(n, visibilitytest.Closed(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, time.Second))
		},
		"build ids": func(n int) visibility.Change {
			return visibilitytest.Change(n, visibilitytest.Closed(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, time.Second), func(c *visibility.Change) {
				c.Row.BuildIds = []string{"b"}
				c.Attributes = append(c.Attributes, visibility.Attribute{Name: "BuildIds", Type: enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST, Values: []any{"unversioned", "unversioned:b"}})
			})
		},
		"attributes": func(n int) visibility.Change { return benchChange(n, false) },
	} {
		b.Run(name, func(b *testing.B) {
			index, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "index.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer index.Close()
			n := 0
			for batch := range slices.Chunk(make([]visibility.Change, b.N), 1000) {
				for i := range batch {
					batch[i] = change(n)
					n++
				}
				if err := index.Apply(b.Context(), &visibility.Batch{Changes: batch}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLater is what a change of an open run costs among many (-runs), which change in no order: that a search
// attribute is taken away, and that it closes.
func BenchmarkLater(b *testing.B) {
	end := visibilitytest.Epoch.Add(time.Duration(*runs) * time.Second)
	for name, later := range map[string]func(c *visibility.Change, step int){
		"attribute": func(*visibility.Change, int) {},
		"close": func(c *visibility.Change, step int) {
			visibilitytest.Closed(enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, 0)(c)
			c.Row.CloseTime = timestamppb.New(end.Add(time.Duration(step) * time.Millisecond))
		},
	} {
		b.Run(name, func(b *testing.B) {
			index, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "index.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer index.Close()
			n := 0
			for batch := range slices.Chunk(make([]visibility.Change, *runs), 5000) {
				for i := range batch {
					batch[i] = visibilitytest.Change(n, visibilitytest.With("Customer", "waits"))
					n++
				}
				if err := index.Apply(b.Context(), &visibility.Batch{Changes: batch}); err != nil {
					b.Fatal(err)
				}
			}
			order, step := rand.New(rand.NewPCG(1, 1)).Perm(*runs), 0
			b.ResetTimer()
			for batch := range slices.Chunk(make([]visibility.Change, b.N), 1000) {
				for i := range batch {
					batch[i] = visibilitytest.Change(order[step%len(order)])
					later(&batch[i], step)
					step++
				}
				if err := index.Apply(b.Context(), &visibility.Batch{Changes: batch}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
