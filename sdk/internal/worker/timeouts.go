package worker

import "time"

const (
	// pollTimeout bounds a poll. The server answers an empty one after a
	// minute; the rest is for the way.
	pollTimeout = 70 * time.Second
	// pollGracePeriod is how long polls may fail with an error that looks
	// final before the worker gives up: proxies and restarting servers
	// sometimes answer strangely.
	pollGracePeriod = 2 * time.Minute
	// stopGracePeriod is how long Stop waits for tasks whose contexts have
	// ended.
	stopGracePeriod = time.Second
)
