package frontend

import (
	"context"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/visibility"
)

// Rebuilder is what the AdminService needs of a visibility index.
type Rebuilder interface {
	// Rebuild has the index built anew.
	Rebuild()
	// State tells how it is.
	State() visibility.State
}

// adminService is the AdminService: the handlers of all areas.
type adminService struct {
	visibilityAdmin
	backupAdmin
	importAdmin
	clusterAdmin
}

// visibilityAdmin are the handlers of what operators ask of the index.
type visibilityAdmin struct{ index Rebuilder }

// RebuildVisibility has the visibility index built anew.
func (s *visibilityAdmin) RebuildVisibility(context.Context, *admin.RebuildVisibilityRequest) (*admin.RebuildVisibilityResponse, error) {
	if s.index == nil {
		return nil, errNoVisibility
	}
	builds := s.index.State().Builds
	s.index.Rebuild()
	return &admin.RebuildVisibilityResponse{Builds: int64(builds)}, nil
}

// DescribeVisibility tells how the visibility index is.
func (s *visibilityAdmin) DescribeVisibility(context.Context, *admin.DescribeVisibilityRequest) (*admin.DescribeVisibilityResponse, error) {
	if s.index == nil {
		return nil, errNoVisibility
	}
	state := s.index.State()
	resp := &admin.DescribeVisibilityResponse{
		Building: state.Building, Shards: int32(state.Shards), ShardsTotal: int32(state.ShardsTotal), Rows: state.Rows, Builds: int64(state.Builds),
	}
	if state.Err != nil {
		resp.Error = state.Err.Error()
	}
	return resp, nil
}
