package candid

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) loginRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + root + "/login", Handle: a.login},
		{Pattern: "GET " + root + "/login-legacy", Handle: a.login},
		{Pattern: "POST " + root + "/login", Handle: a.logIn},
		{Pattern: "POST " + root + "/login/approve", Handle: a.approve},
	}
}

// visited is what the pages of a login show of the client that waits.
type visited struct {
	Did      string
	Code     string
	Client   string
	Address  string
	For      *wanted
	Until    time.Time
	Login    string // as typed before
	Provider string // that may be used instead; empty if there is none
	Ticket   string
	User     store.User // once logged in
}

// visit reads which visit a page is about, and what is to be shown of it.
func (a *api) visit(r *http.Request) (identity.Secret, identity.ShownVisit, visited, error) {
	id, err := did(r)
	if err != nil {
		return id, identity.ShownVisit{}, visited{}, err
	}
	s, v, err := a.shown(r, id)
	return id, s, v, err
}

// shown is what is to be shown of a visit.
func (a *api) shown(r *http.Request, id identity.Secret) (identity.ShownVisit, visited, error) {
	s, err := a.Identity.ShowVisit(r.Context(), id)
	if err != nil {
		return s, visited{}, err
	}
	v := visited{Did: id.Reveal(), Code: s.Code, Client: s.Client, Address: s.Address, For: wantedOf(s.Asked), Until: s.Expires}
	if v.Client == "" {
		v.Client = "a program that does not say its name"
	}
	f, err := a.Identity.Provider(r.Context())
	if f.Configured() {
		v.Provider = f.Label()
	}
	return s, v, err
}

// login shows the page that a client sends its user to. Clients of the old
// protocol ask the same address for the ways to log in.
func (a *api) login(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Accept") == "application/json" {
		a.methods(w, r)
		return
	}
	_, _, v, err := a.visit(r)
	if err != nil {
		failPage(w, r, err)
		return
	}
	mark := a.browserOf(w, r)
	a.askPassword(w, r, http.StatusOK, mark, v, nil)
}

// methods lists the ways to log in for clients of the old protocol.
func (a *api) methods(w http.ResponseWriter, r *http.Request) {
	id, err := did(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	q := "?did=" + id.Reveal()
	reply.JSON(w, r, http.StatusOK, map[string]string{
		"interactive": a.url(r, "/login"+q), "agent": a.url(r, "/login/legacy-agent"+q),
	})
}

func (a *api) askPassword(w http.ResponseWriter, r *http.Request, status int, mark string, v visited, err error) {
	name, title := "login.html", "Log in"
	if v.Did == "" {
		name, title = "factor-login.html", "Second factor"
	}
	show(w, r, status, name, page{Title: title, Error: said(err), CSRF: csrfOf(mark), Body: v})
}

// said is what a page says of an error.
func said(err error) string {
	if err == nil {
		return ""
	}
	text := reply.Describe(err).Message
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// attempt is the login that a form tries: with name and password, or on the
// second page with the code.
func (a *api) attempt(r *http.Request, goodFor ...string) (identity.Attempt, error) {
	var t identity.Attempt
	if ticket := typed(r, "ticket"); !ticket.IsZero() {
		var err error
		if t, err = a.Identity.OpenAttempt(ticket, goodFor...); err != nil {
			return t, err
		}
		t.OTP = typed(r, "otp")
	} else {
		t.Login, t.Password = r.PostForm.Get("login"), typed(r, "password")
	}
	shown := identity.EvidenceOf(r)
	t.Address, t.UserAgent = shown.Address, shown.UserAgent
	return t, nil
}

// logIn checks a password, asks for the code where the account has a second
// factor, and then what the login is for.
func (a *api) logIn(w http.ResponseWriter, r *http.Request) {
	mark, err := ours(r)
	if err != nil {
		failPage(w, r, err)
		return
	}
	_, shown, v, err := a.visit(r)
	if err != nil {
		failPage(w, r, err)
		return
	}
	e, ok := a.prove(w, r, mark, v)
	if !ok {
		return
	}
	a.askApproval(w, r, mark, v, e, shown.ReturnTo)
}

// prove is the login itself. When it is not ok, it has answered.
func (a *api) prove(w http.ResponseWriter, r *http.Request, mark string, v visited) (e identity.AuthEvent, ok bool) {
	t, err := a.attempt(r, "code", v.Did, mark)
	if err != nil {
		a.askPassword(w, r, http.StatusForbidden, mark, v, err)
		return e, false
	}
	v.Login = r.PostForm.Get("login")
	e, err = a.Identity.Login(r.Context(), t)
	status := statusOf(w, err)
	switch code := store.CodeOf(err); {
	case err == nil:
		return e, true
	case code == identity.CodeTwoFactorRequired, code == identity.CodeTwoFactorFailure,
		code == identity.CodeTooMany && !t.OTP.IsZero():
		if code == identity.CodeTwoFactorRequired {
			err, status = nil, http.StatusOK
		}
		ticket, sealing := a.Identity.SealAttempt(t, "code", v.Did, mark)
		if sealing != nil {
			failPage(w, r, sealing)
			return e, false
		}
		v.Ticket = ticket.Reveal()
		show(w, r, status, "code.html", page{Title: "Second factor", Error: said(err), CSRF: csrfOf(mark), Body: v})
	case store.KindOf(err) == store.KindInternal:
		failPage(w, r, err)
	default:
		a.askPassword(w, r, status, mark, v, err)
	}
	return e, false
}

// statusOf is the status of an error on a page that goes on.
func statusOf(w http.ResponseWriter, err error) int {
	f := statused(reply.Describe(err))
	if after, ok := f.Extra[reply.ExtraRetryAfter].(string); ok {
		w.Header().Set("Retry-After", after)
	}
	return f.Status
}

// askApproval shows who wants what, and asks.
func (a *api) askApproval(w http.ResponseWriter, r *http.Request, mark string, v visited, e identity.AuthEvent, returnTo string) {
	ticket, err := a.Identity.SealEvent(e, "approve", v.Did, mark)
	if err != nil {
		failPage(w, r, err)
		return
	}
	v.Ticket, v.User = ticket.Reveal(), e.User
	show(w, r, http.StatusOK, "approve.html", page{Title: "Allow this login?", CSRF: csrfOf(mark), Body: v}, returnTo)
}

// approve does what somebody has decided.
func (a *api) approve(w http.ResponseWriter, r *http.Request) {
	mark, err := ours(r)
	if err != nil {
		failPage(w, r, err)
		return
	}
	id, shown, v, err := a.visit(r)
	if err != nil {
		failPage(w, r, err)
		return
	}
	if r.PostForm.Get("decision") != "approve" {
		if err := a.Identity.RefuseVisit(r.Context(), id); err != nil {
			failPage(w, r, err)
			return
		}
		if shown.ReturnTo != "" {
			goBack(w, r, shown.ReturnTo, url.Values{
				"state": {shown.State}, "error": {"the login was refused"}, "error_code": {"forbidden"},
			})
			return
		}
		show(w, r, http.StatusOK, "refused.html", page{Title: "Refused", Body: v})
		return
	}
	e, err := a.Identity.OpenEvent(r.Context(), typed(r, "ticket"), "approve", v.Did, mark)
	if err != nil {
		a.askPassword(w, r, http.StatusForbidden, mark, v, err)
		return
	}
	back, err := a.Identity.ApproveVisit(r.Context(), id, e)
	if err != nil {
		failPage(w, r, err)
		return
	}
	if back.To != "" {
		goBack(w, r, back.To, url.Values{"state": {back.State}, "code": {v.Did + "." + back.Code.Reveal()}})
		return
	}
	v.User = e.User
	show(w, r, http.StatusOK, "done.html", page{Title: "Logged in", Body: v})
}
