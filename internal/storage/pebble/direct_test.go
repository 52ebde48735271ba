package pebble

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// pagesInMemory is a directDevice that insists on whole pages in filled space.
type pagesInMemory struct {
	t       *testing.T
	data    []byte
	filled  int64
	writes  int
	failing error // of writes
	full    error // of fills
}

func (m *pagesInMemory) write(pages []byte, at int64) error {
	if m.failing != nil {
		return m.failing
	}
	if len(pages) == 0 || len(pages)%pageSize != 0 || at%pageSize != 0 {
		m.t.Errorf("a write of %d bytes at %d", len(pages), at)
	}
	if end := at + int64(len(pages)); m.full == nil && end > m.filled {
		m.t.Errorf("a write up to %d, where %d are filled", end, m.filled)
	}
	m.writes++
	if missing := int(at) + len(pages) - len(m.data); missing > 0 {
		m.data = append(m.data, make([]byte, missing)...)
	}
	copy(m.data[at:], pages)
	return nil
}

func (m *pagesInMemory) fill(from, to int64) error {
	if m.full != nil {
		return m.full
	}
	if from != m.filled || to <= from || to%pageSize != 0 {
		m.t.Errorf("a fill from %d to %d, where %d are filled", from, to, m.filled)
	}
	m.filled = to
	return nil
}

func (m *pagesInMemory) close() error { return nil }

func newDirectInMemory(t *testing.T) (*directLog, *pagesInMemory) {
	m := &pagesInMemory{t: t}
	return &directLog{device: m, buf: make([]byte, 4*pageSize)}, m
}

func TestADirectLogHasAllThatWasWrittenBeforeASyncAndThenZeros(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		d, m := newDirectInMemory(t)
		var want []byte
		for range 60 {
			piece := make([]byte, random.IntN(3*pageSize))
			for i := range piece {
				piece[i] = byte(1 + random.IntN(255))
			}
			if n, err := d.Write(piece); n != len(piece) || err != nil {
				t.Fatalf("%d of %d bytes are written: %v", n, len(piece), err)
			}
			want = append(want, piece...)
			if random.IntN(2) == 0 {
				continue
			}
			if err := d.sync(); err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(m.data, want) {
				t.Fatal("what was written before a sync is not there")
			}
			if rest := m.data[len(want):]; len(rest) >= pageSize || len(bytes.Trim(rest, "\x00")) > 0 {
				t.Fatalf("after the end come %d bytes, want zeros up to the end of the page", len(rest))
			}
		}
	}
}

func TestASyncOfADirectLogWithNothingNewWritesNothing(t *testing.T) {
	d, m := newDirectInMemory(t)
	if err := errors.Join(d.sync(), add(d, "record"), d.sync(), d.sync(), add(d, ""), d.sync()); err != nil {
		t.Fatal(err)
	}
	if m.writes != 1 {
		t.Errorf("there were %d writes, want 1", m.writes)
	}
}

func TestADirectLogGoesOnWithoutAFillThatHasFailed(t *testing.T) {
	d, m := newDirectInMemory(t)
	m.full = errors.New("disk full")
	if err := errors.Join(add(d, "one"), d.sync(), add(d, "two"), d.sync()); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(m.data, []byte("onetwo")) {
		t.Errorf("the log begins with %q", m.data[:6])
	}
}

func TestASyncOfADirectLogReportsAFailedWrite(t *testing.T) {
	d, m := newDirectInMemory(t)
	m.failing = errors.New("broken")
	if err := errors.Join(add(d, "record"), d.sync()); !errors.Is(err, m.failing) {
		t.Errorf("the sync has reported %v", err)
	}
}

func add(d *directLog, text string) error {
	_, err := d.Write([]byte(text))
	return err
}

// openDirect opens a log for direct I/O in a directory of the test, which is skipped where there is none.
func openDirect(t *testing.T, content []byte) (d *directLog, name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	pool := &directPool{}
	t.Cleanup(pool.close)
	if d = pool.open(name, int64(len(content))); d == nil {
		t.Skip("there is no direct I/O here")
	}
	return d, name
}

func TestADirectLogOnDiskIsReadBackAsItWasWritten(t *testing.T) {
	for _, old := range []int{0, 10, 3*pageSize + 10, 2 * fillStep} { // of a log that is used again
		d, name := openDirect(t, bytes.Repeat([]byte{7}, old))
		if uintptr(unsafe.Pointer(&d.buf[0]))%pageSize != 0 {
			t.Error("the buffer is not aligned")
		}
		var want []byte
		for i := range 300 {
			piece := bytes.Repeat([]byte{byte(i + 1)}, 1+i*37%9000)
			if i == 100 {
				piece = bytes.Repeat(piece, 3*directBuffer/len(piece))
			}
			if err := errors.Join(add(d, string(piece)), d.sync()); err != nil {
				t.Fatal(err)
			}
			want = append(want, piece...)
		}
		if err := d.device.close(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(got, want) {
			t.Errorf("with %d old bytes: the file does not begin with what was written", old)
		}
	}
}

func TestALogOfAnotherFileSystemIsNotWrittenDirectly(t *testing.T) {
	fs := &guardedFS{FS: vfs.NewMem()}
	f, err := fs.Create("log", walCategory)
	if err != nil {
		t.Fatal(err)
	}
	if file := f.(*guardedFile); file.direct != nil || file.fill == nil {
		t.Error("a log in memory is written directly")
	}
}
