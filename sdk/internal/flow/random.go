package flow

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
)

// WorkflowRandomStream is a source of pseudorandom numbers that is the same in
// every replay. Each read of eight bytes and each number takes the next eight bytes
// of one stream.
type WorkflowRandomStream interface {
	rand.Source
	io.Reader
}

// GetRandomStream returns the stream of a name, which is the same one whenever a run
// asks. Streams of different names do not depend on each other.
func GetRandomStream(ctx Context, name string) WorkflowRandomStream {
	r := runOf(ctx)
	if stream, ok := r.random[name]; ok {
		return stream
	}
	if r.random == nil {
		r.random = make(map[string]*randomStream)
	}
	stream := &randomStream{run: r, name: name}
	r.random[name] = stream
	return stream
}

// randomStream is ChaCha8, seeded by the run and the name. The seed and the stream are
// part of what histories depend on; both are those of the Temporal SDK.
type randomStream struct {
	run  *run
	name string
	// seededBy is the run id that source was seeded by. A reset begins another
	// stream, also for who holds this one.
	seededBy string
	source   *rand.ChaCha8
}

func (s *randomStream) Read(p []byte) (int, error) {
	if s.run.readOnly {
		// Replay does not repeat queries, validators and side effects.
		panic(illegalAccess)
	}
	if id := s.run.machine.RunID(); s.source == nil || s.seededBy != id {
		s.source, s.seededBy = rand.NewChaCha8(randomSeed(id, s.name)), id
	}
	return s.source.Read(p)
}

// Uint64 is made of Read: ChaCha8 does not say how its own Uint64 goes together with
// reads.
func (s *randomStream) Uint64() uint64 {
	var b [8]byte
	_, _ = s.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

func randomSeed(runID, name string) [32]byte {
	return sha256.Sum256([]byte("temporal.sdk.random.v1\x00" + runID + "\x00" + name))
}
