// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/larder-store/larder/interop/harness"
)

// A publishing is a task for a driver: python/drive.py, or sdk. Both do the
// same steps, on a store of their own that nobody else publishes to.
type publishing struct {
	Flavour string   `json:"flavour"`
	URL     string   `json:"url"`
	Name    string   `json:"name"`
	Snaps   []string `json:"snaps"` // or charms
	// Resources are the files of a charm.
	Resources []string `json:"resources,omitempty"`
	Email     string   `json:"email"`
	Password  string   `json:"password"`
	Factor    bool     `json:"factor"` // ask for a code
	// NewPassword is what the operator changes the password to.
	NewPassword string `json:"new-password,omitempty"`
	// Export is the file for credentials that another program may use.
	Export string `json:"export,omitempty"`

	// What follows goes to Python in its environment.
	macaroon string // the administrator's
	exported string // another program's credentials
	browser  string // command line of the person's browser
}

func (p publishing) env(seen string) []string {
	return []string{"SEEN=" + seen, "BROWSER=" + p.browser, "ADMIN_MACAROON=" + p.macaroon, "EXPORTED=" + p.exported}
}

// flavours are the ways to log in and to publish.
var flavours = []struct {
	name    string
	flavour string
	factor  bool     // the person has a second factor
	pythons []string // the versions of craft-store that have this flavour
}{
	{"Ubuntu One", "u1", false, []string{"craft-store-2", "craft-store-3"}},
	{"Ubuntu One with a second factor", "u1", true, []string{"craft-store-2", "craft-store-3"}},
	{"credentials in the environment", "environment", false, []string{"craft-store-2", "craft-store-3"}},
	{"refusals", "refusals", false, []string{"craft-store-2", "craft-store-3"}},
	{"on premises", "onprem", false, []string{"craft-store-2", "craft-store-3"}},
	{"gateway", "gateway", false, []string{"craft-store-3"}},
	{"gateway with a second factor", "gateway", true, []string{"craft-store-3"}},
	{"Candid", "candid", false, []string{"craft-store-2", "craft-store-3"}},
	{"Candid with a second factor", "candid", true, []string{"craft-store-2", "craft-store-3"}},
	{"Candid on the gateway", "candid-gateway", false, []string{"craft-store-2", "craft-store-3"}},
}

// TestPublishersClientsAgree publishes with every version of craft-store and
// with larder's SDK, in every flavour, and compares what they were told.
func TestPublishersClientsAgree(t *testing.T) {
	for _, f := range flavours {
		t.Run(f.name, func(t *testing.T) {
			snaps := publishedSnaps(t)
			told := make(map[string][]harness.Step)
			for _, python := range f.pythons {
				client := harness.FindPython(t, python)
				w := newPublisherWorld(t, client.Browser())
				task := w.task(f.flavour, f.factor, python == "craft-store-2", snaps)
				told[python] = client.Drive(t, "drive.py", task, task.env(filepath.Join(t.TempDir(), "seen")), w.operator)
			}
			w := newPublisherWorld(t, harness.FindPython(t, "craft-store-3").Browser())
			want := w.drive(w.task(f.flavour, f.factor, false, snaps), w.operator)
			checkRaised(t, "SDK", f.flavour, want)
			for python, steps := range told {
				checkRaised(t, python, f.flavour, steps)
				compareSteps(t, python, steps, want)
			}
		})
	}
}

// publisherWorld is a store with one publisher.
type publisherWorld struct {
	*harness.Larder
	t       *testing.T
	person  *harness.Person
	browser string
}

func newPublisherWorld(t *testing.T, browser string) *publisherWorld {
	t.Helper()
	w := &publisherWorld{Larder: harness.New(t, harness.Place{}, harness.Root().Init(t)...), t: t, browser: browser}
	w.person = w.Person("alice", "publisher")
	w.Serve()
	return w
}

const (
	publishedName = "interop-hello"
	newPassword   = "another horse of alice"
)

// publishedSnaps makes two revisions of a snap.
func publishedSnaps(t *testing.T) (paths []string) {
	for _, version := range []string{"1.0", "2.0"} {
		paths = append(paths, harness.Snap{
			Name: publishedName, Version: version, Summary: "Says hello", Confinement: "strict", Base: "core24",
			Apps: []string{"hello"}, Ballast: 300_000,
		}.Build(t))
	}
	return paths
}

func (w *publisherWorld) task(flavour string, factor, old bool, snaps []string) publishing {
	w.t.Helper()
	p := publishing{
		Flavour: flavour, URL: w.URL, Name: publishedName, Snaps: snaps, Email: w.person.Email, Password: w.person.Password,
		browser: w.browser,
	}
	if factor {
		w.GiveFactor(w.person)
		p.Factor = true
	}
	switch flavour {
	case "onprem":
		p.macaroon = w.AdminMacaroon(w.person)
	case "environment":
		p.exported = w.export(p, old)
	case "refusals":
		p.NewPassword = newPassword
		w.export(p, old)
	}
	return p
}

// operator does what drivers ask of the store's operator, and reads the person's
// authenticator for them.
func (w *publisherWorld) operator(what string) (line string) {
	w.t.Helper()
	switch what {
	case "code":
		return w.person.Factor.Code(w.t)
	case "password":
		w.Type(newPassword+"\n", "account", "set-password", w.person.Username, "--password-stdin")
	case "revoke":
		w.Run("token", "revoke", "--account", w.person.Username)
	case "guardrail":
		w.Run("package", "track", "guardrail", publishedName, "--add", `[0-9]+\.0`)
	default:
		w.t.Fatalf("nobody knows what %q is", what)
	}
	return ""
}

// compareSteps fails the test where Python was told something else than the SDK.
func compareSteps(t *testing.T, python string, got, want []harness.Step) {
	t.Helper()
	names := func(steps []harness.Step) (list []string) {
		for _, s := range steps {
			list = append(list, s.Name)
		}
		return list
	}
	if g, w := names(got), names(want); !slices.Equal(g, w) {
		t.Errorf("%s did %q, the SDK %q", python, g, w)
	}
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		if g.Absent != "" {
			if python != "craft-store-2" {
				t.Errorf("%s, %s: %s", python, g.Name, g.Absent)
			}
			continue
		}
		if g.Refused != w.Refused || (g.Codes != nil && !slices.Equal(g.Codes, w.Codes)) {
			t.Errorf("%s, %s: refused with %d %q, the SDK with %d %q", python, g.Name, g.Refused, g.Codes, w.Refused, w.Codes)
		}
		if (g.Raised == "") != (w.Raised == "") {
			t.Errorf("%s, %s: raised %q %s, the SDK %q %s", python, g.Name, g.Raised, g.Said, w.Raised, w.Said)
		}
		a, b := normal(g.Answer), normal(w.Answer)
		if !agree(a, b, unseen[g.Name]) {
			t.Errorf("%s, %s:\n got %s\nSDK  %s", python, g.Name, asJSON(a), asJSON(b))
		}
	}
}

// unseen are members that craft-store's models of a step leave out, and the
// SDK's keep.
var unseen = map[string][]string{
	// Without "apps" in it, which the store gives only if asked for, craft-store
	// takes a revision for one of no namespace.
	"list revisions": {
		"architectures", "base", "build-url", "confinement", "created-by", "epoch", "grade", "size", "type", "version",
	},
	"list one revision":          {"architectures", "base", "confinement", "epoch", "grade"},
	"list revisions with fields": {"apps", "architectures", "base", "confinement", "epoch", "grade", "type"},
	"list releases":              {"architecture"}, // of PublisherGateway, whose model is for charms
	// PublisherGateway takes all revisions for those of no namespace.
	"list charm revisions": {"bases"}, "list one charm revision": {"bases"}, "list charm revisions with the craft file": {"bases"},
}

// agree reports whether two normal answers are the same, but for members of the
// SDK's that are not seen by craft-store.
func agree(got, sdk any, unseen []string) bool {
	switch g := got.(type) {
	case map[string]any:
		s, ok := sdk.(map[string]any)
		if !ok {
			return false
		}
		for key, value := range g {
			if !agree(value, s[key], unseen) {
				return false
			}
		}
		for key := range s {
			if _, seen := g[key]; !seen && !slices.Contains(unseen, key) {
				return false
			}
		}
		return true
	case []any:
		s, ok := sdk.([]any)
		return ok && slices.EqualFunc(g, s, func(a, b any) bool { return agree(a, b, unseen) })
	}
	return reflect.DeepEqual(got, sdk)
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

var (
	aTime = regexp.MustCompile(`^20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d`)
	anID  = regexp.MustCompile(`^([A-Za-z0-9]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	query = regexp.MustCompile(`[?&]upload[-_]id=[^&]+`)
)

// normal makes answers of different stores and languages comparable: what is
// null or empty is left out, ids and times lose their values.
func normal(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any)
		for key, value := range v {
			if key == "calls" { // how often a client tells of an upload is its own choice
				value = value != 0.0
			}
			if n := normal(value); n != nil {
				out[key] = n
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		var out []any
		for _, e := range v {
			out = append(out, normal(e))
		}
		if out == nil {
			return nil
		}
		return out
	case string:
		switch {
		case v == "":
			return nil
		case aTime.MatchString(v):
			return "TIME"
		case anID.MatchString(v):
			return "ID"
		}
		return query.ReplaceAllString(v, "?upload-id=ID")
	}
	return v
}

// raised are the steps that must fail: what craft-store's clients raise, what
// its PublisherGateway does if that differs, and the SDK's error. Nothing else
// may fail.
var raised = []struct{ step, client, gateway, sdk string }{
	{"whoami before login", "CredentialsUnavailable", "", "ErrCredentialsUnavailable"},
	{"login with a wrong password", "StoreServerError", "UbuntuOneCredentialsError", "ErrInvalidLogin"},
	{"login with a wrong macaroon", "StoreServerError", "", "ErrUnauthorized"},
	{"login as nobody", "StoreServerError", "", "ErrInvalidLogin"},
	{"whoami after failed logins", "CredentialsUnavailable", "", "ErrCredentialsUnavailable"},
	{"login without a code", "StoreServerError", "UbuntuOneOtpRequiredError", "ErrSecondFactorRequired"},
	{"login with a wrong code", "StoreServerError", "HTTPStatusError", "ErrSecondFactorFailed"},
	{"login again", "CredentialsAlreadyAvailable", "", "ErrCredentialsAvailable"},
	{"register again", "StoreServerError", "CraftStoreError", "ErrConflict"},
	{"register a reserved name", "StoreServerError", "", "ErrConflict"},
	{"metadata of nothing", "", "CraftStoreError", "ErrNotFound"},
	{"notify of no upload", "StoreServerError", "StoreServerError", "ErrNotFound"},
	{"release of no revision", "StoreServerError", "CraftStoreError", "ErrNotFound"},
	{"release to no channel", "StoreServerError", "", "StoreError"},
	{"release without the resource", "StoreServerError", "CraftStoreError", "StoreError"},
	{"release of no resource", "StoreServerError", "", "ErrNotFound"},
	{"update no resource revision", "StoreServerError", "", "ErrNotFound"},
	{"create a track without a guardrail", "", "CraftStoreError", "ErrForbidden"},
	{"create a track again", "", "CraftStoreError", "ErrConflict"},
	{"create a track outside the guardrail", "", "CraftStoreError", "StoreError"},
	{"create a track with a bad name", "", "InvalidRequestError", "RequestError"},
	{"unregister a published name", "", "CraftStoreError", "ErrConflict"},
	{"unregister a published charm", "", "CraftStoreError", "ErrForbidden"},
	{"release to a channel outside", "StoreServerError", "", "ErrForbidden"},
	{"register without the permission", "StoreServerError", "", "ErrForbidden"},
	{"whoami after the password changed", "StoreServerError", "", "ErrUnauthorized"},
	{"refresh after the password changed", "StoreServerError", "", "ErrUnauthorized"},
	{"login with the old password", "StoreServerError", "", "ErrInvalidLogin"},
	{"whoami after revocation", "StoreServerError", "", "ErrUnauthorized"},
	{"whoami until the login expires", "StoreServerError", "", "ErrUnauthorized"},
	{"whoami after logout", "CredentialsUnavailable", "", "ErrCredentialsUnavailable"},
	{"logout again", "CredentialsUnavailable", "", "ErrCredentialsUnavailable"},
}

func checkRaised(t *testing.T, who, flavour string, steps []harness.Step) {
	t.Helper()
	for _, s := range steps {
		want := ""
		for _, r := range raised {
			switch {
			case r.step != s.Name:
			case who == "SDK":
				want = r.sdk
			case flavour == "gateway":
				want = r.gateway
			default:
				want = r.client
			}
		}
		if s.Name == "login" && flavour == "environment" {
			want = map[bool]string{true: "ErrCredentialsAvailable", false: "CredentialsAlreadyAvailable"}[who == "SDK"]
		}
		if s.Raised != want {
			t.Errorf("%s, %s: raised %q %s (%d %q), not %q", who, s.Name, s.Raised, s.Said, s.Refused, s.Codes, want)
		}
	}
}
