package auth

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/api/methods"
)

// Options say who can be known. The zero value asks nobody who he is.
type Options struct {
	// JWT says which tokens are accepted.
	JWT JWTOptions
	// File is the YAML file of API keys, and of the roles of certificates (AccessFile).
	File string

	// Poll is how often files are looked at for changes; five seconds if zero.
	Poll time.Duration
	// Now is the time; time.Now if nil.
	Now func() time.Time
	// Logger gets what operators should know; slog.Default if nil.
	Logger *slog.Logger
}

// Enabled reports whether callers have to say who they are.
func (o *Options) Enabled() bool { return len(o.JWT.KeySources) > 0 || o.File != "" }

// LocalType is the type of the credentials.AuthInfo of calls from inside the process.
const LocalType = "local"

// Authenticator finds out who makes calls. It may be used from many goroutines at once.
type Authenticator struct {
	options  Options
	jwt      *jwtVerifier // nil if no tokens are accepted
	access   atomic.Pointer[access]
	verified cache
	refusals throttle

	file   *followed // nil without a file
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Open reads files and key sets, and follows them until Close. A set that cannot be
// fetched is an entry in the log, and fetched later; a file that is not right is an error.
func Open(ctx context.Context, options Options) (*Authenticator, error) {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Poll == 0 {
		options.Poll = 5 * time.Second
	}
	a := &Authenticator{options: options}
	a.access.Store(&access{})
	if options.File != "" {
		a.file = &followed{path: options.File, use: a.readAccess}
		if err := a.file.look(); err != nil {
			return nil, err
		}
	}
	if len(options.JWT.KeySources) > 0 {
		verifier, err := newJWTVerifier(ctx, options, a.verified.clear)
		if err != nil {
			return nil, err
		}
		a.jwt = verifier
	}
	following, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.done.Go(func() { a.follow(following) })
	return a, nil
}

// Close ends the look-out for changes. Calls are still answered.
func (a *Authenticator) Close() {
	if a == nil {
		return
	}
	a.cancel()
	a.done.Wait()
}

func (a *Authenticator) follow(ctx context.Context) {
	ticker := time.NewTicker(a.options.Poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if a.file != nil {
			a.file.follow(a.options.Logger)
		}
		if a.jwt != nil {
			a.jwt.keys.follow(ctx)
		}
	}
}

// errUnauthorized tells nothing about what the caller may not.
var errUnauthorized = serviceerror.NewPermissionDenied("Request unauthorized.", "")

// Authenticate returns who makes the call of the context: by its token, or else by its
// certificate. Who says nothing has nil claims. A token that is not accepted is an error.
// A call from inside the process is the server's own, unless its context has claims.
func (a *Authenticator) Authenticate(ctx context.Context) (*Claims, error) {
	caller, _ := peer.FromContext(ctx)
	if caller != nil && caller.AuthInfo != nil && caller.AuthInfo.AuthType() == LocalType {
		if claims := FromContext(ctx); claims != nil {
			return claims, nil
		}
		return Internal, nil
	}
	if headers := metadata.ValueFromIncomingContext(ctx, "authorization"); len(headers) > 0 && headers[0] != "" {
		return a.byToken(ctx, headers[0])
	}
	if caller != nil {
		if tls, ok := caller.AuthInfo.(credentials.TLSInfo); ok && len(tls.State.VerifiedChains) > 0 {
			return a.access.Load().certificate(tls.State.PeerCertificates[0]), nil
		}
	}
	return nil, nil
}

// AuthenticateHTTP returns who makes a request over HTTP, as Authenticate does of a call.
func (a *Authenticator) AuthenticateHTTP(r *http.Request) (*Claims, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		return a.byToken(r.Context(), header)
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return a.access.Load().certificate(r.TLS.PeerCertificates[0]), nil
	}
	return nil, nil
}

// Authorize refuses what the claims do not allow in the namespace with the name.
func (a *Authenticator) Authorize(ctx context.Context, claims *Claims, method *methods.Method, namespace string) error {
	if claims.Allow(method, namespace) {
		return nil
	}
	if a.refusals.next(a.options.Now()) {
		subject := "nobody"
		if claims != nil {
			subject = claims.Type + " " + claims.Subject
		}
		a.options.Logger.WarnContext(ctx, "A call was refused: its caller may not make it. Further refusals are not logged for a second.",
			"method", method.Name, "namespace", namespace, "subject", subject)
	}
	return errUnauthorized
}

// byToken returns whom the header is of.
func (a *Authenticator) byToken(ctx context.Context, header string) (*Claims, error) {
	claims, err := a.verify(ctx, header)
	if err != nil {
		if a.refusals.next(a.options.Now()) {
			a.options.Logger.WarnContext(ctx, "A call was refused: its token is not accepted. Further refusals are not logged for a second.", "reason", err)
		}
		return nil, status.Error(codes.Unauthenticated, "the token is not accepted: "+err.Error())
	}
	return claims, nil
}

func (a *Authenticator) verify(ctx context.Context, header string) (*Claims, error) {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") || token == "" {
		return nil, errFormat
	}
	digest := sha256.Sum256([]byte(token))
	now := a.options.Now()
	if strings.HasPrefix(token, keyPrefix) {
		return a.access.Load().key(digest, now)
	}
	if a.jwt == nil {
		return nil, errNoTokens
	}
	if claims := a.verified.get(digest, now); claims != nil {
		return claims, nil
	}
	generation := a.verified.begin()
	claims, until, err := a.jwt.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	a.verified.put(generation, digest, claims, until, now)
	return claims, nil
}

// throttle lets one of many things through in a second.
type throttle struct{ last atomic.Int64 }

func (t *throttle) next(now time.Time) bool {
	second, last := now.Unix(), t.last.Load()
	return second != last && t.last.CompareAndSwap(last, second)
}
