package candid

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

func TestAClientWaitsWhileItsUserLogsInOnThePage(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	root, caveat := w.root(2)
	i := w.begin(caveat)
	waiting := w.waitFor(i.wait())
	b := w.browser().open(i.visit()).
		wants(http.StatusOK, "Log in", i.Info.InteractionMethods["browser-window"]["Code"], "charmcraft@builder", "127.0.0.1").
		submit("login", "alice", "password", "wrong").wants(http.StatusUnauthorized, "wrong", `value="alice"`).
		submit("login", "alice@example.com", "password", password).
		wants(http.StatusOK, "upload, release and change your packages", "package-manage", "Go-http-client")
	select {
	case a := <-waiting:
		t.Fatalf("the client got %s before anybody has approved", a.body)
	default:
	}
	b.submit("decision", "approve").wants(http.StatusOK, "alice", "close this window")
	kind, token := w.token(<-waiting)
	who, err := w.finish(root, caveat, kind, token)
	if err != nil || who.User.Account.ID != alice.Account.ID || kind != "macaroon" {
		t.Errorf("the client is %+v with a %s, %v", who.Principal, kind, err)
	}
}

func TestTheErrorThatAsksForALoginIsExact(t *testing.T) {
	w := newWorld(t)
	for version, legacyOnly := range map[credential.BakeryVersion]bool{1: false, 2: false} {
		_, c := w.root(version)
		a := w.discharge(url.Values{"id64": {base64.RawURLEncoding.EncodeToString(c.Id)}})
		h := a.Header
		if a.StatusCode != 401 || h.Get("WWW-Authenticate") != "Macaroon" || h.Get("Content-Type") != "application/json" {
			t.Errorf("%d, %q, %q", a.StatusCode, h["Www-Authenticate"], h["Content-Type"])
		}
		var i interaction
		a.json(t, &i)
		if i.Code != "interaction required" || i.Info.VisitURL == "" || i.Info.WaitURL == "" ||
			(i.Info.InteractionMethods == nil) != legacyOnly || i.Info.InteractionMethods["agent"]["login-url"] == "" ||
			i.Info.InteractionMethods["form"]["url"] == "" || i.Info.InteractionMethods["browser-redirect"] != nil {
			t.Errorf("%s", a.body)
		}
		if h["Set-Cookie"] != nil {
			t.Errorf("a discharge sets cookies: %q", h["Set-Cookie"])
		}
	}
	key := credential.NewBoxKey()
	keys, err := w.id.BakeryKeys(t.Context())
	w.must(err)
	c, err := credential.NewBakeryCaveat(2, key, keys[0].Public(), "x", "<is-authenticated-user")
	w.must(err)
	a := w.discharge(url.Values{"id64": {base64.StdEncoding.EncodeToString(c.ID())}})
	if strings.Contains(a.body, "InteractionMethods") || !strings.Contains(a.body, "/login-legacy?did=") {
		t.Errorf("a caveat for old clients: %s", a.body)
	}
}

func TestASecondFactorIsAskedForOnAPageOfItsOwn(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	secret := w.secondFactor(alice)
	root, caveat := w.root(2)
	i := w.begin(caveat)
	waiting := w.waitFor(i.wait())
	b := w.browser().open(i.visit()).
		submit("login", "alice", "password", "wrong").wants(http.StatusUnauthorized, "password is wrong").
		submit("login", "alice", "password", password).wants(http.StatusOK, "second factor")
	if strings.Contains(b.page.body, password) {
		t.Error("the password stands on the page that asks for the code")
	}
	code := w.code(secret)
	b.submit("otp", "000000").wants(http.StatusForbidden, "code is wrong").
		submit("otp", code).wants(http.StatusOK, "Allow this login?").
		submit("decision", "approve").wants(http.StatusOK)
	kind, token := w.token(<-waiting)
	if who, err := w.finish(root, caveat, kind, token); err != nil || who.User.Account.ID != alice.Account.ID {
		t.Errorf("%+v, %v", who.Principal, err)
	}
	// What was sealed for one browser and visit is worth nothing elsewhere.
	_, caveat = w.root(2)
	b.open(w.begin(caveat).visit()).submit("login", "alice", "password", password).wants(http.StatusOK, "second factor")
	ticket := b.hidden().Get("ticket")
	other := w.browser().open(b.w.begin(caveat).visit())
	other.submit("ticket", ticket, "otp", w.code(secret)).wants(http.StatusForbidden, "too old")
}

func TestOneClientWaitsAndGetsTheTokenOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Wait = time.Second / 2 })
	w.person("alice", store.RolePublisher)
	_, caveat := w.root(2)
	i := w.begin(caveat)
	first := w.waitFor(i.wait())
	w.untilAwaited(i.wait())
	if a := w.read(http.Get(i.wait())); a.StatusCode != http.StatusConflict {
		t.Errorf("a second waiter got %d %s", a.StatusCode, a.body)
	}
	if a := <-first; a.StatusCode != http.StatusGatewayTimeout || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("after waiting for long: %d %s", a.StatusCode, a.body)
	}
	w.browser().open(i.visit()).submit("login", "alice", "password", password).submit("decision", "approve").wants(200)
	if a := w.read(http.Get(strings.Replace(i.wait(), "/wait-token?", "/wait-token/?", 1))); a.StatusCode != 200 || a.Header["Set-Cookie"] != nil {
		t.Errorf("the client that comes back got %d %s, cookies %q", a.StatusCode, a.body, a.Header["Set-Cookie"])
	}
	for _, again := range []string{i.wait(), i.Info.WaitURL} {
		if a := w.read(http.Get(again)); a.StatusCode != http.StatusForbidden {
			t.Errorf("a replayed did got %d %s", a.StatusCode, a.body)
		}
	}
	w.browser().open(i.visit()).wants(http.StatusForbidden, "over already")
}

func TestThePagesAddressIsNotEnoughToCollectTheToken(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	_, caveat := w.root(2)
	i := w.begin(caveat)
	w.browser().open(i.visit()).submit("login", "alice", "password", password).submit("decision", "approve").wants(200)
	stolen := strings.Replace(i.visit(), "/login?", "/wait-token?", 1)
	if a := w.read(http.Get(stolen)); a.StatusCode != http.StatusNotFound {
		t.Errorf("waiting with the page's id: %d %s", a.StatusCode, a.body)
	}
	if a := w.read(http.Get(i.wait())); a.StatusCode != http.StatusOK {
		t.Errorf("the client got %d %s", a.StatusCode, a.body)
	}
}

func TestARefusedOrExpiredLoginStopsTheClient(t *testing.T) {
	w := newWorld(t)
	_, caveat := w.root(2)
	i := w.begin(caveat)
	waiting := w.waitFor(i.wait())
	b := w.browser().open(i.visit())
	v := b.hidden()
	v.Set("decision", "refuse")
	w.read(b.client.PostForm(w.srv.URL+"/identity/login/approve", v))
	if a := <-waiting; a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "refused") {
		t.Errorf("refused: %d %s", a.StatusCode, a.body)
	}
	i = w.begin(caveat)
	w.pass(10 * time.Minute)
	for _, url := range []string{i.wait(), i.Info.WaitURL, i.visit(), i.Info.VisitURL} {
		if a := w.read(http.Get(url)); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s after its time: %d", url, a.StatusCode)
		}
	}
}

func TestApprovingNeedsAFreshLogin(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	for what, happens := range map[string]func(){
		"six minutes later":        func() { w.pass(6 * time.Minute) },
		"after another password":   func() { w.setPassword(alice, "another fine password") },
		"from a login of the past": func() { w.pass(time.Second); w.disable(alice) },
	} {
		w.setPassword(alice, password)
		_, err := w.id.Enable(t.Context(), store.Host("tester"), alice.Account.ID)
		w.must(err)
		_, caveat := w.root(2)
		i := w.begin(caveat)
		b := w.browser().open(i.visit()).submit("login", "alice", "password", password).wants(http.StatusOK, "Allow this login?")
		happens()
		if b.submit("decision", "approve"); b.page.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d %s", what, b.page.StatusCode, b.page.body)
		}
	}
}

func TestATokenIsForTheCaveatThatItWasAskedFor(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	root, caveat := w.root(2)
	i := w.begin(caveat)
	w.browser().open(i.visit()).submit("login", "alice", "password", password).submit("decision", "approve").wants(200)
	kind, token := w.token(w.read(http.Get(i.wait())))

	otherRoot, other := w.root(2)
	refused := func(what string, root *macaroon.Macaroon, c macaroon.Caveat, kind, token string) {
		t.Helper()
		if _, err := w.finish(root, c, kind, token); err == nil || !strings.HasPrefix(err.Error(), "401") {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("for another caveat", otherRoot, other, kind, token)
	refused("as an agent's", root, caveat, "agent", token)
	refused("of an unknown kind", root, caveat, "browser", token)
	raw, err := base64.StdEncoding.DecodeString(token)
	w.must(err)
	raw[len(raw)-1] ^= 1
	refused("changed", root, caveat, kind, base64.StdEncoding.EncodeToString(raw))
	rootRaw, err := root.MarshalBinary()
	w.must(err)
	refused("a root in its place", root, caveat, kind, base64.StdEncoding.EncodeToString(rootRaw))
	forged, err := macaroon.New([]byte("any key"), []byte("x"), "", macaroon.V2)
	w.must(err)
	w.must(forged.AddFirstPartyCaveat([]byte("declared username alice")))
	forgedRaw, err := forged.MarshalBinary()
	w.must(err)
	refused("forged", root, caveat, kind, base64.StdEncoding.EncodeToString(forgedRaw))
	// Nor does it open the store.
	if _, err := w.id.Whoami(t.Context(), identity.Evidence{Authorization: []string{"Macaroon " + token}}); err == nil {
		t.Error("a discharge token is taken for a session's")
	}
	if _, err := w.finish(root, caveat, kind, token); err != nil {
		t.Errorf("the right one, in the end: %v", err)
	}
	w.setPassword(alice, "another fine password")
	refused("after another password", root, caveat, kind, token)
}

func TestAServerThatStopsDoesNotWaitForThoseWhoWait(t *testing.T) {
	stopping := make(chan struct{})
	w := newWorld(t, func(o *Options) { o.Stopping = stopping })
	_, caveat := w.root(2)
	i := w.begin(caveat)
	waiting := w.waitFor(i.wait())
	w.untilAwaited(i.wait())
	close(stopping)
	if a := <-waiting; a.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("the client got %d %s, want to come back", a.StatusCode, a.body)
	}
}
