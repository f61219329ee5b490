package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// What a client does with credentials is done here with the public library,
// not with ours.

const ssoHost = "login.example"

// decode reads a macaroon's text.
func (w *world) decode(text Secret) *macaroon.Macaroon {
	w.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text.Reveal())
	w.must(err)
	m := new(macaroon.Macaroon)
	w.must(m.UnmarshalBinary(raw))
	return m
}

func (w *world) encode(m *macaroon.Macaroon) string {
	w.t.Helper()
	raw, err := m.MarshalBinary()
	w.must(err)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// ssoCaveat is the id of a root's third-party caveat.
func ssoCaveat(m *macaroon.Macaroon) string {
	for _, c := range m.Caveats() {
		if len(c.VerificationId) > 0 {
			return string(c.Id)
		}
	}
	return ""
}

// pairHeader binds a discharge to a root and writes both.
func (w *world) pairHeader(root, discharge *macaroon.Macaroon) string {
	bound := discharge.Clone()
	bound.Bind(root.Signature())
	return `Macaroon root="` + w.encode(root) + `", discharge="` + w.encode(bound) + `"`
}

func evidence(authorization ...string) Evidence {
	return Evidence{Authorization: authorization, Address: "192.0.2.1", UserAgent: "test/1"}
}

// asked asks for what snapcraft asks for.
func asked(permissions ...string) Asked {
	if len(permissions) == 0 {
		permissions = []string{"package_access", "package_push", "package_release", "edit_account"}
	}
	return Asked{Permissions: permissions, Description: "a test"}
}

func (w *world) root(a Asked) *macaroon.Macaroon {
	w.t.Helper()
	r, err := w.IssueRoot(w.t.Context(), a, ssoHost)
	w.must(err)
	text, err := r.Macaroon.Text()
	w.must(err)
	return w.decode(text)
}

func (w *world) discharge(root *macaroon.Macaroon, name string) *macaroon.Macaroon {
	w.t.Helper()
	text, err := w.Discharge(w.t.Context(), w.attempt(name, testPassword), ssoCaveat(root), ssoHost)
	w.must(err)
	return w.decode(text)
}

// pair logs somebody in, with root and discharge.
func (w *world) pair(name string, a Asked) (root, discharge *macaroon.Macaroon) {
	root = w.root(a)
	return root, w.discharge(root, name)
}

func (w *world) pairOf(name string, a Asked) Evidence {
	return evidence(w.pairHeader(w.pair(name, a)))
}

// slice logs somebody in at the identity service, and writes the Macaroons
// header.
func (w *world) slice(name string, a Asked) Evidence {
	w.t.Helper()
	ctx := w.t.Context()
	r, err := w.IssueBakeryRoot(ctx, a, 2, "https://store.example/identity/")
	w.must(err)
	text, err := r.Macaroon.JSON()
	w.must(err)
	var root macaroon.Macaroon
	w.must(json.Unmarshal([]byte(text.Reveal()), &root))
	id := []byte(ssoCaveat(&root))
	keys, err := w.BakeryKeys(ctx)
	w.must(err)
	caveat, err := credential.OpenBakeryCaveat(id, keys...)
	w.must(err)
	condition, err := credential.ParseCondition(caveat.Condition)
	w.must(err)
	e, err := w.Login(ctx, w.attempt(name, testPassword))
	w.must(err)
	d, err := w.DischargeBakery(ctx, e, caveat, condition, id)
	w.must(err)
	dtext, err := d.Text()
	w.must(err)
	return w.macaroons(&root, w.decode(dtext))
}

// macaroons writes a slice as the bakery's clients do.
func (w *world) macaroons(root *macaroon.Macaroon, discharges ...*macaroon.Macaroon) Evidence {
	w.t.Helper()
	s := macaroon.Slice{root}
	for _, d := range discharges {
		d = d.Clone()
		d.Bind(root.Signature())
		s = append(s, d)
	}
	text, err := json.Marshal(s)
	w.must(err)
	return Evidence{Macaroons: []string{base64.URLEncoding.EncodeToString(text)}, Address: "192.0.2.1"}
}

func bearer(token Secret) Evidence { return evidence("Macaroon " + token.Reveal()) }

// exchanged logs somebody in and exchanges the pair.
func (w *world) exchanged(name string, a Asked) Issued {
	w.t.Helper()
	issued, err := w.ExchangePair(w.t.Context(), w.pairOf(name, a), "test/1")
	w.must(err)
	return issued
}

// who authenticates, which must succeed.
func (w *world) who(e Evidence) Who {
	w.t.Helper()
	who, err := w.Whoami(w.t.Context(), e)
	w.must(err)
	return who
}

// refuses checks that evidence proves nothing, with a plain 401.
func (w *world) refuses(what string, e Evidence) {
	w.t.Helper()
	p, err := w.Authenticate(w.t.Context(), e)
	if store.KindOf(err) != store.KindUnauthorised || store.CodeOf(err) != CodeNoCredentials || p.Account != "" {
		w.t.Errorf("%s: got %+v, %v", what, p, err)
	}
}

func seconds(n int64) *int64 { return &n }

// shown is what a client may see of an error: all but its cause.
func shown(err error) string {
	var e *store.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return fmt.Sprint(e.Kind, e.Code, e.Message, e.Next, e.Extra)
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
