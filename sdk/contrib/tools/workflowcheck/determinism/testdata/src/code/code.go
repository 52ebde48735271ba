package code // want package:".*"

type ints map[int]int

type set interface{ ~map[int]int }

type Store interface {
	Load() int
	Keep(int)
}

var Declared, Free int

func concurrency(c chan int) { // want concurrency:"starts goroutine, sends to channel, receives from channel, iterates over channel"
	go func() {}()
	c <- 1
	<-c
	for range c {
	}
}

func maps(named ints) { // want maps:"iterates over map"
	for range named {
	}
}

func generic[S set](s S) { // want generic:"iterates over map"
	for range s {
	}
}

func instantiated() { generic(ints{}) } // want instantiated:"calls non-deterministic function code.generic"

func slices(s []int, n int) {
	for range s {
	}
	for range n {
	}
}

func variable() int { return Declared } // want variable:"accesses non-deterministic var code.Declared"

func otherVariable() int { return Free }

func method(s Store) int { // want method:`calls non-deterministic function \(code.Store\).Load`
	s.Keep(1)
	return s.Load()
}

// ping and pong call each other, and pong is not deterministic.
func ping(n int) { // want ping:"calls non-deterministic function code.pong"
	if n > 0 {
		pong(n - 1)
	}
}

func pong(n int) { // want pong:"starts goroutine, calls non-deterministic function code.ping"
	go func() {}()
	ping(n)
}

func recursive(n int) {
	if n > 0 {
		recursive(n - 1)
	}
}

func wrapped() {
	enclose(func() { go func() {}() })
}

func enclose(f func()) { f() }

func unnamed() func() { // want unnamed:"starts goroutine"
	return func() { go func() {}() }
}
