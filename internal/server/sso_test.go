package server_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/perdure/perdure/internal/auth"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/webui/sso"
	"github.com/perdure/perdure/internal/webui/sso/ssotest"
)

// freeAddress is a host:port that was free a moment ago: the provider has to know it before the server.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestAUserOfTheUIHasTheRightsOfHisToken(t *testing.T) {
	for name, idToken := range map[string]bool{"access token": false, "ID token": true} {
		t.Run(name, func(t *testing.T) {
			provider := ssotest.New(t)
			provider.Permissions = []string{"orders:read"}
			address := freeAddress(t)
			s, err := server.Start(t.Context(), server.Options{
				Namespaces: []string{"orders"}, Logger: new(logged).logger(),
				Auth: auth.Options{JWT: auth.JWTOptions{KeySources: []string{provider.KeysURL()}, Issuer: provider.URL}},
				UI: server.UIOptions{Listen: address, PublicPath: "/perdure", SSO: sso.Options{
					ProviderURL: provider.URL, ClientID: ssotest.ClientID, ClientSecret: ssotest.ClientSecret,
					CallbackURL: "http://" + address + "/perdure/auth/sso/callback", IDToken: idToken,
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Stop(context.Background()) })
			jar, _ := cookiejar.New(nil) // it never fails
			browser := &http.Client{Jar: jar}
			get := func(path string, tokens map[string]string) (status int, body string) {
				r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/perdure"+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if tokens != nil {
					r.Header.Set("Authorization", "Bearer "+tokens["AccessToken"])
					r.Header.Set("Authorization-Extras", tokens["IDToken"])
				}
				resp, err := browser.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if resp.StatusCode == http.StatusUnauthorized && strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Basic") {
					t.Error("the browser would ask for a password")
				}
				data, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				return resp.StatusCode, string(data)
			}

			if _, settings := get("/api/v1/settings", nil); !strings.Contains(settings, `"Auth":{"Enabled":true`) {
				t.Errorf("the pages are told %s", settings)
			}
			if status, body := get("/api/v1/namespaces/orders/workflows", nil); status == http.StatusOK {
				t.Errorf("nobody is answered with %s", body)
			}
			if status, body := get("/auth/sso?returnUrl="+url.QueryEscape("/perdure/namespaces/orders"), nil); status != 200 || !strings.Contains(body, "/perdure/_app/") {
				t.Fatalf("after the login there is %d %s", status, body)
			}
			at, _ := url.Parse("http://" + address + "/")
			var tokens map[string]string
			for _, cookie := range jar.Cookies(at) {
				if cookie.Name == "user0" {
					data, err := base64.StdEncoding.DecodeString(cookie.Value)
					if err != nil || json.Unmarshal(data, &tokens) != nil {
						t.Fatalf("the cookie is %q, %v", cookie.Value, err)
					}
				}
			}
			if idToken {
				tokens["AccessToken"] = "no JSON web token"
			}
			if status, body := get("/api/v1/namespaces/orders/workflows", tokens); status != 200 {
				t.Errorf("he is answered with %d %s", status, body)
			}
			if status, body := get("/api/v1/namespaces/default/workflows", tokens); status != 403 {
				t.Errorf("of another namespace he is answered with %d %s", status, body)
			}
		})
	}
}

func TestALoginNeedsTheKeysOfItsTokens(t *testing.T) {
	_, err := server.Start(t.Context(), server.Options{UI: server.UIOptions{Listen: "127.0.0.1:0", SSO: sso.Options{
		ProviderURL: "https://id.example.com", ClientID: "x", CallbackURL: "https://ui.example.com/auth/sso/callback",
	}}})
	if err == nil || !strings.Contains(err.Error(), "the keys of the provider's tokens are missing") {
		t.Errorf("it starts: %v", err)
	}
}
