package candid

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// browserCookie tells one browser from another. It proves nothing about who
// uses it: a form that comes with another cookie, or with none, was not
// filled in on a page of ours.
const browserCookie = "larder-browser"

// browserOf returns the browser's mark, and gives it one if it has none.
func (a *api) browserOf(w http.ResponseWriter, r *http.Request) string {
	if mark, ok := markOf(r); ok {
		return mark
	}
	var random [32]byte
	rand.Read(random[:]) // never fails
	mark := base64.RawURLEncoding.EncodeToString(random[:])
	a.setCookie(w, r, browserCookie, mark, 0)
	return mark
}

func markOf(r *http.Request) (string, bool) {
	c, err := r.Cookie(browserCookie)
	if err != nil || len(c.Value) != 43 {
		return "", false
	}
	return c.Value, true
}

// setCookie sets a cookie for the pages here, for some seconds, or as long as
// the browser is open for 0; a negative time removes it. Lax, because a
// provider's login leads back here from another site.
func (a *api) setCookie(w http.ResponseWriter, r *http.Request, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: root, MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(a.BaseURL(r), "https://"),
	})
}

// csrfOf is what the forms of a browser carry. It does not give the mark away.
func csrfOf(mark string) string {
	sum := sha256.Sum256([]byte("form\x00" + mark))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ours lets through a form that was filled in on a page of ours, and returns
// the browser's mark.
func ours(r *http.Request) (mark string, err error) {
	if _, err := readForm(r); err != nil {
		return "", err
	}
	forged := store.Forbiddenf("form-forged", "this form does not come from a page of this service").
		Try("go back, load the page again and allow it cookies")
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return "", forged
	}
	mark, ok := markOf(r)
	if !ok || subtle.ConstantTimeCompare([]byte(csrfOf(mark)), []byte(r.PostForm.Get("csrf"))) != 1 {
		return "", forged
	}
	return mark, nil
}

// typed is a form's field that somebody has typed and nobody else may read.
func typed(r *http.Request, name string) identity.Secret {
	return identity.NewSecret(r.PostForm.Get(name))
}
