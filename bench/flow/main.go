// Command flow measures flow control and checks that it is exact at a size that tests have not: a million
// workflows that wait at ten thousand gates. Its parts are run one after the other, on a directory that stays:
//
//	flow -perdure bin/perdure -dir DIR fill  [-workflows 1000000] [-keys 10000]
//	flow -perdure bin/perdure -dir DIR drain [-kills 200]
//	flow -perdure bin/perdure -dir DIR check
//
// fill starts workflows whose policies let nothing in yet. drain lets them in, with limits from 1 to 100 for each key,
// carries them out, and kills the server meanwhile; it can be broken off and run again. check reads all histories, and
// says how many of a key ran at once at most.
//
//	flow -perdure bin/perdure rates [-rounds 20]
//	flow -perdure bin/perdure hot   [-workflows 1000000]
//	flow -perdure bin/perdure fair
//
// need no directory: rates starts workflows with and without policies by turns; hot has so many wait for one key, and measures
// others meanwhile; fair says in which shares the fairness keys of one gate are served.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what the parts are told.
type options struct {
	binary    string
	dir       string
	workflows int
	keys      int
	kills     int
	rounds    int
	clients   int
	turn      time.Duration
}

func main() {
	log.SetFlags(0)
	var o options
	flag.StringVar(&o.binary, "perdure", "../bin/perdure", "the binary of the server")
	flag.StringVar(&o.dir, "dir", "", "directory of what stays between the parts")
	flag.IntVar(&o.workflows, "workflows", 1_000_000, "how many workflows wait")
	flag.IntVar(&o.keys, "keys", 10_000, "how many keys they have")
	flag.IntVar(&o.kills, "kills", 200, "how often drain kills the server")
	flag.IntVar(&o.rounds, "rounds", 20, "how many turns each kind of start has")
	flag.IntVar(&o.clients, "clients", 128, "how many calls are made at once")
	flag.DurationVar(&o.turn, "turn", 500*time.Millisecond, "how long a turn takes")
	flag.Parse()
	parts := map[string]func(context.Context, *options) error{
		"fill": fill, "drain": drain, "check": checkHistories, "rates": rates, "hot": hot, "fair": fair,
	}
	part := parts[flag.Arg(0)]
	if part == nil || flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := part(ctx, &o); err != nil {
		log.Fatalf("flow %s: %v", flag.Arg(0), err)
	}
}

// say prints a figure.
func say(what, format string, args ...any) {
	fmt.Printf("%-52s %s\n", what, fmt.Sprintf(format, args...))
}
