package auth_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/auth"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew")

// accessFile writes an access file.
func accessFile(t testing.TB, file auth.AccessFile) string {
	t.Helper()
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "access.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAnAPIKeyHasItsRolesUntilItExpires(t *testing.T) {
	now := time.Now()
	good, entry := auth.NewAPIKey("ci", []string{"orders:write", "temporal-system:read"}, now, time.Time{})
	old, expired := auth.NewAPIKey("old", []string{"orders:write"}, now, now.Add(-time.Second))
	a := open(t, auth.Options{File: accessFile(t, auth.AccessFile{APIKeys: []auth.APIKey{entry, expired}})})
	claims, err := a.Authenticate(with(t, "Bearer "+good))
	if err != nil || claims.Subject != "ci" || claims.Type != "api-key" || claims.Namespaces["orders"] != auth.Write || claims.System != auth.Read {
		t.Errorf("claims are %+v, %v", claims, err)
	}
	for key, says := range map[string]string{old: "has expired", good + "x": "no such API key", "eyJ.e30.": "API keys only"} {
		if _, err := a.Authenticate(with(t, "Bearer "+key)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want an error about %q, got %v", says, err)
		}
	}
	if strings.Contains(entry.Hash, good) || len(good) < 40 {
		t.Errorf("the file has the key")
	}
}

func TestAKeyThatLeavesTheFileIsRefused(t *testing.T) {
	key, entry := auth.NewAPIKey("ci", []string{"orders:write"}, time.Now(), time.Time{})
	path := accessFile(t, auth.AccessFile{APIKeys: []auth.APIKey{entry}})
	a := open(t, auth.Options{File: path, Poll: time.Millisecond})
	if _, err := a.Authenticate(with(t, "Bearer "+key)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the key is refused", func() bool { _, err := a.Authenticate(with(t, "Bearer "+key)); return err != nil })
}

// presenting is the context of a call of a client with a certificate.
func presenting(ctx context.Context, certificate *x509.Certificate) context.Context {
	state := tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}, VerifiedChains: [][]*x509.Certificate{{certificate}}}
	return peer.NewContext(ctx, &peer.Peer{AuthInfo: credentials.TLSInfo{State: state}})
}

func TestACertificateHasTheRolesOfItsNames(t *testing.T) {
	spiffe := &url.URL{Scheme: "spiffe", Host: "example.org", Path: "/worker"}
	key, entry := auth.NewAPIKey("ci", []string{"billing:read"}, time.Now(), time.Time{})
	a := open(t, auth.Options{File: accessFile(t, auth.AccessFile{
		APIKeys: []auth.APIKey{entry},
		Certificates: []auth.Certificate{
			{Name: "worker", Roles: []string{"orders:write"}},
			{Name: "worker.example.org", Roles: []string{"orders:read"}},
			{Name: spiffe.String(), Roles: []string{"orders:admin"}},
		},
	})})
	certificate := func(name string, dns []string, uris ...*url.URL) *x509.Certificate {
		c := &x509.Certificate{DNSNames: dns, URIs: uris}
		c.Subject.CommonName = name
		return c
	}
	for name, test := range map[string]struct {
		certificate *x509.Certificate
		role        auth.Role
	}{
		"its common name": {certificate("worker", []string{"worker.example.org"}), auth.Write},
		"a DNS name":      {certificate("x", []string{"y", "worker.example.org"}), auth.Read},
		"a URI":           {certificate("", nil, spiffe), auth.Admin},
	} {
		claims, err := a.Authenticate(presenting(t.Context(), test.certificate))
		if err != nil || claims == nil || claims.Type != "mtls" || claims.Namespaces["orders"] != test.role {
			t.Errorf("%s: claims are %+v, %v", name, claims, err)
		}
	}
	if claims, err := a.Authenticate(presenting(t.Context(), certificate("else", nil))); claims != nil || err != nil {
		t.Errorf("a name that is not in the file: %+v, %v", claims, err)
	}
	if claims, err := a.Authenticate(presenting(with(t, "Bearer "+key), certificate("worker", nil))); err != nil || claims.Subject != "ci" {
		t.Errorf("a token does not go before the certificate: %+v, %v", claims, err)
	}
}

func TestACertificateThatWasNotVerifiedIsNone(t *testing.T) {
	a := open(t, auth.Options{File: accessFile(t, auth.AccessFile{Certificates: []auth.Certificate{{Name: "worker", Roles: []string{"orders:write"}}}})})
	certificate := &x509.Certificate{}
	certificate.Subject.CommonName = "worker"
	ctx := peer.NewContext(t.Context(), &peer.Peer{AuthInfo: credentials.TLSInfo{State: tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}}})
	if claims, err := a.Authenticate(ctx); claims != nil || err != nil {
		t.Errorf("claims are %+v, %v", claims, err)
	}
}

func TestAnAccessFileThatIsNotRightIsAnError(t *testing.T) {
	hash := "sha256:" + strings.Repeat("ab", 32)
	for text, says := range map[string]string{
		"apiKeys: [{name: a, hash: " + hash + ", roles: [orders]}]":                         "NAMESPACE:ROLE",
		"apiKeys: [{name: a, hash: " + hash + ", roles: [orders:owner]}]":                   "NAMESPACE:ROLE",
		"apiKeys: [{name: a, hash: " + hash + "}]":                                          "no roles",
		"apiKeys: [{name: a, hash: x, roles: [a:read]}]":                                    "hexadecimal digits",
		"apiKeys: [{name: a, hash: md5:" + strings.Repeat("ab", 32) + ", roles: [a:read]}]": "hexadecimal digits",
		"apiKeys: [{hash: " + hash + ", roles: [a:read]}]":                                  "name of its own",
		"certificates: [{name: a, roles: [a:read]}, {name: a, roles: [a:read]}]":            "name of its own",
		"keys: []": "keys not found",
		"- a":      "cannot unmarshal",
	} {
		path := filepath.Join(t.TempDir(), "access.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.Open(t.Context(), auth.Options{File: path}); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want an error about %q", text, err, says)
		}
	}
}

// TestWhoMayCallWhatIsAsRecorded holds for every RPC which roles may call it, in its
// namespace, in another one, and in the cluster.
func TestWhoMayCallWhatIsAsRecorded(t *testing.T) {
	roles := []struct {
		name string
		role auth.Role
	}{{"worker", auth.Worker}, {"read", auth.Read}, {"write", auth.Write}, {"admin", auth.Admin}}
	var table bytes.Buffer
	fmt.Fprintf(&table, "# Who may call what: the least role in the namespace of the request, in another namespace, in the cluster.\n")
	for m := range methods.All() {
		least := func(claims func(auth.Role) *auth.Claims) string {
			for _, r := range roles {
				if claims(r.role).Allow(m, "ours") {
					return r.name
				}
			}
			return "nobody"
		}
		own := least(func(r auth.Role) *auth.Claims { return &auth.Claims{Namespaces: map[string]auth.Role{"ours": r}} })
		other := least(func(r auth.Role) *auth.Claims { return &auth.Claims{Namespaces: map[string]auth.Role{"theirs": r}} })
		system := least(func(r auth.Role) *auth.Claims { return &auth.Claims{System: r} })
		if (*auth.Claims)(nil).Allow(m, "ours") {
			own, other, system = "everybody", "everybody", "everybody"
		}
		fmt.Fprintf(&table, "%s.%s %s %s %s\n", m.Service[strings.LastIndexByte(m.Service, '.')+1:], m.Name, own, other, system)
	}
	path := filepath.Join("testdata", "access.txt")
	if *rewrite {
		if err := os.WriteFile(path, table.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	recorded, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(recorded, table.Bytes()) {
		t.Errorf("%s is not what the table of methods says: run this test with -rewrite, and look at every line that has changed", path)
	}
}

func TestRolesAddUpOverNamespaceAndCluster(t *testing.T) {
	start := methods.Lookup("/" + methods.WorkflowService + "/StartWorkflowExecution")
	claims := &auth.Claims{System: auth.Read, Namespaces: map[string]auth.Role{"ours": auth.Write}}
	if !claims.Allow(start, "ours") || claims.Allow(start, "theirs") || claims.Allow(start, "") {
		t.Error("a role to write in one namespace is not that")
	}
	if register := methods.Lookup("/" + methods.WorkflowService + "/ListNamespaces"); !claims.Allow(register, "") {
		t.Error("a role to read in the cluster is not that")
	}
}
