package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// TLSOptions say how the ports of a server are encrypted. The zero value is not at all.
type TLSOptions struct {
	// CertFile and KeyFile are PEM files of the server's certificate, with those that
	// lead to its authority after it, and of its key. They turn TLS on.
	CertFile, KeyFile string
	// ClientCAFile is a PEM file of the authorities whose certificates clients have to
	// present. Empty: clients need none.
	ClientCAFile string
	// ClientCertOptional lets clients in that present no certificate. Those that do are
	// checked all the same.
	ClientCertOptional bool
	// MinVersion is the least version of TLS, TLS 1.2 if zero.
	MinVersion uint16

	// Poll is how often the files are looked at for changes; five seconds if zero.
	Poll time.Duration
}

// enabled reports whether there is TLS.
func (o *TLSOptions) enabled() bool {
	return o.CertFile != "" || o.KeyFile != "" || o.ClientCAFile != ""
}

// files are those that are read, in order: certificate, key, authorities of clients.
func (o *TLSOptions) files() []string {
	files := []string{o.CertFile, o.KeyFile}
	if o.ClientCAFile != "" {
		files = append(files, o.ClientCAFile)
	}
	return files
}

// certificates keep a tls.Config as the files of the options say. Handshakes take the
// files as they were read last; connections that are there stay.
type certificates struct {
	options TLSOptions
	logger  *slog.Logger
	current atomic.Pointer[tls.Config]
	digest  [sha256.Size]byte // of the files as they were looked at last
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// openCertificates reads the files, and from then on follows them until close.
func openCertificates(options TLSOptions, logger *slog.Logger) (*certificates, error) {
	if options.CertFile == "" || options.KeyFile == "" {
		return nil, errors.New("TLS needs a certificate and its key: one of the two files is not given")
	}
	if options.Poll == 0 {
		options.Poll = 5 * time.Second
	}
	c := &certificates{options: options, logger: logger}
	contents, err := c.read()
	if err != nil {
		return nil, err
	}
	if err := c.use(contents); err != nil {
		return nil, err
	}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	c.done.Go(func() { c.follow(ctx) })
	return c, nil
}

// config is for a listener. It hands out one and the same configuration until the files
// change, so that clients can resume sessions.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:         c.current.Load().MinVersion,
		NextProtos:         protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current.Load(), nil },
	}
}

// protocols are those that are spoken inside TLS. A gRPC port takes the first only.
var protocols = []string{"h2", "http/1.1"}

func (c *certificates) close() {
	if c == nil {
		return
	}
	c.cancel()
	c.done.Wait()
}

func (c *certificates) follow(ctx context.Context) {
	ticker := time.NewTicker(c.options.Poll)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.reload()
		}
	}
}

// reload takes the files if they have changed. While they are not right, which they may
// be for a moment when one of them has been replaced and the other not yet, those that
// were read before go on.
func (c *certificates) reload() {
	contents, err := c.read()
	digest := digestOfFiles(contents, err)
	if digest == c.digest {
		return
	}
	if err == nil {
		err = c.use(contents)
	}
	c.digest = digest
	if err != nil {
		c.logger.Error("The files of TLS have changed and are not right; what was read before goes on. Put them right.", "error", err)
		return
	}
	c.logger.Info("The files of TLS have changed and are used for new connections.", "expires", c.expires())
}

func (c *certificates) expires() time.Time { return c.current.Load().Certificates[0].Leaf.NotAfter }

// maxCertificates is the largest file that is read, in bytes.
const maxCertificates = 4 << 20

func (c *certificates) read() (contents [][]byte, err error) {
	for _, file := range c.options.files() {
		info, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		if info.Size() > maxCertificates {
			return nil, fmt.Errorf("TLS: %s has more than %d bytes", file, maxCertificates)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
		contents = append(contents, content)
	}
	return contents, nil
}

func digestOfFiles(contents [][]byte, err error) [sha256.Size]byte {
	if err != nil {
		return sha256.Sum256([]byte(err.Error()))
	}
	return sha256.Sum256(bytes.Join(contents, []byte{0}))
}

// use makes the contents of the files what new connections get.
func (c *certificates) use(contents [][]byte) error {
	c.digest = digestOfFiles(contents, nil)
	certificate, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return fmt.Errorf("TLS: the certificate %s and the key %s: %w", c.options.CertFile, c.options.KeyFile, err)
	}
	if now := time.Now(); now.After(certificate.Leaf.NotAfter) {
		c.logger.Warn("The certificate of the server has expired; clients refuse it. Replace it.", "file", c.options.CertFile, "expired", certificate.Leaf.NotAfter)
	}
	config := &tls.Config{
		MinVersion:   max(c.options.MinVersion, tls.VersionTLS12),
		Certificates: []tls.Certificate{certificate},
		NextProtos:   protocols,
	}
	if len(contents) > 2 {
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(contents[2]) {
			return fmt.Errorf("TLS: there is no certificate in %s", c.options.ClientCAFile)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if c.options.ClientCertOptional {
			config.ClientAuth = tls.VerifyClientCertIfGiven
		}
	}
	c.current.Store(config)
	return nil
}

// openTLS reads the files of TLS, if there is any.
func (s *Server) openTLS(options Options) (err error) {
	if options.TLS.enabled() {
		s.certificates, err = openCertificates(options.TLS, s.logger)
	}
	return err
}

// tlsConfig is what each port of the server has to use; nil if there is no TLS. It follows
// the files by itself.
func (s *Server) tlsConfig() *tls.Config {
	if s.certificates == nil {
		return nil
	}
	return s.certificates.config()
}

// CheckListen refuses addresses that other machines can reach if everything there would
// be readable on the way, unless that is wanted: it returns an *InsecureListenError. Start does so, too.
func (o *Options) CheckListen() error {
	if o.TLS.enabled() || o.InsecureListen {
		return nil
	}
	for _, address := range []string{o.Listen, o.HTTP.Listen, o.UI.Listen} {
		if address != "" && !loopback(address) {
			return &InsecureListenError{Address: address}
		}
	}
	return nil
}

// InsecureListenError is an address that other machines can reach, of a server without TLS.
type InsecureListenError struct{ Address string }

func (e *InsecureListenError) Error() string {
	return fmt.Sprintf("listen on %s: other machines can reach this address, and there is no TLS: what they send and get could be read and changed on the way", e.Address)
}

// loopback reports whether only this machine can reach the host:port.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
