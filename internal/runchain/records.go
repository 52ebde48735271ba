package runchain

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

var (
	chainKey = []byte{'c'}
	// RunTimer is the name of the timer of the current run.
	RunTimer = []byte{LetterRun}
	// expiryTimer is the name of the timer of the first closed run.
	expiryTimer = []byte{letterClosed}
)

// The letters of the records of a run.
const (
	LetterRun     = 'r'
	LetterRequest = 'q'
	LetterOutcome = 'o'
)

const (
	letterRuns   = 'r' // begins the records of all runs
	letterClosed = 'x' // begins the index of closed runs
)

// RunKey is the key of a record of a run.
func RunKey(runID string, letter byte) []byte {
	return append(entity.AppendString([]byte{letterRuns}, runID), letter)
}

func closedKey(at time.Time, runID string) []byte {
	return append(entity.AppendInt([]byte{letterClosed}, at.UnixNano()), runID...)
}

// Read reads and decodes a record; nil if there is none.
func Read[M any, P message[M]](reader entity.Reader, key []byte) (P, error) {
	data, err := reader.Get(key)
	if err != nil || data == nil {
		return nil, err
	}
	return Decode[M, P](data)
}

// ReadPart reads a record that the run with the id has to have.
func ReadPart[M any, P message[M]](reader entity.Reader, runID string, letter byte) (P, error) {
	record, err := Read[M, P](reader, RunKey(runID, letter))
	if err == nil && record == nil {
		err = errors.New("it is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("record %c of run %s: %w", letter, runID, err)
	}
	return record, nil
}

// Decode decodes a record.
func Decode[M any, P message[M]](data []byte) (P, error) {
	record := P(new(M))
	if err := proto.Unmarshal(data, record); err != nil {
		return nil, fmt.Errorf("record does not decode: %w", err)
	}
	return record, nil
}

// message is what a pointer to a protobuf message is.
type message[M any] interface {
	*M
	proto.Message
}

// MustMarshal encodes a record. Records are made by the server and always encode.
func MustMarshal(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("runchain: record does not encode: " + err.Error())
	}
	return data
}

// Time is the time, the zero time for none.
func Time(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// MoveTimer moves a timer of the entity and returns the time it is set to then, for the
// records. Nil and the zero time: it is not set.
func MoveTimer(step *entity.Step, name []byte, from *timestamppb.Timestamp, to time.Time) *timestamppb.Timestamp {
	if from != nil {
		step.ClearTimer(name, from.AsTime())
	}
	if to.IsZero() {
		return nil
	}
	step.SetTimer(name, to)
	return timestamppb.New(to)
}

// IndexRows are the rows of all runs, as entity.Indexed wants them.
func (c *Chain[R]) IndexRows(reader entity.Reader) (entries []entity.IndexEntry, err error) {
	err = c.each(reader, func(r R) {
		entries = append(entries, entity.IndexEntry{ID: r.Record().GetRunId(), Row: MustMarshal(r.Row())})
	})
	return entries, err
}

// Verify is what is wrong with the runs, as entity.Verifier wants it.
func (c *Chain[R]) Verify(reader entity.Reader) (problems []error) {
	kept := false
	err := c.each(reader, func(r R) {
		kept = kept || closed(r)
		if err := r.Verify(reader); err != nil {
			problems = append(problems, fmt.Errorf("%s: %v: %w", c.kind.Name, c.key, err))
		}
	})
	if err != nil {
		problems = append(problems, err)
	}
	if record, err := Read[records.RunChain](reader, chainKey); err != nil {
		problems = append(problems, fmt.Errorf("%s: %v: %w", c.kind.Name, c.key, err))
	} else if kept && record.GetNextExpiry() == nil {
		problems = append(problems, fmt.Errorf("%s: %v has closed runs and no timer for the end of their retention", c.kind.Name, c.key))
	}
	return problems
}

// each visits all runs as they are in their records.
func (c *Chain[R]) each(reader entity.Reader, visit func(R)) error {
	var found [][]byte
	var bad error
	err := reader.Scan([]byte{letterRuns}, nil, false, func(record, value []byte) bool {
		_, rest, err := entity.DecodeString(record[1:])
		if err != nil || len(rest) != 1 {
			bad = fmt.Errorf("%s: record %q of %v is of no run", c.kind.Name, record, c.key)
			return false
		}
		if rest[0] == LetterRun {
			found = append(found, append([]byte(nil), value...))
		}
		return true
	})
	if err := errors.Join(err, bad); err != nil {
		return err
	}
	for _, record := range found {
		r, err := c.decode(reader, record)
		if err != nil {
			return fmt.Errorf("%s: a run of %v: %w", c.kind.Name, c.key, err)
		}
		visit(r)
	}
	return nil
}
