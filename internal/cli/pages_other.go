//go:build !linux

package cli

// dropStartPages gives back memory that only the start has needed, where that is known how to.
func dropStartPages() {}
