package server

import (
	"github.com/perdure/perdure/internal/backup"
	"github.com/perdure/perdure/internal/frontend"
)

// backupsOf returns what makes backups of the store, nil if it is none that backups can
// be made of.
func (s *Server) backupsOf(options Options, clusterID string) *backup.Runner {
	source, ok := s.store.(backup.Source)
	if !ok {
		return nil
	}
	return backup.NewRunner(backup.Options{
		Source:  source,
		DataDir: options.DataDir,
		Version: Version,
		Cluster: clusterID,
		Logger:  s.logger,
	})
}

// backupDoor is the runner as the frontend wants it: a nil one is no interface.
func backupDoor(runner *backup.Runner) frontend.Backups {
	if runner == nil {
		return nil
	}
	return runner
}
