package candid

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

func TestAOneTimeLinkLeadsToANewPassword(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	link, err := w.id.Reset(t.Context(), store.Host("tester"), alice.Account.ID)
	w.must(err)
	setup := identity.SetupURL(w.srv.URL, link).Reveal()
	for range 2 { // looking uses nothing up
		w.browser().open(setup).wants(http.StatusOK, "Choose a password")
	}
	b := w.browser().open(strings.Replace(setup, "/setup?", "/reset?", 1)).wants(http.StatusOK)
	b.submit("new", "four fine words here", "again", "others").wants(http.StatusBadRequest, "not the same").
		submit("new", "alice", "again", "alice").wants(http.StatusBadRequest, "too short").
		submit("new", "four fine words here", "again", "four fine words here").wants(http.StatusOK, "alice", "new password")
	if _, err := w.id.Login(t.Context(), identity.Attempt{Login: "alice", Password: identity.NewSecret("four fine words here")}); err != nil {
		t.Errorf("the new password: %v", err)
	}
	w.browser().open(setup).submit("new", "four other words here", "again", "four other words here").
		wants(http.StatusForbidden, "used already")
	w.browser().open(w.srv.URL+"/identity/setup").submit("new", "four other words here", "again", "four other words here").
		wants(http.StatusForbidden)
}

func TestWhoKnowsThePasswordChangesIt(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	secret := w.secondFactor(alice)
	b := w.browser().open(w.srv.URL + "/identity/password")
	const other = "four fine words here"
	b.submit("login", "alice", "password", "wrong", "new", other, "again", other).wants(http.StatusUnauthorized, "wrong").
		submit("login", "alice", "password", password, "new", other, "again", other).wants(http.StatusUnauthorized, "second factor").
		submit("login", "alice", "password", password, "otp", w.code(secret), "new", password, "again", password).wants(http.StatusForbidden, "old one").
		submit("login", "alice", "password", password, "otp", w.code(secret), "new", other, "again", other).wants(http.StatusOK, "alice")
}

var (
	qrPicture = regexp.MustCompile(`<img class="qr" src="data:image/png;base64,([^"]+)" alt="[^"]+">`)
	qrSecret  = regexp.MustCompile(`<code>([A-Z2-7 ]+)</code>`)
)

func TestASecondFactorIsSetUpOnAPage(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	b := w.browser().open(w.srv.URL+"/identity/second-factor").
		submit("login", "alice", "password", "wrong").wants(http.StatusUnauthorized, "wrong").
		submit("login", "alice", "password", password).wants(http.StatusOK, "recovery codes")
	picture := qrPicture.FindStringSubmatch(b.page.body)
	if picture == nil {
		t.Fatalf("there is no QR code: %s", b.page.body)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(picture[1], "&#43;", "+"))
	w.must(err)
	if img, err := png.Decode(bytes.NewReader(raw)); err != nil || img.Bounds().Dx() < 100 {
		t.Errorf("the QR code is no picture: %v", err)
	}
	secret := strings.ReplaceAll(qrSecret.FindStringSubmatch(b.page.body)[1], " ", "")
	b.submit("otp", "000000").wants(http.StatusForbidden, "wrong")
	code, err := totp.GenerateCode(secret, w.clock())
	w.must(err)
	b.submit("otp", code).wants(http.StatusOK, "a\ncode")

	b = w.browser().open(w.srv.URL+"/identity/second-factor").
		submit("login", "alice", "password", password).wants(http.StatusOK, "Type the code").
		submit("otp", w.code(secret)).wants(http.StatusOK, "10 recovery codes")
	form := b.page
	w.pass(6 * time.Minute)
	b.submit().wants(http.StatusForbidden, "too old")
	b.open(w.srv.URL+"/identity/second-factor").submit("login", "alice", "password", password).submit("otp", w.code(secret)).
		submit().wants(http.StatusOK, "no second factor")
	if strings.Contains(form.body, secret) {
		t.Error("the secret is shown again")
	}
}
