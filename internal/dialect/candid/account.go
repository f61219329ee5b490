package candid

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/png"
	"net/http"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) pageRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + root, Handle: a.index},
		{Pattern: "GET " + root + "/style.css", Handle: a.style},
		{Pattern: "GET " + identity.SetupPath, Handle: a.link},
		{Pattern: "GET " + root + "/reset", Handle: a.link},
		{Pattern: "POST " + root + "/reset", Handle: a.redeem},
		{Pattern: "GET " + root + "/password", Handle: a.password},
		{Pattern: "POST " + root + "/password", Handle: a.changePassword},
		{Pattern: "GET " + root + "/second-factor", Handle: a.factor},
		{Pattern: "POST " + root + "/second-factor", Handle: a.beginFactor},
		{Pattern: "POST " + root + "/second-factor/confirm", Handle: a.confirmFactor},
		{Pattern: "POST " + root + "/second-factor/disable", Handle: a.disableFactor},
	}
}

func (a *api) index(w http.ResponseWriter, r *http.Request) {
	show(w, r, http.StatusOK, "index.html", page{Title: "Your account"})
}

// chosen is what the pages show that choose a password.
type chosen struct {
	Token string
	Login string
}

// link shows the page of a one-time link. Only the form uses the link up: what
// looks at links before people do must not.
func (a *api) link(w http.ResponseWriter, r *http.Request) {
	mark := a.browserOf(w, r)
	show(w, r, http.StatusOK, "reset.html", page{
		Title: "Choose a password", CSRF: csrfOf(mark), Body: chosen{Token: r.FormValue("token")},
	})
}

var errTwice = store.Invalidf("passwords-differ", "the two new passwords are not the same").Try("type it twice")

func (a *api) redeem(w http.ResponseWriter, r *http.Request) {
	mark, err := ours(r)
	if err != nil {
		failPage(w, r, err)
		return
	}
	var u store.User
	if err = newTwice(r); err == nil {
		u, err = a.Identity.RedeemReset(r.Context(), typed(r, "token"), typed(r, "new"), identity.EvidenceOf(r).Address)
	}
	if err != nil {
		show(w, r, statusOf(w, err), "reset.html", page{
			Title: "Choose a password", Error: said(err), CSRF: csrfOf(mark), Body: chosen{Token: r.PostForm.Get("token")},
		})
		return
	}
	show(w, r, http.StatusOK, "chosen.html", page{Title: "Password chosen", Body: u})
}

func newTwice(r *http.Request) error {
	if !typed(r, "new").Equal(typed(r, "again")) {
		return errTwice
	}
	return nil
}

func (a *api) password(w http.ResponseWriter, r *http.Request) {
	mark := a.browserOf(w, r)
	show(w, r, http.StatusOK, "password.html", page{Title: "Change your password", CSRF: csrfOf(mark), Body: chosen{}})
}

func (a *api) changePassword(w http.ResponseWriter, r *http.Request) {
	mark, err := ours(r)
	if err != nil {
		failPage(w, r, err)
		return
	}
	shown := identity.EvidenceOf(r)
	var u store.User
	if err = newTwice(r); err == nil {
		u, err = a.Identity.ChangePassword(r.Context(), identity.Attempt{
			Login: r.PostForm.Get("login"), Password: typed(r, "password"), OTP: typed(r, "otp"),
			Address: shown.Address, UserAgent: shown.UserAgent,
		}, typed(r, "new"))
	}
	if err != nil {
		show(w, r, statusOf(w, err), "password.html", page{
			Title: "Change your password", Error: said(err), CSRF: csrfOf(mark), Body: chosen{Login: r.PostForm.Get("login")},
		})
		return
	}
	show(w, r, http.StatusOK, "chosen.html", page{Title: "Password changed", Body: u})
}

// enrolling is what the page of a new second factor shows.
type enrolling struct {
	User     store.User
	Login    string       // the login's ticket
	Ticket   string       // the enrolment's
	QR       template.URL // empty when it was shown before
	Secret   string
	Recovery []string
}

func (a *api) factor(w http.ResponseWriter, r *http.Request) {
	a.askPassword(w, r, http.StatusOK, a.browserOf(w, r), visited{}, nil)
}

// beginFactor shows a new second factor to whoever has just logged in, or that
// there is one.
func (a *api) beginFactor(w http.ResponseWriter, r *http.Request) {
	mark, err := ours(r)
	if err != nil {
		failPage(w, r, err)
		return
	}
	e, ok := a.prove(w, r, mark, visited{})
	if !ok {
		return
	}
	body, err := a.enrol(r, mark, e)
	if err != nil {
		failPage(w, r, err)
		return
	}
	name := "enrol.html"
	if e.User.SecondFactor() {
		name = "factor.html"
	}
	show(w, r, http.StatusOK, name, page{Title: "Second factor", CSRF: csrfOf(mark), Body: body})
}

func (a *api) enrol(r *http.Request, mark string, e identity.AuthEvent) (enrolling, error) {
	login, err := a.Identity.SealEvent(e, "second factor", mark)
	if err != nil {
		return enrolling{}, err
	}
	body := enrolling{User: e.User, Login: login.Reveal()}
	if e.User.SecondFactor() {
		return body, nil
	}
	begun, err := a.Identity.EnableTOTP(r.Context(), e.Principal(), e.User.Account.ID)
	if err != nil {
		return body, err
	}
	body.Ticket, body.Secret = begun.Ticket.Reveal(), inFours(begun.Secret.Reveal())
	for _, code := range begun.Recovery {
		body.Recovery = append(body.Recovery, code.Reveal())
	}
	body.QR, err = qrImage(begun.URL.Reveal())
	return body, err
}

// qrImage is a picture of a text, for a page.
func qrImage(text string) (template.URL, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("cannot draw a QR code: %w", err)
	}
	const pixels = 4 // of each module
	size := code.Bounds().Dx() * pixels
	if code, err = barcode.Scale(code, size, size); err != nil {
		return "", fmt.Errorf("cannot draw a QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, code); err != nil {
		return "", fmt.Errorf("cannot draw a QR code: %w", err)
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

// inFours sets blanks into a secret, for those who type it.
func inFours(text string) string {
	var b bytes.Buffer
	for i := range len(text) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func (a *api) confirmFactor(w http.ResponseWriter, r *http.Request) {
	mark, e, ok := a.again(w, r)
	if !ok {
		return
	}
	u, err := a.Identity.ConfirmTOTP(r.Context(), e.Principal(), e.User.Account.ID, typed(r, "enrolment"), typed(r, "otp"))
	if err != nil {
		show(w, r, statusOf(w, err), "enrol.html", page{
			Title: "Second factor", Error: said(err), CSRF: csrfOf(mark),
			Body: enrolling{User: e.User, Login: r.PostForm.Get("ticket"), Ticket: r.PostForm.Get("enrolment")},
		})
		return
	}
	show(w, r, http.StatusOK, "factor-done.html", page{Title: "Second factor", Body: u})
}

func (a *api) disableFactor(w http.ResponseWriter, r *http.Request) {
	_, e, ok := a.again(w, r)
	if !ok {
		return
	}
	u, err := a.Identity.DisableTOTP(r.Context(), e.Principal(), e.User.Account.ID)
	if err != nil {
		failPage(w, r, err)
		return
	}
	show(w, r, http.StatusOK, "factor-done.html", page{Title: "Second factor", Body: u})
}

// again is whoever has logged in on the page before. When it is not ok, it has
// answered.
func (a *api) again(w http.ResponseWriter, r *http.Request) (mark string, e identity.AuthEvent, ok bool) {
	mark, err := ours(r)
	if err != nil {
		failPage(w, r, err)
		return mark, e, false
	}
	e, err = a.Identity.OpenEvent(r.Context(), typed(r, "ticket"), "second factor", mark)
	if err != nil {
		a.askPassword(w, r, http.StatusForbidden, mark, visited{}, err)
		return mark, e, false
	}
	return mark, e, true
}
