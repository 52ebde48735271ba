package config

import "crypto/tls"

// TLS says how the ports are encrypted.
type TLS struct {
	// CertFile and KeyFile are the server's certificate and its key.
	CertFile, KeyFile string
	// ClientCAFile are the authorities of the certificates of clients.
	ClientCAFile string
	// ClientCert is whether clients have to present one: "require" or "optional".
	ClientCert string
	// MinVersion is "1.2" or "1.3".
	MinVersion string
}

func (t *TLS) declare(s *Schema, _ Kind) {
	s.Text(&t.CertFile, "tls.certFile", "", "PEM file of the server's certificate, followed by those that lead to its authority. With the key it turns TLS on; all files of TLS are read again when they have changed")
	s.Text(&t.KeyFile, "tls.keyFile", "", "PEM file of the key of the certificate")
	s.Text(&t.ClientCAFile, "tls.clientCAFile", "", "PEM file of the authorities whose certificates clients have to present. Without it they need none").Flag("tls-client-ca-file", "")
	s.Choice(&t.ClientCert, []string{"require", "optional"}, "tls.clientCert", "require", "whether clients have to present a certificate if there are authorities; one that is presented is always checked")
	s.Choice(&t.MinVersion, []string{"1.2", "1.3"}, "tls.minVersion", "1.2", "least version of TLS")
}

func (t *TLS) check(s *Schema, _ Kind) (errs []error) {
	switch {
	case t.CertFile != "" && t.KeyFile == "":
		errs = append(errs, s.wrong(&t.CertFile, "needs a key, too: set tls.keyFile (--tls-key-file)"))
	case t.CertFile == "" && t.KeyFile != "":
		errs = append(errs, s.wrong(&t.KeyFile, "needs a certificate, too: set tls.certFile (--tls-cert-file)"))
	case t.CertFile == "" && t.ClientCAFile != "":
		errs = append(errs, s.wrong(&t.ClientCAFile, "needs a certificate of the server, too: set tls.certFile and tls.keyFile"))
	}
	return errs
}

// Enabled reports whether there is TLS.
func (t *TLS) Enabled() bool { return t.CertFile != "" }

// Version is the least version as package tls counts them.
func (t *TLS) Version() uint16 {
	if t.MinVersion == "1.3" {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}
