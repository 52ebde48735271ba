package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// writeBackBytes is after how much of a file the kernel is asked to write it to the disk.
const writeBackBytes = 1 << 20

// chunk is how much is copied between two looks at the clock and the context.
const chunk = 256 << 10

// writer writes one backup.
type writer struct {
	ctx      context.Context
	options  Options
	source   string    // the checkpoint
	partial  string    // what becomes the backup
	previous *Manifest // the backup before; nil if there is none
	pace     *pace
	progress Progress
	manifest *Manifest
}

// write writes everything and sees to it that it is on stable storage, but for the
// name of the directory.
func (w *writer) write() error {
	entries, err := os.ReadDir(w.source)
	if err != nil {
		return err
	}
	var files []os.FileInfo
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() || info.Name() == lockName {
			continue
		}
		files = append(files, info)
		w.progress.BytesTotal += info.Size()
	}
	data := filepath.Join(w.partial, dataName)
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	w.options.Progress(w.progress)
	for _, info := range files {
		file, err := w.file(info, data)
		if err != nil {
			return err
		}
		w.manifest.Files = append(w.manifest.Files, file)
		w.manifest.Bytes += file.Size
	}
	if err := syncDir(data); err != nil {
		return err
	}
	w.manifest.Copied = w.progress.Copied
	w.manifest.Finished = w.options.now().UTC()
	return w.manifest.writeTo(w.partial)
}

// file brings one file into the backup: the one of the backup before, if it has it.
func (w *writer) file(info os.FileInfo, data string) (File, error) {
	if known, path := w.known(info); path != "" {
		if err := os.Link(path, filepath.Join(data, known.Name)); err == nil {
			w.advance(known.Size)
			return known, nil
		}
		// It is gone, or the file system has no links.
	}
	sum, err := w.copy(filepath.Join(w.source, info.Name()), filepath.Join(data, info.Name()))
	if err != nil {
		return File{}, err
	}
	copied, err := os.Stat(filepath.Join(data, info.Name()))
	if err != nil {
		return File{}, err
	}
	return File{Name: info.Name(), Size: copied.Size(), Modified: info.ModTime().UnixNano(), SHA256: sum}, nil
}

// known is the file in the backup before that is the same, and where it is; empty if there
// is none.
func (w *writer) known(info os.FileInfo) (File, string) {
	if w.previous == nil || !strings.HasSuffix(info.Name(), ".sst") && !strings.HasSuffix(info.Name(), ".blob") {
		return File{}, ""
	}
	i := slices.IndexFunc(w.previous.Files, func(f File) bool {
		return f.Name == info.Name() && f.Size == info.Size() && f.Modified == info.ModTime().UnixNano()
	})
	if i < 0 {
		return File{}, ""
	}
	path := filepath.Join(w.options.Dir, w.previous.Name, dataName, info.Name())
	if !sameEnd(path, filepath.Join(w.source, info.Name()), info.Size()) {
		return File{}, ""
	}
	return w.previous.Files[i], path
}

// endBytes is how much of the end of two files is compared. Tables have their index and
// their properties there.
const endBytes = 16 << 10

// sameEnd reports whether both files have the size and the same end.
func sameEnd(a, b string, size int64) bool {
	first, err := readEnd(a, size)
	if err != nil {
		return false
	}
	second, err := readEnd(b, size)
	return err == nil && bytes.Equal(first, second)
}

func readEnd(path string, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != size {
		return nil, errors.New("another size")
	}
	end := make([]byte, min(size, endBytes))
	_, err = f.ReadAt(end, size-int64(len(end)))
	return end, err
}

// copy copies a file and returns its checksum. The copy is on stable storage then.
func (w *writer) copy(from, to string) (sum string, err error) {
	source, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	var written, begun int64 // bytes, and those of them that are on their way to the disk
	sum, err = transfer(w.ctx, source, w.target(target), w.pace, func(n int64) {
		if written += n; written-begun >= writeBackBytes {
			writeBack(target, begun, written-begun)
			begun = written
		}
		w.progress.Copied += n
		w.advance(n)
	})
	if err != nil {
		return "", err
	}
	if err := target.Sync(); err != nil {
		return "", err
	}
	forget(target)
	return sum, nil
}

func (w *writer) target(f *os.File) io.Writer {
	if w.options.write == nil {
		return f
	}
	return writerFunc(func(p []byte) (int, error) { return w.options.write(f, p) })
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (w *writer) advance(n int64) {
	w.progress.Bytes += n
	w.options.Progress(w.progress)
}

// transfer copies what the source has, at the pace, and returns its checksum.
func transfer(ctx context.Context, source io.Reader, target io.Writer, pace *pace, done func(n int64)) (string, error) {
	digest := sha256.New()
	buffer := make([]byte, chunk)
	for {
		n, err := source.Read(buffer)
		if n > 0 {
			_, _ = digest.Write(buffer[:n])
			if _, err := target.Write(buffer[:n]); err != nil {
				return "", err
			}
			done(int64(n))
			if err := pace.wait(ctx, int64(n)); err != nil {
				return "", err
			}
		}
		switch {
		case err == io.EOF:
			return sumOf(digest), nil
		case err != nil:
			return "", err
		}
	}
}

func sumOf(digest hash.Hash) string { return hex.EncodeToString(digest.Sum(nil)) }

// pace bounds how many bytes are copied in a second.
type pace struct {
	rate  int64 // 0: no bound
	begun time.Time
	bytes int64
}

func newPace(rate int64) *pace { return &pace{rate: rate, begun: time.Now()} }

// wait returns when n more bytes may have been copied.
func (p *pace) wait(ctx context.Context, n int64) error {
	if p.rate <= 0 {
		return context.Cause(ctx)
	}
	p.bytes += n
	due := p.begun.Add(time.Duration(float64(p.bytes) / float64(p.rate) * float64(time.Second)))
	left := time.Until(due)
	if left < -time.Second {
		// The disk was slower than allowed. That is not made good for later.
		p.begun, p.bytes = time.Now(), 0
	}
	if left <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
