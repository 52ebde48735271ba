package peer

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/auth/authtest"
	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/matching"
)

// nodeWith starts a node that answers others, as far as they are let in.
func nodeWith(t *testing.T, certificates TLS) *Node {
	t.Helper()
	n, err := New(t.Context(), Options{Self: cluster.Node{ID: "here", Name: "here", Address: "127.0.0.1:0"}, Matching: matching.New(matching.Options{}), TLS: certificates})
	if err != nil {
		t.Fatal(err)
	}
	n.Serve(func(grpc.ServiceRegistrar) {}, func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return handler(ctx, req)
	}, nil)
	t.Cleanup(func() { _ = n.Close(context.Background()) })
	return n
}

func issued(t *testing.T, by *authtest.Authority) TLS {
	t.Helper()
	cert, key := by.Issue(t, "some-node")
	return TLS{CertFile: cert, KeyFile: key, CAFile: by.File}
}

// knock makes a call that every node answers.
func knock(t *testing.T, address string, with credentials.TransportCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(with))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return conn.Invoke(ctx, methodDepart, &Departure{NamespaceId: "n"}, new(DepartureResponse))
}

func TestAStrangerAtThePortBetweenNodesIsNotLetIn(t *testing.T) {
	authority, another := authtest.NewAuthority(t), authtest.NewAuthority(t)
	n := nodeWith(t, issued(t, authority))
	node, _, err := issued(t, authority).load(n.Address())
	if err != nil {
		t.Fatal(err)
	}
	withAnother := another.ClientConfig(t, "some-node")
	withAnother.InsecureSkipVerify = true
	withNone := authority.ClientConfig(t, "")
	for who, with := range map[string]credentials.TransportCredentials{
		"without TLS":                         insecure.NewCredentials(),
		"without a certificate":               credentials.NewTLS(withNone),
		"with a certificate of somebody else": credentials.NewTLS(withAnother),
	} {
		if err := knock(t, n.Address(), with); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", who, err)
		}
	}
	if err := knock(t, n.Address(), node); err != nil {
		t.Errorf("a node is not let in: %v", err)
	}
}

func TestANodeDoesNotTalkToAStrangerAtTheAddressOfAnother(t *testing.T) {
	authority, another := authtest.NewAuthority(t), authtest.NewAuthority(t)
	stranger := nodeWith(t, issued(t, another))
	node, _, err := issued(t, authority).load(stranger.Address())
	if err != nil {
		t.Fatal(err)
	}
	if err := knock(t, stranger.Address(), node); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestWhoSaysNothingOrNonsenseAtThePortBetweenNodesIsHungUpOn(t *testing.T) {
	t.Parallel() // it waits
	authority := authtest.NewAuthority(t)
	n := nodeWith(t, issued(t, authority))
	for what, says := range map[string]string{"nonsense": "GET / HTTP/1.1\r\nHost: here\r\n\r\n", "nothing": ""} {
		conn, err := net.Dial("tcp", n.Address())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(says)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("who says %s is not hung up on", what)
		}
		_ = conn.Close()
	}
}

func TestAPeerAddressThatOthersCanReachNeedsCertificates(t *testing.T) {
	if _, err := New(t.Context(), Options{Self: cluster.Node{Address: "0.0.0.0:0"}}); !errors.Is(err, ErrNoCertificates) {
		t.Errorf("got %v", err)
	}
}

func TestACertificateThatOtherNodesWouldRefuseIsRefusedAtTheStart(t *testing.T) {
	wrong := issued(t, authtest.NewAuthority(t))
	wrong.CAFile = authtest.NewAuthority(t).File
	var unknown x509.UnknownAuthorityError
	if _, err := New(t.Context(), Options{Self: cluster.Node{Address: "127.0.0.1:0"}, TLS: wrong}); !errors.As(err, &unknown) {
		t.Errorf("got %v", err)
	}
}
