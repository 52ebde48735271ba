package inorder

import (
	"errors"
	"testing"
	"testing/synctest"
)

func TestCallsAreMadeInTheOrderOfThePushes(t *testing.T) {
	var q Queue
	var got []int
	for i := range 1000 {
		q.Push(func(error) { got = append(got, i) }, nil)
	}
	q.Wait()
	if len(got) != 1000 {
		t.Fatalf("%d of 1000 calls were made", len(got))
	}
	for i, n := range got {
		if i != n {
			t.Fatalf("call %d was made as number %d", n, i)
		}
	}
}

func TestEachCallGetsTheErrorItWasPushedWith(t *testing.T) {
	var q Queue
	want := errors.New("full")
	var first, second error
	q.Push(func(err error) { first = err }, want)
	q.Push(func(err error) { second = err }, nil)
	q.Wait()
	if first != want || second != nil {
		t.Fatalf("got %v and %v", first, second)
	}
}

func TestPushDoesNotCallOnTheCallersGoroutine(t *testing.T) {
	var q Queue
	release := make(chan struct{})
	q.Push(func(error) { <-release }, nil) // would deadlock if it did
	close(release)
	q.Wait()
}

func TestNoGoroutineIsLeftWhenIdle(t *testing.T) {
	// A bubble ends only when all of its goroutines have.
	synctest.Test(t, func(t *testing.T) {
		var q Queue
		q.Push(func(error) {}, nil)
		q.Wait()
		q.Push(func(error) {}, nil)
	})
}
