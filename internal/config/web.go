package config

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/perdure/perdure/internal/httpapi"
	"github.com/perdure/perdure/internal/webui"
)

// noPort stands for a port that is not opened.
const noPort = -1

// optionalPort is a TCP port, or off.
var optionalPort = single("port",
	func(s string) (int, error) {
		if strings.EqualFold(s, "off") {
			return noPort, nil
		}
		port, err := strconv.Atoi(s)
		if err != nil || port < 0 || port > 65535 {
			return 0, errors.New("must be between 0 and 65535 or off, not " + s)
		}
		return port, nil
	},
	func(port int) string {
		if port == noPort {
			return "off"
		}
		return strconv.Itoa(port)
	})

// HTTP is the HTTP API.
type HTTP struct {
	// IP is an address of this machine; empty: that of the gRPC API.
	IP string
	// Port is a TCP port; 0 picks a free one, -1 is none.
	Port int
	// AllowedOrigins are those whose pages may call.
	AllowedOrigins []string
}

func (h *HTTP) declare(s *Schema, kind Kind) {
	port := noPort
	if kind == Development {
		port = 0
	}
	declare(s, &h.Port, optionalPort, "http.port", port, "port of the HTTP API; 0 picks a free one, off is none")
	s.Text(&h.IP, "http.ip", "", "address of the HTTP API to listen on (default: that of the gRPC API)")
	s.Texts(&h.AllowedOrigins, "http.allowedOrigins", "origin, as scheme://host:port, whose pages may call the HTTP API and what the web UI calls; * is any").
		Flag("http-allowed-origin", "").Each(httpapi.CheckOrigin)
}

func (h *HTTP) check(*Schema, Kind) []error { return nil }

// HTTPAddress is the host:port of the HTTP API; empty without one.
func (c *Config) HTTPAddress() string { return c.webAddress(c.HTTP.IP, c.HTTP.Port) }

// UI is the web UI.
type UI struct {
	// IP is an address of this machine; empty: that of the gRPC API.
	IP string
	// Port is a TCP port, -1 is none. 0 picks a free one, but for Development it is 1000
	// above that of the gRPC API.
	Port int
	// Headless: without the UI whatever its port is.
	Headless bool
	// PublicPath is the path under which browsers find the UI.
	PublicPath string
	// AssetPath is a directory with pages in place of the embedded ones.
	AssetPath string
	// CodecEndpoint is the URL of a server by which browsers decode payloads.
	CodecEndpoint string
}

func (u *UI) declare(s *Schema, kind Kind) {
	if kind == Development {
		declare(s, &u.Port, optionalPort, "ui.port", 0, "port of the web UI; 0 is 1000 above that of the gRPC API, off is none")
		s.Bool(&u.Headless, "ui.headless", false, "without the web UI").Flag("headless", "")
	} else {
		declare(s, &u.Port, optionalPort, "ui.port", noPort, "port of the web UI, usually 8233; 0 picks a free one, off is none")
	}
	s.Text(&u.IP, "ui.ip", "", "address of the web UI to listen on (default: that of the gRPC API)")
	s.Text(&u.PublicPath, "ui.publicPath", "", "path under which browsers find the web UI, such as /perdure (default: the root)").Each(webui.CheckPublicPath)
	s.Text(&u.AssetPath, "ui.assetPath", "", "directory with pages of the web UI in place of the built-in ones")
	s.Text(&u.CodecEndpoint, "ui.codecEndpoint", "", "URL of a codec server, by which browsers decode payloads").Each(checkURL)
}

func (u *UI) check(*Schema, Kind) []error { return nil }

// portsAbove is by how much the port of the UI of a development server is above that of its gRPC
// API.
const portsAbove = 1000

// UIAddress is the host:port of the web UI; empty without one.
func (c *Config) UIAddress() string {
	port := c.UI.Port
	if c.UI.Headless {
		port = noPort
	}
	if c.kind == Development && port == 0 && c.Listen.Port != 0 {
		port = min(c.Listen.Port+portsAbove, 65535)
	}
	return c.webAddress(c.UI.IP, port)
}

func (c *Config) webAddress(ip string, port int) string {
	if port == noPort {
		return ""
	}
	if ip == "" {
		ip = c.Listen.IP
	}
	return net.JoinHostPort(strings.Trim(ip, "[]"), strconv.Itoa(port))
}

// checkURL takes a URL of HTTP, or nothing.
func checkURL(value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("must be a URL that begins with http:// or https://, not " + value)
	}
	return nil
}
