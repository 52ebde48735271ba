package postgres

import (
	"net"
	"time"
)

// A machine that goes away says nothing: who waits for its answer would wait for as long as he has patience, and
// who has sent something as long as the kernel sends it again, a quarter of an hour. So connections are probed when nothing
// comes, and are over when nothing of what was sent has arrived for some time.
const (
	// A connection on which nothing comes is probed after probeIdle, and after each probeInterval,
	// and is over when probeCount of them are not answered.
	probeIdle     = 3 * time.Second
	probeInterval = time.Second
	probeCount    = 3
	// maxSilence is for how long what was sent may be on its way. A database that does not read what it is sent, because it has
	// much to do, is silent as well; see writer.connect.
	maxSilence = probeIdle + probeCount*probeInterval
)

// dialer makes connections that are probed.
var dialer = net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: probeIdle, Interval: probeInterval, Count: probeCount}}
