package sso

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// enrol gives an account a second factor and returns what makes its codes.
func (w *world) enrol(u store.User) (secret string) {
	w.t.Helper()
	e, err := w.people.EnableTOTP(w.t.Context(), operator, u.Account.ID)
	w.must(err)
	secret = e.Secret.Reveal()
	_, err = w.people.ConfirmTOTP(w.t.Context(), operator, u.Account.ID, e.Ticket, identity.NewSecret(w.code(secret)))
	w.must(err)
	w.pass(time.Minute)
	return secret
}

func (w *world) code(secret string) string {
	w.t.Helper()
	code, err := totp.GenerateCode(secret, w.now)
	w.must(err)
	return code
}

// Every way in which a login fails, in both spellings.
func TestALoginFailsInBothSpellings(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	guarded := w.enrol(w.person("guarded", store.RolePublisher))
	suspended := w.person("suspended", store.RolePublisher)
	_, err := w.people.Disable(t.Context(), operator, suspended.Account.ID)
	w.must(err)
	reset := w.person("reset", store.RolePublisher)
	w.update(func(tx *db.Tx) error {
		u, err := tx.User(reset.Account.ID)
		u.State = store.UserReset
		tx.Record(store.UserPut, "account/"+u.Account.ID, nil)
		if err != nil {
			return err
		}
		return tx.PutUser(u)
	})
	root := w.root("/dev/api/acl/", wanted())
	used := w.code(guarded)
	w.post("/api/v2/tokens/discharge", login(root, "guarded", "otp", used)).text(200, "discharge_macaroon")
	const discharge, refresh = "/api/v2/tokens/discharge", "/api/v2/tokens/refresh"
	fresh := w.root("/dev/api/acl/", wanted())
	for name, c := range map[string]struct {
		path   string
		body   any
		status int
		upper  string
	}{
		"wrong password":        {discharge, login(fresh, "alice", "password", "wrong"), 401, "INVALID_CREDENTIALS"},
		"nobody":                {discharge, login(fresh, "nobody"), 401, "INVALID_CREDENTIALS"},
		"no code":               {discharge, login(fresh, "guarded"), 401, "TWOFACTOR_REQUIRED"},
		"code for the 2nd time": {discharge, login(fresh, "guarded", "otp", used), 403, "TWOFACTOR_FAILURE"},
		"suspended":             {discharge, login(fresh, "suspended"), 403, "ACCOUNT_SUSPENDED"},
		"new password needed":   {discharge, login(fresh, "reset"), 403, "PASSWORD_POLICY_ERROR"},
		"no e-mail address":     {discharge, login(fresh, "alice", "email", ""), 400, "INVALID_DATA"},
		"no password":           {discharge, login(fresh, "alice", "password", ""), 400, "INVALID_DATA"},
		"no caveat":             {discharge, login(fresh, "alice", "caveat_id", ""), 400, "INVALID_DATA"},
		"another's caveat":      {discharge, login(root, "alice"), 400, "INVALID_DATA"},
		"a number for a text":   {discharge, `{"email":"alice@example.com","password":7}`, 400, "INVALID_DATA"},
		"a list":                {discharge, `[]`, 400, "INVALID_DATA"},
		"no JSON":               {discharge, `email=alice`, 400, "INVALID_DATA"},
		"nothing":               {discharge, nil, 400, "INVALID_DATA"},
		"too much":              {discharge, `{"email":"` + strings.Repeat("a", BodyLimit) + `"}`, 413, "REQUEST_TOO_LARGE"},
		"refresh of nothing":    {refresh, nil, 401, "INVALID_CREDENTIALS"},
		"refresh of nonsense":   {refresh, object{"discharge_macaroon": "AAAA"}, 401, "INVALID_CREDENTIALS"},
		"refresh of a root":     {refresh, object{"discharge_macaroon": w.encode(root)}, 401, "INVALID_CREDENTIALS"},
		"refresh of a number":   {refresh, `{"discharge_macaroon":1}`, 400, "INVALID_DATA"},
	} {
		w.address = "198.51.100." + fmt.Sprint(len(name)) // so that no address fails too often
		got := w.post(c.path, c.body)
		v := got.object(c.status)
		if v["code"] != c.upper {
			t.Errorf("%s: %v, want %s", name, v["code"], c.upper)
		}
		if kebab := strings.ToLower(strings.ReplaceAll(c.upper, "_", "-")); got.code(c.status) != kebab {
			t.Errorf("%s: %s, want %s", name, got.code(c.status), kebab)
		}
		if keys := slices.Sorted(maps.Keys(v)); !slices.Equal(keys, []string{"code", "error_list", "extra", "message"}) {
			t.Errorf("%s: the body has %v", name, keys)
		}
		if message, _ := v["message"].(string); message == "" {
			t.Errorf("%s: no message", name)
		}
		// snapd decodes this, and drops the whole error if it cannot.
		var snapd struct {
			Code    string         `json:"code"`
			Message string         `json:"message"`
			Extra   map[string]any `json:"extra"`
		}
		w.must(json.Unmarshal(got.Body.Bytes(), &snapd))
		for key, value := range snapd.Extra {
			list, isList := value.([]any)
			if _, isText := value.(string); !isText && (!isList || slices.ContainsFunc(list, func(v any) bool { _, ok := v.(string); return !ok })) {
				t.Errorf("%s: extra %s is %T", name, key, value)
			}
		}
		if c.upper == "PASSWORD_POLICY_ERROR" && snapd.Extra["reason"] == nil {
			t.Errorf("%s: no reason", name)
		}
		if c.upper == "INVALID_DATA" && c.path == discharge && got.Code == 400 && strings.HasPrefix(name, "no ") && name != "no JSON" && len(snapd.Extra) == 0 {
			t.Errorf("%s: extra does not name the member", name)
		}
		if got.Header().Get("Content-Length") == "" {
			t.Errorf("%s: no length", name)
		}
	}
}

func (w *world) update(f func(*db.Tx) error) {
	w.t.Helper()
	_, err := w.db.Update(w.t.Context(), "tester", f)
	w.must(err)
}

// P7 over HTTP.
func TestARefreshNeitherResurrectsNorInvents(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	root := w.root("/dev/api/acl/", wanted())
	d := w.discharge(root, "alice")
	refresh := func() answer {
		return w.post("/api/v2/tokens/refresh", object{"discharge_macaroon": w.encode(d)})
	}
	stale := w.pairOf(root, d)
	w.pass(8 * 24 * time.Hour)
	got := w.whoami(stale)
	if got.code(401) != identity.CodeNeedsRefresh || got.Header().Get("WWW-Authenticate") != refreshChallenge {
		t.Errorf("a stale discharge: %s %v", got.Body, got.Header())
	}
	d = w.decode(refresh().text(200, "discharge_macaroon"))
	w.proves("a fresh discharge", w.pairOf(root, d), "alice")
	if string(d.Id()) != string(caveat(root).Id) {
		t.Error("the fresh discharge is not of the same caveat")
	}
	_, err := w.people.SetPassword(t.Context(), operator, alice.Account.ID, identity.NewSecret("another password"))
	w.must(err)
	if v := refresh().object(401); v["code"] != "INVALID_CREDENTIALS" || strings.Contains(text(v), "alice") {
		t.Errorf("after another password: %v", v)
	}
	w.refuses("after another password", w.pairOf(root, d))
}
