package sso_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/webui/sso"
	"github.com/perdure/perdure/internal/webui/sso/ssotest"
)

// site is a UI with a login, and a browser that looks at it.
type site struct {
	t       *testing.T
	url     string
	browser *http.Client
	now     time.Time
	login   *sso.Login
}

// newSite makes a UI whose users log in at the provider. The options are changed by change.
func newSite(t *testing.T, p *ssotest.Provider, change func(*sso.Options)) *site {
	t.Helper()
	s := &site{t: t, now: time.Now()}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.URL.RequestURI()) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	options := sso.Options{
		ProviderURL: p.URL, ClientID: ssotest.ClientID, ClientSecret: ssotest.ClientSecret, CallbackURL: s.url + "/auth/sso/callback",
		Now: func() time.Time { return s.now }, Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&options)
	}
	login, err := sso.New(options)
	if err != nil {
		t.Fatal(err)
	}
	login.Routes(mux)
	s.login = login
	jar, _ := cookiejar.New(nil) // it never fails
	s.browser = &http.Client{Jar: jar}
	return s
}

// get is what the browser is shown at the address, after all redirects.
func (s *site) get(address string) (status int, body string) {
	s.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = s.url + address
	}
	resp, err := s.browser.Get(address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// tokens are what the pages find in the cookies, as they read them; nil if there is nothing.
func (s *site) tokens() map[string]string {
	s.t.Helper()
	at, _ := url.Parse(s.url)
	text := ""
	for _, name := range []string{"user0", "user1", "user2"} {
		for _, cookie := range s.browser.Jar.Cookies(at) {
			if cookie.Name == name {
				text += cookie.Value
			}
		}
	}
	if text == "" {
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		s.t.Fatal(err)
	}
	var tokens map[string]string
	if err := json.Unmarshal(data, &tokens); err != nil {
		s.t.Fatal(err)
	}
	return tokens
}

func TestAUserLogsInAndReturnsWhereHeWas(t *testing.T) {
	s := newSite(t, ssotest.New(t), nil)
	target := "/namespaces/orders/workflows?query=x%3D1"
	if status, body := s.get("/auth/sso?returnUrl=" + url.QueryEscape(target)); status != 200 || body != "page "+target {
		t.Errorf("he is shown %d %s", status, body)
	}
	tokens := s.tokens()
	if tokens["AccessToken"] == "" || tokens["IDToken"] == "" || tokens["Name"] != "Ada" || tokens["Email"] != "ada@example.com" {
		t.Errorf("the pages find %v", tokens)
	}
}

func TestNobodyIsSentToAnotherSite(t *testing.T) {
	s := newSite(t, ssotest.New(t), func(o *sso.Options) { o.Origins = []string{"https://console.example.com"} })
	s.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	host := strings.TrimPrefix(s.url, "http://")
	for target, allowed := range map[string]bool{
		"": true, "/": true, "/a?b#c": true, s.url + "/a": true, "https://console.example.com/a": true,
		"https://evil.example.com": false, "//evil.example.com": false, "/\\evil.example.com": false, "javascript:alert(1)": false,
		"http://console.example.com": false, "https://x@" + host: false, "a": false, "ftp://" + host: false, "/\tx": false, "%": false,
	} {
		status, _ := s.get("/auth/sso?returnUrl=" + url.QueryEscape(target))
		if (status == http.StatusFound) != allowed || !allowed && status != http.StatusBadRequest {
			t.Errorf("%q is answered with %d", target, status)
		}
	}
}

func TestALoginBelongsToTheBrowserThatHasBegunIt(t *testing.T) {
	p := ssotest.New(t)
	s, other := newSite(t, p, nil), newSite(t, p, nil)
	s.browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/auth/sso/callback" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	resp, err := s.browser.Get(s.url + "/auth/sso")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	callback, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	if _, body := other.get("/auth/sso/callback?" + callback.RawQuery); !strings.HasPrefix(body, "page /login?error=the+login+took+too+long") || other.tokens() != nil {
		t.Errorf("another browser is shown %s", body)
	}
	s.now = s.now.Add(time.Hour)
	if _, body := s.get(callback.String()); !strings.HasPrefix(body, "page /login?error=") || s.tokens() != nil {
		t.Errorf("an hour later the browser is shown %s", body)
	}
}

func TestWhatIsNotRightEndsAtThePageOfTheLogin(t *testing.T) {
	for name, spoil := range map[string]func(*ssotest.Provider, *sso.Options){
		"the provider refuses":    func(p *ssotest.Provider, _ *sso.Options) { p.Refuse = "access_denied" },
		"another nonce":           func(p *ssotest.Provider, _ *sso.Options) { p.Nonce = "other" },
		"a secret that is wrong":  func(_ *ssotest.Provider, o *sso.Options) { o.ClientSecret = "wrong" },
		"nobody at the provider":  func(_ *ssotest.Provider, o *sso.Options) { o.ProviderURL = "http://127.0.0.1:1" },
		"a provider that is none": func(_ *ssotest.Provider, o *sso.Options) { o.ProviderURL = o.CallbackURL },
	} {
		p := ssotest.New(t)
		s := newSite(t, p, func(o *sso.Options) { spoil(p, o) })
		if status, body := s.get("/auth/sso"); status != 200 || !strings.HasPrefix(body, "page /login?error=") || s.tokens() != nil {
			t.Errorf("%s: he is shown %d %s", name, status, body)
		}
	}
}

func TestASessionIsRenewedUntilItEnds(t *testing.T) {
	p := ssotest.New(t)
	s := newSite(t, p, func(o *sso.Options) { o.MaxSession = time.Hour })
	if status, _ := s.get("/auth/refresh"); status != http.StatusUnauthorized {
		t.Errorf("without a session: %d", status)
	}
	s.get("/auth/sso")
	last := s.tokens()["AccessToken"]
	for range 3 { // each refresh token is good for once
		s.now = s.now.Add(15 * time.Minute)
		status, body := s.get("/auth/refresh")
		if token := s.tokens()["AccessToken"]; status != 200 || token == last || token == "" {
			t.Fatalf("a session is answered with %d %s", status, body)
		}
		last = s.tokens()["AccessToken"]
	}
	s.now = s.now.Add(16 * time.Minute)
	if status, _ := s.get("/auth/refresh"); status != http.StatusUnauthorized {
		t.Errorf("after an hour: %d", status)
	}
	s.now = s.now.Add(-time.Hour)
	p.Subject = "eve"
	if status, _ := s.get("/auth/refresh"); status != http.StatusUnauthorized {
		t.Errorf("with tokens for somebody else: %d", status)
	}
}

func TestWhatTheProviderRevokesIsNotRenewed(t *testing.T) {
	p := ssotest.New(t)
	s := newSite(t, p, nil)
	s.get("/auth/sso")
	p.Revoke()
	if status, _ := s.get("/auth/refresh"); status != http.StatusUnauthorized {
		t.Errorf("the session is answered with %d", status)
	}
}

func TestLogoutEndsTheSession(t *testing.T) {
	s := newSite(t, ssotest.New(t), nil)
	s.get("/auth/sso")
	r, _ := http.NewRequest("GET", s.url+"/auth/logout", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	resp, err := s.browser.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || s.tokens() == nil {
		t.Errorf("a page of another site is answered with %d", resp.StatusCode)
	}
	if status, body := s.get("/auth/logout"); status != 200 || body != "page /" || s.tokens() != nil {
		t.Errorf("he is shown %d %s, and there is %v", status, body, s.tokens())
	}
	if status, _ := s.get("/auth/refresh"); status != http.StatusUnauthorized {
		t.Errorf("the session is answered with %d", status)
	}
}

func TestCookiesAreForTheBrowserAlone(t *testing.T) {
	p := ssotest.New(t)
	s := newSite(t, p, func(o *sso.Options) { o.CallbackURL = "https://perdure.example.com/ui/auth/sso/callback" })
	s.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := s.browser.Get(s.url + "/auth/sso")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	cookies := resp.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || !cookies[0].Secure || cookies[0].SameSite != http.SameSiteLaxMode {
		t.Fatalf("the cookies are %v", cookies)
	}
	for _, secret := range []string{"Nonce", "Verifier"} {
		if decoded, _ := base64.RawURLEncoding.DecodeString(cookies[0].Value); strings.Contains(string(decoded), secret) {
			t.Errorf("it can be read: %s", decoded)
		}
	}
}

func TestServersWithTheSameSecretTakeEachOthersSessions(t *testing.T) {
	p := ssotest.New(t)
	a, b := newSite(t, p, nil), newSite(t, p, nil)
	public := newSite(t, p, func(o *sso.Options) { o.ClientSecret = "" })
	a.get("/auth/sso")
	at, _ := url.Parse(a.url)
	refresh := func(to *site) int {
		r := httptest.NewRequest("GET", "/auth/refresh", nil)
		for _, cookie := range a.browser.Jar.Cookies(at) {
			r.AddCookie(cookie)
		}
		mux, w := http.NewServeMux(), httptest.NewRecorder()
		to.login.Routes(mux)
		mux.ServeHTTP(w, r)
		return w.Code
	}
	if status := refresh(public); status != http.StatusUnauthorized {
		t.Errorf("a server with another secret answers %d", status)
	}
	if status := refresh(b); status != 200 {
		t.Errorf("a server with the same secret answers %d", status)
	}
}

func TestAParameterOfTheBrowserGoesToTheProvider(t *testing.T) {
	s := newSite(t, ssotest.New(t), func(o *sso.Options) { o.Parameters = map[string]string{"audience": "perdure", "invitation": ""} })
	s.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := s.browser.Get(s.url + "/auth/sso?invitation=i&other=o")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	if q := to.Query(); q.Get("audience") != "perdure" || q.Get("invitation") != "i" || q.Has("other") {
		t.Errorf("the provider is asked %v", q)
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for name, options := range map[string]sso.Options{
		"no callback":      {ProviderURL: "https://id.example.com", ClientID: "x"},
		"another callback": {ProviderURL: "https://id.example.com", ClientID: "x", CallbackURL: "https://ui.example.com/callback"},
		"no client":        {ProviderURL: "https://id.example.com", CallbackURL: "https://ui.example.com/auth/sso/callback"},
	} {
		if _, err := sso.New(options); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}
