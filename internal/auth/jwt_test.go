package auth_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/auth/authtest"
)

// open opens an authenticator that is closed with the test.
func open(t testing.TB, options auth.Options) *auth.Authenticator {
	t.Helper()
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	a, err := auth.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// with is the context of a call with an authorization header.
func with(t testing.TB, header string) context.Context {
	return metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", header))
}

// keySet is a file with the keys of the issuers.
func keySet(t testing.TB, issuers ...*authtest.Issuer) string {
	file := filepath.Join(t.TempDir(), "keys.json")
	authtest.WriteKeySet(t, file, issuers...)
	return file
}

func TestThePermissionsOfATokenBecomeRoles(t *testing.T) {
	issuer := authtest.NewIssuer(t, "k")
	a := open(t, auth.Options{JWT: auth.JWTOptions{KeySources: []string{keySet(t, issuer)}}})
	for name, test := range map[string]struct {
		permissions any
		system      auth.Role
		orders      auth.Role
	}{
		"one":               {[]string{"orders:read"}, 0, auth.Read},
		"several are added": {[]string{"orders:Read", "orders:WRITE", "orders:worker"}, 0, auth.Read | auth.Write | auth.Worker},
		"all namespaces":    {[]string{"temporal-system:admin"}, auth.Admin, 0},
		"as one text":       {"openid orders:write", 0, auth.Write},
		"what is none":      {[]any{"orders", "orders:owner", 7, ":admin", "orders:read:write"}, 0, 0},
		"none at all":       {nil, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			token := issuer.Token(t, nil, map[string]any{"permissions": test.permissions})
			claims, err := a.Authenticate(with(t, "Bearer "+token))
			if err != nil {
				t.Fatal(err)
			}
			if claims.Subject != "someone" || claims.Type != "jwt" || claims.System != test.system || claims.Namespaces["orders"] != test.orders {
				t.Errorf("claims are %+v", claims)
			}
		})
	}
}

func TestTokensThatAreNotRightAreUnauthenticated(t *testing.T) {
	issuer, other := authtest.NewIssuer(t, "k"), authtest.NewIssuer(t, "k")
	public, err := os.ReadFile(keySet(t, issuer))
	if err != nil {
		t.Fatal(err)
	}
	admin := []string{"temporal-system:admin"}
	a := open(t, auth.Options{JWT: auth.JWTOptions{KeySources: []string{keySet(t, issuer)}, Audiences: []string{"perdure", "orders"}, Issuer: "https://id.example"}})
	right := func(changes map[string]any) map[string]any {
		all := map[string]any{"aud": "perdure", "iss": "https://id.example"}
		for name, value := range changes {
			all[name] = value
		}
		return all
	}
	bearer := func(token string) string { return "Bearer " + token }
	good := issuer.Token(t, admin, right(nil))
	if _, err := a.Authenticate(with(t, bearer(good))); err != nil {
		t.Fatalf("a token that is right: %v", err)
	}
	if _, err := a.Authenticate(with(t, "bearer "+issuer.Token(t, admin, right(map[string]any{"aud": []string{"x", "orders"}})))); err != nil {
		t.Fatalf("a token for several audiences: %v", err)
	}
	ofNobody := jwt.MapClaims{"sub": "x", "aud": "perdure", "iss": "https://id.example", "permissions": admin}
	parts := strings.Split(good, ".")
	unknown := authtest.NewIssuer(t, "unknown")
	for name, test := range map[string]struct{ header, says string }{
		"signed by nobody":             {bearer(issuer.Sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, ofNobody)), "signature"},
		"without its signature":        {bearer(parts[0] + "." + parts[1] + "."), "signature"},
		"of changed claims":            {bearer(parts[0] + "." + parts[1][:len(parts[1])-4] + "fQ" + "." + parts[2]), ""},
		"signed by another key":        {bearer(other.Token(t, admin, right(nil))), "signature is wrong"},
		"signed by an unknown key":     {bearer(unknown.Token(t, admin, right(nil))), "does not know"},
		"signed with the public key":   {bearer(issuer.Sign(t, jwt.SigningMethodHS256, public, ofNobody)), "not allowed"},
		"expired":                      {bearer(issuer.Token(t, admin, right(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}))), "expired"},
		"not valid yet":                {bearer(issuer.Token(t, admin, right(map[string]any{"nbf": time.Now().Add(time.Minute).Unix()}))), "not valid yet"},
		"for another audience":         {bearer(issuer.Token(t, admin, right(map[string]any{"aud": "else"}))), "audience"},
		"for no audience":              {bearer(issuer.Token(t, admin, right(map[string]any{"aud": nil}))), "claims"},
		"from another issuer":          {bearer(issuer.Token(t, admin, right(map[string]any{"iss": "https://else.example"}))), "issuer"},
		"without a subject":            {bearer(issuer.Token(t, admin, right(map[string]any{"sub": nil}))), "subject"},
		"with a subject that is none":  {bearer(issuer.Token(t, admin, right(map[string]any{"sub": 7}))), "subject"},
		"with an end that is none":     {bearer(issuer.Token(t, admin, right(map[string]any{"exp": "soon"}))), ""},
		"no token at all":              {bearer("nonsense"), "not a JSON web token"},
		"another scheme":               {"Basic " + good, "Bearer"},
		"no scheme":                    {good, "Bearer"},
		"an empty token":               {"Bearer ", "Bearer"},
		"an API key that is not there": {bearer("perdure_x"), "no such API key"},
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := a.Authenticate(with(t, test.header))
			if status.Code(err) != codes.Unauthenticated || claims != nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("claims %+v, error %v, want one about %q", claims, err, test.says)
			}
			if token := strings.TrimPrefix(test.header, "Bearer "); len(token) > 20 && strings.Contains(err.Error(), token[:20]) {
				t.Errorf("the error has the token: %v", err)
			}
		})
	}
}

func TestPermissionsAreReadAsConfigured(t *testing.T) {
	issuer := authtest.NewIssuer(t, "k")
	a := open(t, auth.Options{JWT: auth.JWTOptions{
		KeySources: []string{keySet(t, issuer)}, PermissionsClaim: "https://example.org/groups", PermissionsPattern: `^(?P<role>\w+)@(?P<namespace>[\w.-]+)$`,
	}})
	claims, err := a.Authenticate(with(t, "Bearer "+issuer.Token(t, []string{"orders:admin"}, map[string]any{"https://example.org/groups": []string{"write@orders", "read@temporal-system", "x"}})))
	if err != nil || claims.Namespaces["orders"] != auth.Write || claims.System != auth.Read {
		t.Errorf("claims are %+v, %v", claims, err)
	}
}

func TestAVerifiedTokenIsRefusedOnceItHasExpired(t *testing.T) {
	issuer := authtest.NewIssuer(t, "k")
	var now atomic.Pointer[time.Time]
	start := time.Now()
	now.Store(&start)
	a := open(t, auth.Options{JWT: auth.JWTOptions{KeySources: []string{keySet(t, issuer)}}, Now: func() time.Time { return *now.Load() }})
	call := with(t, "Bearer "+issuer.Token(t, nil, map[string]any{"exp": start.Add(time.Minute).Unix()}))
	first, err := a.Authenticate(call)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := a.Authenticate(call); err != nil || second != first {
		t.Errorf("the token was verified twice: %v", err)
	}
	later := start.Add(2 * time.Minute)
	now.Store(&later)
	if _, err := a.Authenticate(call); status.Code(err) != codes.Unauthenticated {
		t.Errorf("after its end: %v", err)
	}
}

func TestKeysThatLeaveAFileVerifyNothingAnyMore(t *testing.T) {
	before, after := authtest.NewIssuer(t, "a"), authtest.NewIssuer(t, "b")
	file := keySet(t, before)
	a := open(t, auth.Options{JWT: auth.JWTOptions{KeySources: []string{"file://" + file}}, Poll: time.Millisecond})
	old := with(t, "Bearer "+before.Token(t, nil, nil))
	if _, err := a.Authenticate(old); err != nil {
		t.Fatal(err)
	}
	authtest.WriteKeySet(t, file, after)
	await(t, "the token of the key that is gone is refused", func() bool { _, err := a.Authenticate(old); return err != nil })
	if _, err := a.Authenticate(with(t, "Bearer "+after.Token(t, nil, nil))); err != nil {
		t.Errorf("a token of the new key: %v", err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Authenticate(with(t, "Bearer "+after.Token(t, nil, nil))); err != nil {
		t.Errorf("after the file was damaged: %v", err)
	}
}

func TestAKeyThatIsNewIsFetchedAtOnceAndNotTooOften(t *testing.T) {
	first, second := authtest.NewIssuer(t, "a"), authtest.NewIssuer(t, "b")
	var fetched atomic.Int32
	var set atomic.Pointer[[]byte]
	text := authtest.KeySet(t, first)
	set.Store(&text)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_, _ = w.Write(*set.Load())
	}))
	defer web.Close()
	var now atomic.Pointer[time.Time]
	at := time.Now()
	now.Store(&at)
	a := open(t, auth.Options{JWT: auth.JWTOptions{KeySources: []string{web.URL}, Refresh: time.Hour}, Now: func() time.Time { return *now.Load() }})
	text = authtest.KeySet(t, first, second)
	set.Store(&text)
	call := with(t, "Bearer "+second.Token(t, nil, nil))
	for range 5 {
		if _, err := a.Authenticate(call); err == nil {
			t.Fatal("the key is known already")
		}
	}
	if n := fetched.Load(); n != 1 {
		t.Errorf("the set was fetched %d times within ten seconds", n)
	}
	later := at.Add(11 * time.Second)
	now.Store(&later)
	if _, err := a.Authenticate(call); err != nil || fetched.Load() != 2 {
		t.Errorf("%v after %d fetches", err, fetched.Load())
	}
	web.Close()
	evenLater := later.Add(time.Minute)
	now.Store(&evenLater)
	if _, err := a.Authenticate(with(t, "Bearer "+authtest.NewIssuer(t, "c").Token(t, nil, nil))); status.Code(err) != codes.Unauthenticated {
		t.Errorf("an unknown key: %v", err)
	}
	if _, err := a.Authenticate(with(t, "Bearer "+first.Token(t, nil, nil))); err != nil {
		t.Errorf("a known key while the set cannot be fetched: %v", err)
	}
}

func TestSetsThatAreNotRightAreErrorsAtTheStart(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"nonsense": "x", "empty": `{"keys": []}`, "short": `{"keys": [{"kty": "oct", "kid": "k", "k": "c2hvcnQ"}]}`} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.Open(t.Context(), auth.Options{JWT: auth.JWTOptions{KeySources: []string{file}}, Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, pattern := range []string{"(", "(?P<role>.*)"} {
		if _, err := auth.Open(t.Context(), auth.Options{JWT: auth.JWTOptions{KeySources: []string{keySet(t, authtest.NewIssuer(t, "k"))}, PermissionsPattern: pattern}}); err == nil {
			t.Errorf("the pattern %s was taken", pattern)
		}
	}
}

// await waits for a condition.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	issuer := authtest.NewIssuer(b, "k")
	a := open(b, auth.Options{JWT: auth.JWTOptions{KeySources: []string{keySet(b, issuer)}}})
	call := with(b, "Bearer "+issuer.Token(b, []string{"orders:write", "billing:read"}, nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(call); err != nil {
			b.Fatal(err)
		}
	}
}
