package server

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/auth"
)

// inProcess is a gRPC channel to services of the same process. It is client and
// server in one: services are registered with it, and generated stubs call
// through it. No network, no HTTP/2 and no other goroutine is involved: the
// handler runs on the goroutine of the caller.
//
// To both sides it looks like the network. Messages are encoded and decoded on
// the way, so that neither side ever shares memory with the other, that what is
// not valid on the wire is refused here as well, and that fields a handler has
// spliced in encoded turn up decoded. Deadlines, cancellation, metadata, message
// size limit, and the details of errors are the same; so is the interceptor.
//
// Streaming methods are Unimplemented: the Temporal API has none.
type inProcess struct {
	interceptor grpc.UnaryServerInterceptor
	maxRequest  int
	methods     map[string]localMethod

	mu     sync.Mutex
	calls  int
	closed bool
	idle   chan struct{} // closed once closed is set and calls is 0
}

type localMethod struct {
	handler grpc.MethodHandler
	service any
}

func newInProcess(interceptor grpc.UnaryServerInterceptor, maxRequest int) *inProcess {
	return &inProcess{
		interceptor: interceptor,
		maxRequest:  maxRequest,
		methods:     make(map[string]localMethod),
		idle:        make(chan struct{}),
	}
}

// RegisterService implements grpc.ServiceRegistrar. All services have to be
// registered before the first call.
func (p *inProcess) RegisterService(desc *grpc.ServiceDesc, service any) {
	for _, m := range desc.Methods {
		p.methods["/"+desc.ServiceName+"/"+m.MethodName] = localMethod{grpc.MethodHandler(m.Handler), service}
	}
}

// Invoke implements grpc.ClientConnInterface.
func (p *inProcess) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	return p.call(ctx, localPeer, method, args, reply, options)
}

// call carries out a call of the peer.
func (p *inProcess) call(ctx context.Context, caller *peer.Peer, method string, args, reply any, options []grpc.CallOption) error {
	if err := ctx.Err(); err != nil {
		return status.FromContextError(err).Err()
	}
	if !p.begin() {
		return status.Error(codes.Unavailable, "the server has been stopped")
	}
	defer p.end()

	m, ok := p.methods[method]
	if !ok {
		return status.Errorf(codes.Unimplemented, "unknown method %s", method)
	}
	// What the caller has received itself, if it is a gRPC handler, must not be
	// taken for what it sends: incoming metadata is set even if there is none.
	sent, _ := metadata.FromOutgoingContext(ctx)
	sent, err := withCredentials(ctx, sent, method, options)
	if err != nil {
		return err
	}
	stream := &localStream{method: method}
	serverCtx := metadata.NewIncomingContext(ctx, sent)
	serverCtx = grpc.NewContextWithServerTransportStream(serverCtx, stream)
	serverCtx = peer.NewContext(serverCtx, caller)

	request := buffer{}
	defer request.free()
	if err := request.encode(args, "request"); err != nil {
		return err
	}
	if len(request.data) > p.maxRequest {
		return status.Errorf(codes.ResourceExhausted, "grpc: received message larger than max (%d vs. %d)", len(request.data), p.maxRequest)
	}
	response, err := m.handler(m.service, serverCtx, request.decode, p.interceptor)
	stream.deliver(options)
	if ctxErr := ctx.Err(); ctxErr != nil && err != nil {
		// As over the network, the caller's own end comes first; but not before a
		// reply, which may be a task that has been started for the caller.
		return status.FromContextError(ctxErr).Err()
	}
	if err != nil {
		return status.Convert(err).Err()
	}
	encoded := buffer{}
	defer encoded.free()
	if err := encoded.encode(response, "response"); err != nil {
		return err
	}
	return encoded.decode(reply)
}

// outside is the channel inside the process for calls that have come into it from outside
// in another way than by gRPC. Whoever made the call is the peer in the context, and
// is trusted as little as one who calls over the network.
type outside struct{ *inProcess }

// Invoke implements grpc.ClientConnInterface.
func (o outside) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	caller, ok := peer.FromContext(ctx)
	if !ok {
		return status.Error(codes.Internal, "a call from outside says nothing of its caller")
	}
	return o.call(ctx, caller, method, args, reply, options)
}

// NewStream implements grpc.ClientConnInterface.
func (p *inProcess) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Errorf(codes.Unimplemented, "streaming method %s cannot be called inside the process", method)
}

func (p *inProcess) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.calls++
	return true
}

func (p *inProcess) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls--
	if p.closed && p.calls == 0 {
		close(p.idle)
	}
}

// close refuses further calls and waits for those under way, or for the end of
// the context.
func (p *inProcess) close(ctx context.Context) error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		if p.calls == 0 {
			close(p.idle)
		}
	}
	p.mu.Unlock()
	select {
	case <-p.idle:
		return nil
	default:
	}
	select {
	case <-p.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for calls inside the process: %w", context.Cause(ctx))
	}
}

// buffer is an encoded message in memory that is used again for other calls.
// Decoding copies what it keeps.
type buffer struct {
	pooled *[]byte
	data   []byte
}

func (b *buffer) encode(message any, what string) error {
	m, ok := message.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "the %s is a %T, not a protobuf message", what, message)
	}
	size := proto.Size(m)
	b.pooled = mem.DefaultBufferPool().Get(size)
	data, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend((*b.pooled)[:0], m)
	if err != nil {
		return status.Errorf(codes.Internal, "encoding the %s: %v", what, err)
	}
	b.data = data
	return nil
}

func (b *buffer) decode(into any) error {
	m, ok := into.(proto.Message)
	if !ok {
		return status.Errorf(codes.Internal, "cannot decode into a %T", into)
	}
	if err := proto.Unmarshal(b.data, m); err != nil {
		return status.Errorf(codes.Internal, "decoding a message: %v", err)
	}
	return nil
}

func (b *buffer) free() {
	if b.pooled != nil {
		mem.DefaultBufferPool().Put(b.pooled)
		b.pooled = nil
	}
}

// withCredentials adds what the per-call credentials of the options put into the
// headers.
func withCredentials(ctx context.Context, sent metadata.MD, method string, options []grpc.CallOption) (metadata.MD, error) {
	if sent == nil {
		sent = metadata.MD{}
	}
	for _, option := range options {
		o, ok := option.(grpc.PerRPCCredsCallOption)
		if !ok {
			continue
		}
		// A call that never leaves the process is as private as can be.
		info := credentials.RequestInfo{Method: method, AuthInfo: localAuth{}}
		added, err := o.Creds.GetRequestMetadata(credentials.NewContextWithRequestInfo(ctx, info), "local://"+method[:strings.LastIndexByte(method, '/')])
		if err != nil {
			return nil, status.Errorf(codes.Unauthenticated, "credentials of the call: %v", err)
		}
		for key, value := range added {
			sent.Append(key, value)
		}
	}
	return sent, nil
}

// localStream collects the metadata a handler sends back.
type localStream struct {
	method string

	mu              sync.Mutex
	header, trailer metadata.MD
}

func (s *localStream) Method() string { return s.method }

func (s *localStream) SetHeader(md metadata.MD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header = metadata.Join(s.header, md)
	return nil
}

func (s *localStream) SendHeader(md metadata.MD) error { return s.SetHeader(md) }

func (s *localStream) SetTrailer(md metadata.MD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trailer = metadata.Join(s.trailer, md)
	return nil
}

// deliver puts the metadata where the caller's options want it.
func (s *localStream) deliver(options []grpc.CallOption) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, option := range options {
		switch o := option.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = s.header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = s.trailer
		case grpc.PeerCallOption:
			*o.PeerAddr = *localPeer
		}
	}
}

var localPeer = &peer.Peer{Addr: localAddr{}, AuthInfo: localAuth{}}

type localAddr struct{}

func (localAddr) Network() string { return "local" }
func (localAddr) String() string  { return "in-process" }

type localAuth struct{}

func (localAuth) AuthType() string { return auth.LocalType }

// GetCommonAuthInfo says that the channel is safe for credentials.
func (localAuth) GetCommonAuthInfo() credentials.CommonAuthInfo {
	return credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}
}
