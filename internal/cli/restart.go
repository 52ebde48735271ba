package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/perdure/perdure/internal/handover"
	"github.com/perdure/perdure/internal/server"
)

// A server that is asked to starts anew in place, as after an upgrade of its binary or a change of its settings: it has
// its clients connect anew, finishes their calls, closes its store, and becomes the program that is at its path
// now, which gets the ports while they are open (package handover). Clients see a call that takes longer.

// successorTimeout bounds the look at the program that is to follow.
const successorTimeout = 10 * time.Second

// awaitEnd waits until the server is to stop or, which it reports, to start anew. What could not start is not
// started: the server goes on.
func awaitEnd(ctx context.Context, restart <-chan os.Signal, logger *slog.Logger) (anew bool) {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-restart:
			err := checkSuccessor(ctx, os.Args[1:])
			if err == nil {
				return true
			}
			logger.Error("The server is not started anew, as that would fail; it goes on as it is.", "error", err)
		}
	}
}

// checkSuccessor has the program that is at this one's path read its settings, as it would at a start.
func checkSuccessor(ctx context.Context, args []string) error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	args = slices.Clone(args)
	for i := 1; i < len(args); i++ {
		if args[i-1] == "server" && args[i] == "start" {
			args[i] = "config"
			break
		}
	}
	ctx, cancel := context.WithTimeout(ctx, successorTimeout)
	defer cancel()
	check := exec.CommandContext(ctx, path, args...)
	var says bytes.Buffer
	check.Stderr = &says
	if err := check.Run(); err != nil {
		return fmt.Errorf("%s %q: %w: %s", path, args, err, bytes.TrimSpace(says.Bytes()))
	}
	return nil
}

// startAnew stops the server and becomes the program that is at this one's path. It returns only if that fails.
func startAnew(s *server.Server, ports *handover.Ports, logger *slog.Logger) error {
	logger.Info("Starting anew: clients connect anew, calls under way finish.")
	path, err := os.Executable()
	if err == nil {
		err = ports.Hold()
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := errors.Join(err, s.HandOver(ctx)); err != nil {
		return fmt.Errorf("stopping the server: %w", err)
	}
	return ports.Exec(path, os.Args[1:])
}
