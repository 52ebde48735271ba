package dynamicconfig

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 4 << 20

// Options are where the settings come from. The zero value has the defaults.
type Options struct {
	// File is the YAML file with settings; empty for none. It is read again when it
	// has changed.
	File string
	// Overrides hold whatever the file says.
	Overrides []Override
	// Presets hold unless the file or an override says otherwise.
	Presets []Override
	// Poll is how often the file is looked at. Default 5 s.
	Poll time.Duration
	// Logger gets what is wrong with the file. Default slog.Default.
	Logger *slog.Logger
}

// Source keeps a Config as its file says.
type Source struct {
	options Options
	config  Config
	cancel  context.CancelFunc // nil without a file
	done    sync.WaitGroup

	// read is the file as it was read last.
	read fs.FileInfo
}

// Open reads the settings. It fails if the file or an override is not right. Close
// ends the look-out for changes.
func Open(options Options) (*Source, error) {
	if options.Poll == 0 {
		options.Poll = 5 * time.Second
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	s := &Source{options: options}
	if err := s.load(); err != nil {
		return nil, err
	}
	if options.File != "" {
		var ctx context.Context
		ctx, s.cancel = context.WithCancel(context.Background())
		s.done.Go(func() { s.watch(ctx) })
	}
	return s, nil
}

// Config is the settings, which follow the file.
func (s *Source) Config() *Config { return &s.config }

// Close ends the look-out for changes of the file. The settings stay as they are.
func (s *Source) Close() {
	if s.cancel != nil {
		s.cancel()
	}
	s.done.Wait()
}

func (s *Source) watch(ctx context.Context) {
	ticker := time.NewTicker(s.options.Poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.reload()
		}
	}
}

// reload reads the file again if it has changed. If it is not right, the settings stay
// as they are.
func (s *Source) reload() {
	info, err := os.Stat(s.options.File)
	if err == nil && s.read != nil && os.SameFile(info, s.read) && info.ModTime().Equal(s.read.ModTime()) && info.Size() == s.read.Size() {
		return
	}
	if err != nil && s.read == nil {
		return // it has been reported that it cannot be read
	}
	s.read = info
	if err == nil {
		err = s.load()
	}
	if err != nil {
		s.options.Logger.Error("The dynamic configuration cannot be read again; the settings stay as they were. Put the file right.",
			"file", s.options.File, "error", err)
		return
	}
	s.options.Logger.Info("The dynamic configuration has been read again.", "file", s.options.File)
}

// load reads the file and makes its settings those that hold.
func (s *Source) load() error {
	var text []byte
	if file := s.options.File; file != "" {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("dynamic configuration: %w", err)
		}
		if info.Size() > maxFile {
			return fmt.Errorf("dynamic configuration %s: it has %d bytes, more than %d", file, info.Size(), maxFile)
		}
		s.read = info
		if text, err = os.ReadFile(file); err != nil {
			return fmt.Errorf("dynamic configuration: %w", err)
		}
	}
	v, warnings, err := parse(text, s.options.Presets, s.options.Overrides)
	if err != nil {
		return fmt.Errorf("dynamic configuration %s: %w", s.options.File, err)
	}
	for _, warning := range warnings {
		s.options.Logger.Warn("Dynamic configuration: "+warning+".", "file", s.options.File)
	}
	s.config.values.Store(v)
	return nil
}
