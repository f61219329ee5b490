package candid

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

func TestDischargesThatMakeNoSenseAreRefused(t *testing.T) {
	w := newWorld(t)
	keys, err := w.id.BakeryKeys(t.Context())
	w.must(err)
	ours := keys[0].Public()
	sealed := func(to credential.BoxPublic, condition string) string {
		c, err := credential.NewBakeryCaveat(2, credential.NewBoxKey(), to, "x", condition)
		w.must(err)
		return base64.RawURLEncoding.EncodeToString(c.ID())
	}
	good := sealed(ours, "is-authenticated-user")
	for name, tt := range map[string]struct {
		form   url.Values
		status int
	}{
		"nothing":                   {url.Values{}, 400},
		"no base64":                 {url.Values{"id64": {"%%%"}}, 400},
		"not a caveat":              {url.Values{"id": {"hello"}}, 400},
		"id twice":                  {url.Values{"id": {"x"}, "id64": {good}}, 400},
		"another service's caveat":  {url.Values{"id64": {sealed(credential.NewBoxKey().Public(), "is-authenticated-user")}}, 400},
		"an unknown condition":      {url.Values{"id64": {sealed(ours, "is-tall")}}, 400},
		"an empty condition":        {url.Values{"id64": {sealed(ours, "")}}, 400},
		"our mark from elsewhere":   {url.Values{"id64": {sealed(ours, "is-authenticated-user\n{}")}}, 400},
		"a domain that is not here": {url.Values{"id64": {sealed(ours, "is-authenticated-user @corp")}}, 403},
		"a token without its kind":  {url.Values{"id64": {good}, "token64": {"AAAA"}}, 400},
		"a kind without a token":    {url.Values{"id64": {good}, "token-kind": {"macaroon"}}, 400},
		"a token that is none":      {url.Values{"id64": {good}, "token": {"x"}, "token-kind": {"macaroon"}}, 401},
		"in somebody else's name":   {url.Values{"id64": {good}, "discharge-for-user": {"alice"}}, 403},
		"caveat64 that is none":     {url.Values{"id64": {good}, "caveat64": {"!"}}, 400},
		"a huge id":                 {url.Values{"id": {strings.Repeat("x", 40<<10)}}, 400},
		"a huge form":               {url.Values{"id": {strings.Repeat("x", 70<<10)}}, 413},
	} {
		a := w.discharge(tt.form)
		var e struct{ Code, Message string }
		a.json(t, &e)
		if a.StatusCode != tt.status || e.Code == "" || e.Message == "" || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s, want %d", name, a.StatusCode, a.body, tt.status)
		}
		if a.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: asks for a login", name)
		}
	}
	for name, form := range map[string]url.Values{
		"standard base64": {"id64": {base64.StdEncoding.EncodeToString(must(base64.RawURLEncoding.DecodeString(good)))}},
		"padded":          {"id64": {base64.URLEncoding.EncodeToString(must(base64.RawURLEncoding.DecodeString(good)))}},
		"caveat64":        {"id64": {"AwI"}, "caveat64": {good}},
	} {
		if a := w.discharge(form); a.StatusCode != 401 || !strings.Contains(a.body, "interaction required") {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAVisitIdThatIsNoneSaysSo(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/login", "/login-legacy", "/wait-token", "/wait-legacy", "/login/form", "/login/agent", "/login/openid"} {
		for did, status := range map[string]int{"": 400, "x": 400, strings.Repeat("x", 5000): 400, strings.Repeat("x", 43): 404} {
			if path == "/login/form" && status == 404 || path == "/login/agent" && status == 404 {
				continue // they look for the visit later
			}
			a := w.read(http.Get(w.srv.URL + "/identity" + path + "?did=" + did))
			if a.StatusCode != status {
				t.Errorf("%s with %d letters: %d %s", path, len(did), a.StatusCode, a.body)
			}
		}
	}
}

func TestAnAddressHasOnlySoManyLoginsThatWait(t *testing.T) {
	w := newWorld(t)
	_, caveat := w.root(2)
	form := url.Values{"id64": {base64.RawURLEncoding.EncodeToString(caveat.Id)}}
	var last answer
	n := 0
	for last = w.discharge(form); last.StatusCode == http.StatusUnauthorized && n < 1000; n++ {
		last = w.discharge(form)
	}
	if last.StatusCode != http.StatusTooManyRequests || n < 20 || n > 100 {
		t.Errorf("after %d logins: %d %s", n, last.StatusCode, last.body)
	}
}

// Every page and every answer keeps to the same headers.
func TestPagesCannotBeFramedScriptedOrRemembered(t *testing.T) {
	w := newWorld(t)
	_, caveat := w.root(2)
	i := w.begin(caveat)
	for _, page := range []string{
		i.visit(), w.srv.URL + "/identity", w.srv.URL + "/identity/password", w.srv.URL + "/identity/second-factor",
		w.srv.URL + "/identity/setup?token=x", w.srv.URL + "/identity/reset?token=%22%3E%3Cscript%3E", w.srv.URL + "/identity/login?did=x",
	} {
		a := w.read(http.Get(page))
		csp := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy is %q, without %s", page, csp, want)
			}
		}
		if strings.Contains(csp, "script-src") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy is %q", page, csp)
		}
		for name, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", page, name, got)
			}
		}
		if strings.Contains(a.body, "<script") || strings.Contains(a.body, "javascript:") || strings.Contains(a.body, `style="`) {
			t.Errorf("%s: %s", page, a.body)
		}
		for _, c := range a.Cookies() {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/identity" {
				t.Errorf("%s sets %s", page, c)
			}
		}
	}
}

func TestCookiesAreSecureWhereTheStoreIs(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.BaseURL = func(*http.Request) string { return "https://store.example" } })
	cookies := w.read(http.Get(w.srv.URL + "/identity/password")).Cookies()
	if len(cookies) != 1 || !cookies[0].Secure {
		t.Errorf("the cookies are %v", cookies)
	}
}

func TestFormsThatOthersMadeAreRefused(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	_, caveat := w.root(2)
	visit := w.begin(caveat).visit()
	b := w.browser().open(visit)
	right := b.hidden()
	right.Set("login", "alice")
	right.Set("password", password)
	with := func(name, value string) url.Values {
		v := url.Values{}
		for n := range right {
			v[n] = right[n]
		}
		v.Set(name, value)
		return v
	}
	stranger := w.browser().open(visit)
	post := func(b *browser, path string, v url.Values, site string) int {
		t.Helper()
		r, err := http.NewRequest("POST", w.srv.URL+path, strings.NewReader(v.Encode()))
		w.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		return w.read(b.client.Do(r)).StatusCode
	}
	for _, path := range []string{
		"/identity/login", "/identity/login/approve", "/identity/reset", "/identity/password", "/identity/second-factor",
		"/identity/second-factor/confirm", "/identity/second-factor/disable",
	} {
		for name, got := range map[string]int{
			"no cookie":         post(w.browser(), path, right, ""),
			"no mark":           post(b, path, with("csrf", ""), ""),
			"another mark":      post(b, path, with("csrf", "x"), ""),
			"a stranger's mark": post(b, path, with("csrf", stranger.hidden().Get("csrf")), ""),
			"from another site": post(b, path, right, "cross-site"),
			"from a neighbour":  post(b, path, right, "same-site"),
		} {
			if got != http.StatusForbidden {
				t.Errorf("%s with %s: %d", path, name, got)
			}
		}
	}
	if got := post(b, "/identity/login", right, "same-origin"); got != http.StatusOK {
		t.Errorf("the form itself: %d", got)
	}
	if got := post(b, "/identity/login", with("password", strings.Repeat("x", 70<<10)), ""); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a huge form: %d", got)
	}
}

func TestNothingThatComesFromOutsideIsMarkup(t *testing.T) {
	w := newWorld(t)
	_, caveat := w.root(2)
	r, err := http.NewRequest("POST", w.srv.URL+"/identity/discharge",
		strings.NewReader(url.Values{"id64": {base64.RawURLEncoding.EncodeToString(caveat.Id)}}.Encode()))
	w.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", `<b onclick="x">agent</b>`)
	var i interaction
	w.read(http.DefaultClient.Do(r)).json(t, &i)
	b := w.browser().open(i.visit()).wants(http.StatusOK, "&lt;b onclick=")
	b.submit("login", `"><script>x</script>`, "password", "x").wants(http.StatusUnauthorized, "&lt;script&gt;")
	if strings.Contains(b.page.body, "<script") {
		t.Error(b.page.body)
	}
}

func TestOnlyListedSitesGetTheirUsersBack(t *testing.T) {
	sites := []string{"https://web.example/back", "http://127.0.0.1:9000"}
	for to, want := range map[string]bool{
		"https://web.example/back":                             true,
		"https://web.example/back?a=b":                         true,
		"https://web.example/back/":                            true,
		"https://web.example/back/deep":                        true,
		"http://127.0.0.1:9000":                                true,
		"http://127.0.0.1:9000/any":                            true,
		"":                                                     false,
		"https://web.example":                                  false,
		"https://web.example/backdoor":                         false,
		"https://web.example/back/../x":                        false,
		"https://web.example/back/%2e%2e/x":                    false,
		"https://web.example/back%2f..%2fx":                    false,
		"https://web.example//back":                            false,
		"http://web.example/back":                              false,
		"https://web.example:444/back":                         false,
		"https://web.example.evil.test/back":                   false,
		"https://evilweb.example/back":                         false,
		"https://web.example@evil.test/back":                   false,
		"https://evil.test@web.example/back":                   false,
		"https://user:p@web.example/back":                      false,
		"https://web.example\\@evil.test":                      false,
		"https:\\\\evil.test/back":                             false,
		"https://evil.test\\.web.example":                      false,
		"//web.example/back":                                   false,
		"///web.example/back":                                  false,
		"/back":                                                false,
		"javascript:alert(1)":                                  false,
		"javascript://web.example/back%0aal":                   false,
		"data:text/html,x":                                     false,
		"https:web.example/back":                               false,
		"https:/web.example/back":                              false,
		" https://web.example/back":                            false,
		"https://web.example/back\r\nX: y":                     false,
		"https://web.example/back\t":                           false,
		"https://web.example/back#":                            false,
		"https://web.example/back#@evil.test":                  false,
		"https://web.example。/back":                            false,
		"https://ｗeb.example/back":                             false,
		"HTTPS://WEB.EXAMPLE/back":                             false,
		"https://web.example./back":                            false,
		"https://web.example/back" + strings.Repeat("x", 3000): false,
	} {
		if got := mayReturn(sites, to); got != want {
			t.Errorf("%.60q: %v", to, got)
		}
	}
	if mayReturn(nil, "https://web.example/back") || mayReturn([]string{"", "*", "https://*.example"}, "https://web.example/back") {
		t.Error("a list without it lets a site through")
	}
}

func TestAWebSiteGetsItsUserBackWithACode(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	start := w.srv.URL + "/identity/login-redirect?" + url.Values{"return_to": {"https://web.example/back?x=1"}, "state": {"a&b"}}.Encode()
	w.browser().open(start).wants(http.StatusForbidden, "may not use this login")
	w.mu.Lock()
	w.sites = []string{"https://web.example/back"}
	w.mu.Unlock()

	b := w.browser().open(start).wants(http.StatusSeeOther)
	b.open(w.srv.URL+b.page.Header.Get("Location")).wants(http.StatusOK, "https://web.example/back").
		submit("login", "alice", "password", password).wants(http.StatusOK)
	if csp := b.page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://web.example;") {
		t.Errorf("the page may not lead back: %s", csp)
	}
	b.submit("decision", "approve").wants(http.StatusSeeOther)
	back, err := b.page.Location()
	w.must(err)
	if back.Host != "web.example" || back.Query().Get("x") != "1" || back.Query().Get("state") != "a&b" {
		t.Errorf("the browser goes to %s", back)
	}
	redeem := func(code string) answer {
		return w.read(http.Post(w.srv.URL+"/identity/discharge-token", "application/json", strings.NewReader(fmt.Sprintf(`{"code":%q}`, code))))
	}
	code := back.Query().Get("code")
	for name, wrong := range map[string]string{"none": "", "half": strings.Split(code, ".")[0], "another": code[:len(code)-1] + "_", "text": "x.y"} {
		if a := redeem(wrong); a.StatusCode != http.StatusNotFound {
			t.Errorf("code %s: %d %s", name, a.StatusCode, a.body)
		}
	}
	var got struct{ Token struct{ Kind, Value string } }
	redeem(code).json(t, &got)
	root, caveat := w.root(2)
	if who, err := w.finish(root, caveat, got.Token.Kind, got.Token.Value); err != nil || who.User.Account.ID != alice.Account.ID {
		t.Errorf("%+v, %v", who.Principal, err)
	}
	if a := redeem(code); a.StatusCode != http.StatusForbidden {
		t.Errorf("the code again: %d %s", a.StatusCode, a.body)
	}

	b = w.browser().open(start)
	b.open(w.srv.URL+b.page.Header.Get("Location")).submit("login", "alice", "password", password).submit("decision", "refuse")
	back, err = b.page.Location()
	w.must(err)
	if back.Query().Get("error") == "" || back.Query().Get("code") != "" || back.Query().Get("state") != "a&b" {
		t.Errorf("refused, the browser goes to %s", back)
	}
}
