package frontend

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/backup"
)

// Backups is what the AdminService needs of backup.Runner.
type Backups interface {
	Start(dir string, bytesPerSecond int64) (number int64, err error)
	State() backup.State
	Cancel() error
}

// backupAdmin are the handlers of backups.
type backupAdmin struct{ backups Backups }

var errNoBackups = serviceerror.NewFailedPrecondition(
	"This server keeps its data where it cannot make backups of them: a server with a data directory can; a database is backed up with its own tools.")

// StartBackup begins a backup.
func (s *backupAdmin) StartBackup(_ context.Context, req *admin.StartBackupRequest) (*admin.StartBackupResponse, error) {
	if s.backups == nil {
		return nil, errNoBackups
	}
	if req.GetDirectory() == "" {
		return nil, serviceerror.NewInvalidArgument("Directory is not set on request.")
	}
	rate := req.GetBytesPerSecond()
	switch {
	case rate == 0:
		rate = backup.DefaultBytesPerSecond
	case rate < 0:
		rate = 0
	}
	number, err := s.backups.Start(req.GetDirectory(), rate)
	switch {
	case errors.Is(err, backup.ErrUnderWay):
		return nil, serviceerror.NewFailedPrecondition("A backup is under way already.")
	case errors.Is(err, backup.ErrDirectory):
		return nil, serviceerror.NewInvalidArgument(err.Error())
	case err != nil:
		return nil, err
	}
	return &admin.StartBackupResponse{Number: number}, nil
}

// DescribeBackup tells how far the last backup is.
func (s *backupAdmin) DescribeBackup(context.Context, *admin.DescribeBackupRequest) (*admin.DescribeBackupResponse, error) {
	if s.backups == nil {
		return nil, errNoBackups
	}
	state := s.backups.State()
	resp := &admin.DescribeBackupResponse{
		Number:      state.Number,
		Running:     state.Running,
		Name:        state.Progress.Name,
		Bytes:       state.Progress.Bytes,
		BytesTotal:  state.Progress.BytesTotal,
		BytesCopied: state.Progress.Copied,
	}
	if state.Err != nil {
		resp.Error = state.Err.Error()
	}
	if state.Manifest != nil {
		resp.Time = state.Manifest.Time.Format(time.RFC3339Nano)
	}
	return resp, nil
}

// CancelBackup ends the backup that is under way.
func (s *backupAdmin) CancelBackup(context.Context, *admin.CancelBackupRequest) (*admin.CancelBackupResponse, error) {
	if s.backups == nil {
		return nil, errNoBackups
	}
	if err := s.backups.Cancel(); err != nil {
		return nil, serviceerror.NewFailedPrecondition("No backup is under way.")
	}
	return &admin.CancelBackupResponse{}, nil
}
