package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

const (
	// maxMessage bounds what nodes send each other, in bytes: pages of tasks, histories.
	maxMessage = 256 << 20
	// A connection on which nothing comes back for the sum of both is given up: the
	// machine of the other node may have gone without a word.
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 3 * time.Second
	// maxStreams bounds the calls that one node may have open here; long polls are
	// among them.
	maxStreams = 1 << 20
	// streamWorkers are goroutines kept for calls, whose stacks have grown; calls beyond this number get one of their own.
	streamWorkers = 128
)

var connectParams = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: 2 * time.Second,
}

// TLS says how nodes know each other: by certificates that one authority, which is that of
// the cluster and of nothing else, has signed. Names in certificates are not looked at:
// who has one is a node. The zero value is no encryption, which is for nodes on one
// machine only.
type TLS struct {
	// CertFile and KeyFile are PEM files of this node, CAFile that of the authority.
	CertFile, KeyFile, CAFile string
}

// ErrNoCertificates is reported for a peer address that other machines can reach, if there
// are no certificates.
var ErrNoCertificates = errors.New("the peer address can be reached from other machines, and there are no certificates by which nodes know each other")

// load makes the credentials for both directions.
func (t TLS) load(address string) (client, server credentials.TransportCredentials, err error) {
	if t == (TLS{}) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, nil, fmt.Errorf("peer address %q: %w", address, err)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, nil, fmt.Errorf("%s: %w", address, ErrNoCertificates)
		}
		return insecure.NewCredentials(), insecure.NewCredentials(), nil
	}
	if t.CertFile == "" || t.KeyFile == "" || t.CAFile == "" {
		return nil, nil, errors.New("nodes need all three: a certificate, its key, and the certificate of the cluster's authority")
	}
	certificate, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("the certificate of the node: %w", err)
	}
	encoded, err := os.ReadFile(t.CAFile)
	if err != nil {
		return nil, nil, fmt.Errorf("the authority of the cluster: %w", err)
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(encoded) {
		return nil, nil, fmt.Errorf("the authority of the cluster: there is no certificate in %s", t.CAFile)
	}
	verify := func(usage x509.ExtKeyUsage) func(tls.ConnectionState) error {
		return func(state tls.ConnectionState) error { return verifyNode(state, authority, usage) }
	}
	common := tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}}
	c, s := common.Clone(), common.Clone()
	c.InsecureSkipVerify = true // the name is not looked at; the chain is, by this:
	c.VerifyConnection = verify(x509.ExtKeyUsageServerAuth)
	s.ClientAuth, s.ClientCAs = tls.RequireAndVerifyClientCert, authority
	if err := verifyLeaf(certificate, authority); err != nil {
		return nil, nil, fmt.Errorf("the certificate of the node: %w", err)
	}
	return credentials.NewTLS(c), credentials.NewTLS(s), nil
}

// verifyNode accepts a node whose certificate the cluster's authority has signed.
func verifyNode(state tls.ConnectionState, authority *x509.CertPool, usage x509.ExtKeyUsage) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the other side has no certificate")
	}
	intermediates := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: authority, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return fmt.Errorf("what answers there is no node of this cluster: %w", err)
	}
	return nil
}

// verifyLeaf refuses a certificate that other nodes would refuse, before they do.
func verifyLeaf(own tls.Certificate, authority *x509.CertPool) error {
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := own.Leaf.Verify(x509.VerifyOptions{Roots: authority, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			return err
		}
	}
	return nil
}

func serverOptions(creds credentials.TransportCredentials) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(creds),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.InitialWindowSize(1 << 20),
		grpc.InitialConnWindowSize(1 << 22),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveTime / 2, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.ConnectionTimeout(5 * time.Second),
		grpc.NumStreamWorkers(streamWorkers),
	}
}
