// Command schedulespecs records how the Temporal server understands specifications of
// schedules: it reads them from standard input, one on a line as a ScheduleSpec in the text
// format of protobuf, and writes each with what it is refused with or when it acts.
// Package internal/schedule/spec is tested against the result, and explains it:
//
//	go run ./schedulespecs < ../../internal/schedule/spec/testdata/specs.txt > ../../internal/schedule/spec/testdata/recorded.txt
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/server/service/worker/scheduler"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

func main() {
	log.SetFlags(0)
	unlimited := func() int { return 0 }
	builder := scheduler.NewSpecBuilder(unlimited, unlimited)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		spec := new(schedulepb.ScheduleSpec)
		if err := prototext.Unmarshal(lines.Bytes(), spec); err != nil {
			log.Fatalf("%s: %v", lines.Text(), err)
		}
		fmt.Printf("\n%s\n", lines.Text())
		compiled, err := builder.NewCompiledSpec(spec)
		if err != nil {
			fmt.Printf("\trefused %q\n", err)
			continue
		}
		canonical, err := proto.MarshalOptions{Deterministic: true}.Marshal(compiled.CanonicalForm())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("\tcanonical %.8x\n", sha256.Sum256(canonical))
		for _, window := range []struct {
			from string
			most int
		}{{"2025-01-01T00:00:00Z", 3000}, {"2028-03-11T00:00:00Z", 500}, {"2031-10-25T00:00:00Z", 500}} {
			record(compiled, window.from, window.most)
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
}

// record writes how often the specification acts from a time on, for ten years, at most so
// often; the first two of these times and the last one, and a hash of all of them. Jitter is
// left out: it is by chance.
func record(compiled *scheduler.CompiledSpec, from string, most int) {
	after, err := time.Parse(time.RFC3339, from)
	if err != nil {
		log.Fatal(err)
	}
	end := after.AddDate(10, 0, 0)
	all := sha256.New()
	var shown []string
	n := 0
	for ; n < most; n++ {
		next, err := compiled.GetNextTime("seed", after)
		if err != nil {
			log.Fatal(err)
		}
		if next.Nominal.IsZero() || next.Nominal.After(end) {
			break
		}
		_ = binary.Write(all, binary.BigEndian, next.Nominal.Unix())
		after = next.Nominal
		if len(shown) == 3 {
			shown = shown[:2]
		}
		shown = append(shown, after.UTC().Format(time.RFC3339))
	}
	fmt.Println(strings.TrimRight(fmt.Sprintf("\tfrom %s %d times %.8x %s", from, n, all.Sum(nil), strings.Join(shown, " ")), " "))
}
