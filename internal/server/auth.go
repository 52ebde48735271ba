package server

import (
	"context"

	"github.com/perdure/perdure/internal/auth"
)

// openAuth reads who may make calls, if callers have to say who they are.
func (s *Server) openAuth(ctx context.Context, options Options) (err error) {
	if !options.Auth.Enabled() {
		return nil
	}
	options.Auth.Logger = s.logger
	s.auth, err = auth.Open(ctx, options.Auth)
	return err
}
