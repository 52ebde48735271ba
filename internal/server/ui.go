package server

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/perdure/perdure/internal/httpapi"
	"github.com/perdure/perdure/internal/webui"
	"github.com/perdure/perdure/internal/webui/sso"
)

// UIOptions are the settings of the web UI.
type UIOptions struct {
	// Listen is the host:port of the UI; port 0 picks a free one. Empty: no UI.
	Listen string
	// PublicPath is the path under which browsers find the UI; "" is the root.
	PublicPath string
	// AssetPath is a directory with pages in place of the embedded ones.
	AssetPath string
	// CodecEndpoint is the URL of the server by which browsers decode payloads.
	CodecEndpoint string
	// SSO has users log in at a provider. Its public path, origins and logger are those of
	// the server.
	SSO sso.Options
}

// serveUI serves the UI, if it has a port.
func (s *Server) serveUI(options Options) error {
	if s.ui == nil {
		return nil
	}
	channel := outside{s.local}
	login := s.auth != nil && !options.UI.SSO.Enabled()
	api, err := httpapi.New(webui.APIOptions(channel, login, s.logger))
	if err != nil {
		return err
	}
	users, err := s.openSSO(options)
	if err != nil {
		return err
	}
	ui, err := webui.New(webui.Options{
		SSO:           users,
		API:           api,
		Login:         login,
		Channel:       channel,
		PublicPath:    options.UI.PublicPath,
		AssetPath:     options.UI.AssetPath,
		CodecEndpoint: options.UI.CodecEndpoint,
	})
	if err != nil {
		return err
	}
	s.ui.path = strings.TrimRight(options.UI.PublicPath, "/")
	s.ui.serve(s.guard(options, s.ui).Wrap(ui))
	return nil
}

// openSSO makes the login of users at a provider, if they have one.
func (s *Server) openSSO(options Options) (*sso.Login, error) {
	login := options.UI.SSO
	if !login.Enabled() {
		return nil, nil
	}
	if s.auth == nil {
		return nil, errors.New("a login to the web UI is of use only if callers have to say who they are: the keys of the provider's tokens are missing")
	}
	login.PublicPath = strings.TrimRight(options.UI.PublicPath, "/")
	login.Origins = options.HTTP.AllowedOrigins
	login.Logger = s.logger
	users, err := sso.New(login)
	if err != nil {
		return nil, fmt.Errorf("the login to the web UI: %w", err)
	}
	return users, nil
}

// UIURL is where a browser on this machine finds the UI, or "" without one.
func (s *Server) UIURL() string {
	if s.ui == nil {
		return ""
	}
	host, port, err := net.SplitHostPort(s.ui.address())
	if err != nil {
		return ""
	}
	switch host {
	case "127.0.0.1", "::1", "0.0.0.0", "::":
		host = "localhost"
	}
	scheme := "http://"
	if s.ui.tls != nil {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port) + s.ui.path
}
