package frontend

import (
	"context"

	"google.golang.org/grpc"
)

// Intercept is what every unary call passes through, whether it comes from the
// network or from inside the process: a client of a supported version, a
// namespace that exists and is in a state to be used, and at the end an error
// that says what the API promises and nothing about the inside of the server.
//
// It is one interceptor, not a chain of them, so that a call costs no closures.
func (s *Service) Intercept(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			resp, err = nil, s.recovered(ctx, info.FullMethod, cause)
		}
		if err != nil {
			resp, err = nil, s.convertError(ctx, info.FullMethod, err)
		}
	}()
	if err := s.checkClientVersion(ctx); err != nil {
		return nil, err
	}
	call, err := s.resolveNamespace(req, info.FullMethod)
	if err != nil {
		return nil, err
	}
	if call != nil {
		ctx = context.WithValue(ctx, callKey{}, call)
	}
	return handler(ctx, req)
}

// InterceptStream is Intercept for the streaming calls, which are those of
// health checking and reflection only.
func (s *Service) InterceptStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = s.recovered(stream.Context(), info.FullMethod, cause)
		}
		if err != nil {
			err = s.convertError(stream.Context(), info.FullMethod, err)
		}
	}()
	return handler(srv, stream)
}
