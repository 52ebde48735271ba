//go:build !linux

package cli

// dropPages gives back pages of the program, where that is known how to.
func dropPages(evict bool) {}
